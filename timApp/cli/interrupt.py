"""Ctrl-C at moments when there is nothing to undo: it ends the process at once, without a word.

Elsewhere Python raises KeyboardInterrupt, so that what has begun is undone. In the middle of an
import, or of Python's own end, that would show a traceback, or be lost.
"""

import os
import signal
import sys
from contextlib import suppress
from typing import NoReturn

#: What shells report of a program that Ctrl-C ended: 128 + SIGINT.
INTERRUPTED = 130


def end_at_interrupt() -> None:
    """Let Ctrl-C end the process with `INTERRUPTED` from now on.

    Whoever ignores it, as a program in the background does, or handles it in a way of their own,
    goes on doing so.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def undo_at_interrupt() -> None:
    """Let Ctrl-C raise KeyboardInterrupt again, after `end_at_interrupt`."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def end_now() -> NoReturn:
    """End the process with `INTERRUPTED`, and write out what it has printed.

    Python would clean up first, and a second Ctrl-C, from somebody who cannot wait for it, would
    end that with another code.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # nobody reads it any more
            stream.flush()
    os._exit(INTERRUPTED)


def _end(*_: object) -> None:
    os._exit(INTERRUPTED)
