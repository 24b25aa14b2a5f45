"""What ends a session by the clock."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from timApp.guard.rules.clocks import NEVER, Clocks
from timApp.guard.vocabulary import Cause

NOON = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Times:
    """The times of a session that began at noon."""

    logged_in_at: datetime = NOON
    verified_at: datetime | None = None
    last_seen_at: datetime | None = None


@pytest.mark.parametrize(
    ("clocks", "times", "end"),
    [
        (NEVER, Times(), None),
        (Clocks(idle_end=HOUR), Times(), (NOON + HOUR, Cause.IDLE)),
        (Clocks(idle_end=HOUR), Times(last_seen_at=NOON + HOUR), (NOON + 2 * HOUR, Cause.IDLE)),
        # Seen before it was verified: that is no reason to end it sooner.
        (
            Clocks(idle_end=HOUR),
            Times(verified_at=NOON + 3 * HOUR, last_seen_at=NOON + HOUR),
            (NOON + 4 * HOUR, Cause.IDLE),
        ),
        (Clocks(lifetime=HOUR), Times(last_seen_at=NOON + HOUR), (NOON + HOUR, Cause.TOO_OLD)),
        (
            Clocks(lifetime=HOUR),
            Times(verified_at=NOON + 2 * HOUR),
            (NOON + 3 * HOUR, Cause.TOO_OLD),
        ),
        # Whichever comes first.
        (Clocks(HOUR, 2 * HOUR), Times(), (NOON + HOUR, Cause.IDLE)),
        (
            Clocks(HOUR, 2 * HOUR),
            Times(last_seen_at=NOON + 1.5 * HOUR),
            (NOON + 2 * HOUR, Cause.TOO_OLD),
        ),
    ],
)
def test_a_clock_ends_a_session_at_a_time(
    clocks: Clocks, times: Times, end: tuple[datetime, Cause] | None
) -> None:
    """At that moment the session is over, and a moment before it is not."""
    assert clocks.end_of(times) == end
    if end is None:
        with time_machine.travel(NOON + 10_000 * HOUR, tick=False):
            assert clocks.ended(times) is None
        return
    with time_machine.travel(end[0], tick=False):
        assert clocks.ended(times) is end[1]
    with time_machine.travel(end[0] - timedelta(milliseconds=1), tick=False):
        assert clocks.ended(times) is None


@pytest.mark.parametrize(
    ("idle_end", "interval"), [(None, 60), (3600, 60), (240, 60), (120, 30), (2, 0.5)]
)
def test_last_seen_is_written_often_enough(idle_end: float | None, interval: float) -> None:
    """Four times in an idle end, and once a minute if that is more often."""
    clocks = Clocks(None if idle_end is None else timedelta(seconds=idle_end))
    assert clocks.seen_interval(60) == interval
