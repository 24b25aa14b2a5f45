"""Tidies again and again, beside what a process does."""

import logging
from threading import Event, Thread

import sqlalchemy as sa

from timApp.database.failure import is_unavailable, reason
from timApp.guard.keeping.retention import Retention
from timApp.guard.keeping.tidy import tidy

#: Seconds from the start of a process to its first look, so that a site is up before.
_FIRST_PAUSE = 60.0
#: Seconds between two looks: what is kept for days need not go at once.
_PAUSE = 6 * 60 * 60.0

_log = logging.getLogger(__name__)


class _Stopped(Exception):  # noqa: N818 - named after what happened
    """The worker was told to stop between two steps."""


def start_tidying(engine: sa.Engine, retention: Retention) -> None:
    """Tidy in a thread of its own until the process ends."""
    Thread(target=tidy_forever, args=(engine, retention, Event()), daemon=True, name="tidy").start()


def tidy_forever(
    engine: sa.Engine,
    retention: Retention,
    stop: Event,
    first_pause: float = _FIRST_PAUSE,
    pause: float = _PAUSE,
) -> None:
    """Do `timApp.guard.keeping.tidy.tidy` again and again until `stop` is set.

    The pauses are in seconds. An error ends a round only, as when the database is restarted; it is
    written to the log.
    """

    def give_way(seconds: float) -> None:
        if stop.wait(seconds):
            raise _Stopped

    stop.wait(first_pause)
    while not stop.is_set():
        try:
            tidy(engine, retention, give_way)
        except _Stopped:
            return
        except Exception as error:
            _log.error(
                "Old sessions could not be tidied up: %s",
                reason(error),
                exc_info=not is_unavailable(error),
            )
        stop.wait(pause)
