"""All connections of a process, and the clock that ends those that take too long."""

import logging
from email.utils import formatdate
from typing import Protocol

from timApp.serve.http.journal import Journal
from timApp.serve.http.large import LargeBodies
from timApp.serve.http.limits import Limits
from timApp.serve.http.mailbox import Mailbox
from timApp.serve.http.message import Answer, Handler
from timApp.serve.http.refusal import Refusals
from timApp.serve.http.wire import head_of
from timApp.util.repeats import Repeats

_log = logging.getLogger(__name__)

#: Seconds between two looks at the connections.
SWEEP = 0.25
_DATE = 0.5
#: Why a connection is closed at once.
CONNECTIONS, CONNECTIONS_OF_ADDRESS = TOO_MANY = ("connections", "connections_of_address")


class Kept(Protocol):
    """A connection, as the others know it."""

    #: When to call `expire`, on the clock of the loop.
    deadline: float

    @property
    def is_idle(self) -> bool:
        """Whether nothing of a request has come that is not answered."""

    def expire(self) -> None:
        """Act on a deadline that has passed."""

    def close(self) -> None:
        """End once all is written."""


class Connections:
    """The connections, and what they have in common. For the loop's thread."""

    def __init__(  # noqa: PLR0917 - what they have in common
        self,
        mailbox: Mailbox,
        handler: Handler,
        refusals: Refusals,
        limits: Limits,
        journal: Journal,
        large: LargeBodies,
    ) -> None:
        self.loop = mailbox.loop
        self.mailbox = mailbox
        self.handler = handler
        self.refusals = refusals
        self.limits = limits
        self.journal = journal
        self.large = large
        #: The line of heads, good for a second.
        self.date = b""
        #: Bytes that are kept of requests which are being read, wait or are answered.
        self.held_bytes = 0
        #: Whether the process is about to end: no connection is kept.
        self.is_ending = False
        self._date_until = 0.0
        self._open: dict[Kept, None] = {}
        self._of_address: dict[str, int] = {}
        self._refused = Repeats()
        self.sweep()

    @property
    def is_full(self) -> bool:
        """Whether as much is kept of requests as may be."""
        return self.held_bytes > self.limits.held_bytes

    def __len__(self) -> int:
        return len(self._open)

    def head(
        self,
        answer: Answer,
        length: int | None,
        *,
        version: str,
        keeps: bool,
        request_id: str | None = None,
    ) -> bytes:
        """Return the head of an answer to a request of that version, with the date and the id."""
        lines = self.date
        if request_id is not None:
            lines += b"X-Request-ID: %b\r\n" % request_id.encode()
        return head_of(
            answer.status, answer.headers, lines, length=length, version=version, keeps=keeps
        )

    def admit(self, connection: Kept, address: str) -> bool:
        """Count a connection in, unless there are too many; tell whether it may stay.

        Whoever keeps the site is told of those that may not, by a line of the log now and then.
        """
        count = self._of_address.get(address, 0) + 1
        most = self.limits.connections_of_address
        if most is not None and count > most:
            self.journal.refuse(CONNECTIONS_OF_ADDRESS)
            self._tell(
                f"One address has {most} connections to a worker, as many as it may have by the"
                " option CONNECTIONS_PER_ADDRESS; more of it are closed",
                address,
            )
            return False
        if len(self._open) >= self.limits.connections and not self._make_room():
            self.journal.refuse(CONNECTIONS)
            self._tell(
                f"A worker has {self.limits.connections} connections, of which none is idle;"
                " more are closed",
                address,
            )
            return False
        self._of_address[address] = count
        self._open[connection] = None
        return True

    def forget(self, connection: Kept, address: str) -> None:
        """Count a connection out that was admitted."""
        del self._open[connection]
        left = self._of_address[address] - 1
        if left:
            self._of_address[address] = left
        else:
            del self._of_address[address]

    def sweep(self) -> None:
        """End what takes too long, and what is idle when the process ends."""
        now = self.loop.time()
        if now >= self._date_until:
            self._date_until = now + _DATE
            self.date = b"Date: " + formatdate(usegmt=True).encode() + b"\r\n"
        for connection in list(self._open):
            if connection.deadline <= now:
                connection.expire()
            elif self.is_ending and connection.is_idle:
                connection.close()

    def _tell(self, what: str, address: str) -> None:
        untold = self._refused.to_tell(what)
        if untold is not None:
            _log.warning("%s, now one of %s.%s", what, address, untold)

    def _make_room(self) -> bool:
        """End the connection that came first of those that are idle; tell whether there was one."""
        for connection in self._open:
            if connection.is_idle:
                connection.close()
                return True
        return False
