"""Turns at working, for the many threads of a server.

Threads of Python that all work at once slow each other down, and the last of hundreds is answered
late. So few work at a time, and whoever waits for something gives the turn to others meanwhile.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Turn(Protocol):
    """The turn of a thread."""

    def give(self) -> None:
        """Let others work; nothing happens if they may already."""

    def take(self) -> None:
        """Wait until this thread may work again."""


class _Mine(threading.local):
    """The turn of this thread, if it works by turns."""

    turn: Turn | None = None


_mine = _Mine()


def work_by_turns(turn: Turn) -> None:
    """Let this thread work by turns from now on."""
    _mine.turn = turn


@contextmanager
def turn_given() -> Iterator[None]:
    """Give the turn of this thread to others inside `with`; nothing happens if it has none.

    Whoever takes it back comes before all that has not begun.
    """
    turn = _mine.turn
    if turn is None:
        yield
        return
    turn.give()
    _mine.turn = None  # within this, whoever lets others work too takes nothing back
    try:
        yield
    finally:
        _mine.turn = turn
        turn.take()
