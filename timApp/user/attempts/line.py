"""Lines in which those wait who try passwords of one person from one place: one at a time.

So whoever tries many at once is told of the wait after the first of them, and keeps nobody else
from a thread, or from a hash.
"""

from collections import deque
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from threading import Lock

from timApp.util.turns import turn_given


class LineIsFull(Exception):  # noqa: N818 - named after what was found
    """There is no room in the line."""


class Line:
    """Those who wait for one thing, in the order in which they came; the first has the turn."""

    def __init__(self) -> None:
        self._mutex = Lock()
        self._room: int | None = None
        # Each is told whether it has the turn now, or has no room any more.
        self._tickets: deque[SimpleQueue[bool]] = deque()

    def join(self) -> SimpleQueue[bool]:
        """Return a ticket; `LineIsFull` if there is no room."""
        ticket: SimpleQueue[bool] = SimpleQueue()
        with self._mutex:
            if self._room is not None and len(self._tickets) >= self._room:
                raise LineIsFull
            if not self._tickets:
                ticket.put(True)
            self._tickets.append(ticket)
        return ticket

    def leave_room_for(self, count: int) -> None:
        """Let no more than that number be in the line, the one with the turn included.

        Those who came last and have no room any more are told so.
        """
        with self._mutex:
            self._room = count
            while len(self._tickets) > max(count, 1):
                self._tickets.pop().put(False)

    def leave(self) -> bool:
        """Pass the turn on; tell whether there is somebody to have it."""
        with self._mutex:
            self._tickets.popleft()
            if self._tickets:
                self._tickets[0].put(True)
            return bool(self._tickets)


class Lines:
    """The lines of a process. A line is forgotten when nobody is in it, and its room with it."""

    def __init__(self) -> None:
        self._mutex = Lock()
        self._lines: dict[Hashable, Line] = {}

    @contextmanager
    def turn(self, key: Hashable) -> Iterator[Line]:
        """Wait for the turn, and have it inside `with`; `LineIsFull` if there is no room for it.

        Others work meanwhile (see `timApp.util.turns`).
        """
        with self._mutex:
            line = self._lines.setdefault(key, Line())
            ticket = line.join()
        try:
            has_turn = ticket.get_nowait()
        except Empty:
            with turn_given():
                has_turn = ticket.get()
        if not has_turn:
            raise LineIsFull
        try:
            yield line
        finally:
            with self._mutex:
                if not line.leave():
                    del self._lines[key]
