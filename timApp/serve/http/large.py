"""Bodies that are larger than others: who may send one, and how many there are at a time."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from timApp.serve.http.message import Headers


class LargeBody(NamedTuple):
    """What somebody may send to an address that takes much."""

    #: The number of the person.
    sender: int
    #: Bytes.
    size: int


class LargeBodies:
    """The large bodies of a process; for the loop's thread."""

    def __init__(
        self,
        routes: Mapping[tuple[bytes, bytes], int],
        sender: Callable[[Headers], int | None],
        room: int,
    ) -> None:
        """Take how many bytes are taken by method and path, and of all bodies together.

        `sender` returns whose cookie the site has signed; None for nobody's.
        """
        self._routes = routes
        self._sender = sender
        self._room = room
        self._held: dict[int, int] = {}

    def find(self, method: bytes, target: bytes, headers: Headers) -> LargeBody | None:
        """Return what may be sent there; None where, or by whom, no more than elsewhere."""
        size = self._routes.get((method, target.partition(b"?")[0]))
        sender = None if size is None else self._sender(headers)
        return None if size is None or sender is None else LargeBody(sender, size)

    def begin(self, sender: int, size: int) -> bool:
        """Keep room for a body of so many bytes; tell whether there is any.

        One person sends one at a time, so that nobody takes all of it.
        """
        if sender in self._held or sum(self._held.values()) + size > self._room:
            return False
        self._held[sender] = size
        return True

    def end(self, sender: int) -> None:
        """Give back the room of a person's body."""
        del self._held[sender]
