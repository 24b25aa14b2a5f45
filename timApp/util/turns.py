"""Turns at working, for the many threads of a server.

Threads of Python that all work at once slow each other down, and the last of hundreds is answered
late. So few work at a time, and whoever waits for something gives the turn to others meanwhile.
"""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class _Mine(threading.local):
    """Whose turns this thread has one of, if it has one."""

    turns: "Turns | None" = None


_mine = _Mine()


class Turns:
    """A WSGI application of which so many requests are worked on at a time.

    Others wait. An answer that is sent piece by piece needs no turn for that.
    """

    def __init__(self, application: "WSGIApplication", count: int) -> None:
        self._application = application
        # A queue is several times as fast as Python's semaphore.
        self._free: SimpleQueue[None] = SimpleQueue()
        for _ in range(count):
            self._free.put(None)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer the request when its turn has come."""
        self.take()
        try:
            return self._application(environ, start_response)
        finally:
            self.give()

    def take(self) -> None:
        """Wait for a turn for this thread."""
        self._free.get()
        _mine.turns = self

    def give(self) -> None:
        """Give the turn of this thread to whoever waits for one."""
        _mine.turns = None
        self._free.put(None)


@contextmanager
def turn_given() -> Iterator[None]:
    """Give the turn of this thread to others inside `with`; nothing happens if it has none."""
    turns = _mine.turns
    if turns is None:
        yield
        return
    turns.give()
    try:
        yield
    finally:
        turns.take()
