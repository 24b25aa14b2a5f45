"""Turns at working, for the many threads of a server.

Threads of Python that all work at once slow each other down, and the last of hundreds is answered
late. So few work at a time, and whoever waits for something gives the turn to others meanwhile.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue


class _Mine(threading.local):
    """Whose turns this thread has one of, if it has one."""

    turns: "Turns | None" = None


_mine = _Mine()


class Turns:
    """A number of turns, of which a thread has at most one."""

    def __init__(self, count: int) -> None:
        # A queue is several times as fast as Python's semaphore.
        self._free: SimpleQueue[None] = SimpleQueue()
        for _ in range(count):
            self._free.put(None)

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
