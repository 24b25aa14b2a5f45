"""The one place where the program asks for the time."""

import time
from datetime import UTC, datetime, timedelta

#: Clocks of servers may differ by this much, and one clock may be set back by as much: whatever is
#: written by one and compared by another is still what it was.
CLOCK_LEEWAY = timedelta(minutes=1)
#: The last second that a date can be, roughly: more would be beyond what databases can say.
SECOND_MAX = 253_000_000_000
_LEEWAY_SECONDS = CLOCK_LEEWAY.total_seconds()


def now() -> datetime:
    """Return the current time: timezone-aware, in UTC, with microseconds."""
    return datetime.now(UTC)


def current_second() -> int:
    """Return the current time in whole seconds since 1970, in a part of what `now` takes."""
    return int(time.time())


def at_second(second: float) -> datetime:
    """Return the moment that many seconds after 1970 began."""
    return datetime.fromtimestamp(second, UTC)


def counts_still(signed_at: int, seconds: float) -> bool:
    """Tell whether what was signed then, in whole seconds since 1970, counts for so long.

    It does already while it seems to be signed in a moment, by a clock that is ahead of ours.
    """
    return -_LEEWAY_SECONDS <= current_second() - signed_at <= seconds
