"""The one place where the program asks for the time."""

from datetime import UTC, datetime, timedelta

#: Clocks of servers may differ by this much, and one clock may be set back by as much: whatever is
#: written by one and compared by another is still what it was.
CLOCK_LEEWAY = timedelta(minutes=1)


def now() -> datetime:
    """Return the current time: timezone-aware, in UTC, with microseconds."""
    return datetime.now(UTC)
