"""The one place where the program asks for the time."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the current time: timezone-aware, in UTC, with microseconds."""
    return datetime.now(UTC)
