"""Reads that an event loop waits for, in place of a thread."""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.waiting import READY_R, READY_W, WAIT_R

from timApp.database.driver.connections import Borrowed, KeptConnections

#: What is sent goes out at once, as nothing else is under way; else a thread waits for that.
_SENDS_MAX = 8


class SteppedRead:
    """A read of a server's, over a connection that is open already.

    Somebody calls `go_on` whenever something can be read from `fileno`, until it is over; or, from
    any thread, once `finish`.
    """

    def __init__(self, borrowed: Borrowed, text: str, values: object) -> None:
        self._borrowed = borrowed
        self._steps = borrowed.connection.begin_read(text, values)
        self._is_begun = False
        #: What came, once it is over; None if it has failed.
        self.rows: list[Sequence[Any]] | None = None

    def fileno(self) -> int:
        """Return what the answer is read from."""
        number: int = self._borrowed.connection.fileno()
        return number

    def go_on(self) -> bool:
        """Go as far as it goes without waiting; return whether it is over."""
        try:
            if not self._goes_on():
                self._end()
                return True
        except psycopg.Error:
            self._borrowed.drop()
            return True
        return False

    def finish(self) -> None:
        """Wait for the rest of it; the driver's error if it fails."""
        try:
            self._borrowed.connection.finish(self._steps)
        except BaseException:
            self._borrowed.drop()
            raise
        self._end()

    def _goes_on(self) -> bool:
        try:
            wanted = self._steps.send(READY_R if self._is_begun else None)
            self._is_begun = True
            for _ in range(_SENDS_MAX):
                if wanted == WAIT_R:
                    break
                wanted = self._steps.send(READY_W)
        except StopIteration:
            return False
        return True

    def _end(self) -> None:
        self.rows = self._borrowed.connection.rows()
        self._borrowed.give_back()


def begin_read(connections: KeptConnections, text: str, values: object) -> SteppedRead | None:
    """Return a read, or None.

    None if each connection is in use, and for a server that has just been silent: one thread asks
    that at a time.
    """
    borrowed = connections.borrow()
    if borrowed is None:
        return None
    if borrowed.connection.server.is_silent:
        borrowed.give_back()
        return None
    return SteppedRead(borrowed, text, values)
