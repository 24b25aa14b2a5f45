"""How fast sessions of one person may begin by what an application says.

A program may keep the application's cookie and lose ours: each of its requests would be a login.
"""

from datetime import timedelta

from timApp.database.work import UnitOfWork
from timApp.guard.reading.sessions import when_begun
from timApp.util.clock import now
from timApp.util.errors import TooManyRequests

#: So many begin in a period, which is more than somebody has browsers.
_MAX, _PERIOD = 20, timedelta(minutes=1)


class TooManyLogins(TooManyRequests):
    """Sessions of somebody have begun so often that none begins for a while."""


def check_pace(work: UnitOfWork, user_id: int) -> None:
    """Return if another session of that person may begin; `TooManyLogins` if not.

    Of many at the same moment a few more may begin.
    """
    begun = when_begun(work, user_id, _MAX)
    if begun is None or now() - begun >= _PERIOD:
        return
    seconds = min(_PERIOD, begun + _PERIOD - now()).total_seconds()
    raise TooManyLogins(
        "You have been logged in too often within a minute. Let your browser or program keep"
        " cookies, wait %(seconds)d s, then try again.",
        retry_after=int(seconds) + 1,
        seconds=int(seconds) + 1,
    )
