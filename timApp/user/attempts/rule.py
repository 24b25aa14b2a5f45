"""How long somebody waits after wrong passwords: a pure function of what has failed.

What counts is the person and the place together (`timApp.user.attempts.place`). So a hall behind
one address waits for nobody, and whoever guesses a person's password keeps that person out from
nowhere but the place of the guesses, and for a minute at most.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

#: Wrong passwords that cost nothing: people mistype them.
FREE = 5
#: Longest wait, in seconds.
WAIT_MAX = 60
#: After so long without a wrong password those of before are forgotten.
PERIOD = timedelta(minutes=15)


@dataclass(frozen=True)
class Failures:
    """The wrong passwords for one person from one place, since the last right one."""

    count: int
    #: When the last of them was tried.
    last_at: datetime


def counted(past: Failures | None, moment: datetime) -> int:
    """Return how many wrong passwords count at a moment."""
    if past is None or moment - past.last_at > PERIOD:
        return 0
    return past.count


def seconds_to_wait(past: Failures | None, moment: datetime) -> int:
    """Return for how many seconds no password is looked at; 0 if it is looked at now.

    A moment that is still to come is of a clock that is ahead, or was set back: nobody waits longer
    for that.
    """
    count = counted(past, moment)
    if past is None or count < FREE:
        return 0
    age = max(0.0, (moment - past.last_at).total_seconds())
    return max(0, ceil(wait_after(count) - age))


def wait_after(count: int) -> int:
    """Return the seconds to wait after that number of wrong passwords: none at first, then more."""
    over = min(count - FREE, 10)  # of more, the power is of no use
    return min(2**over, WAIT_MAX) if over >= 0 else 0


def one_more(past: Failures | None, moment: datetime) -> Failures:
    """Return what there is after another wrong password."""
    return Failures(counted(past, moment) + 1, moment)


def room_for(count: int) -> int:
    """Return how many may try at the same time after that number of wrong passwords.

    Those included whose password is being looked at: no more than are free, and one at least.
    """
    return max(1, FREE - count)
