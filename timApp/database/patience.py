"""How long whoever asks is ready to wait for the database, all waits together.

A database that is frozen, locked or out of reach keeps a connection open and says nothing. So each
wait takes its time from a budget: what is left of it bounds the next wait, and when it is used up,
nobody waits any more. Time that is spent on something else, such as a password hash, costs nothing.
Without a budget, as at the command line after a first look, everybody waits for as long as it
takes.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

#: Seconds of a request, for all that it asks the database.
REQUEST_PATIENCE = 4.0
#: Seconds of a request for a document: somebody sits before an empty page.
DOCUMENT_PATIENCE = 1.5
#: Seconds of what legitimately takes long, such as a change of everybody's sessions.
LONG_PATIENCE = 120.0
#: Seconds of a look at what a database is, before anything else is done with it.
LOOK_PATIENCE = 5.0


class Patience:
    """A budget of seconds; not above 0 when it is used up."""

    __slots__ = ("left", "reason")

    def __init__(self, seconds: float) -> None:
        self.left = seconds
        #: What it was used up by, for those who ask after that.
        self.reason = "the time for the database is used up"


_current: ContextVar[Patience | None] = ContextVar("patience", default=None)

#: Returns the budget of this context, or None if there is no limit. Each statement asks.
current_patience = _current.get


@contextmanager
def patience(seconds: float | None) -> Iterator[None]:
    """Have a budget of its own for what is asked in this block; None means no limit."""
    token = _current.set(None if seconds is None else Patience(seconds))
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def longer_patience(seconds: float = LONG_PATIENCE) -> Iterator[None]:
    """Have a budget of its own for what may take as long, where there is a limit at all."""
    outer = _current.get()
    with patience(None if outer is None else max(seconds, outer.left)):
        yield


@contextmanager
def shorter_patience(seconds: float) -> Iterator[None]:
    """Have so many seconds for what is asked in this block, or what is left of the budget, if less.

    The block takes its time from the budget, so that what comes after it has the rest.
    """
    outer = _current.get()
    with waiting(), patience(seconds if outer is None else min(seconds, outer.left)):
        yield


def begin_patience(seconds: float) -> None:
    """Have a budget in this context until `end_patience`, for those who cannot use `with`."""
    _current.set(Patience(seconds))


def end_patience() -> None:
    """Have no limit in this context any more."""
    _current.set(None)


@contextmanager
def waiting() -> Iterator[None]:
    """Take the time of this block from the budget, if there is one."""
    patience = _current.get()
    if patience is None:
        yield
        return
    begun = time.monotonic()
    try:
        yield
    finally:
        patience.left -= time.monotonic() - begun
