"""What a request needs to pass, and when it is written down that a session was seen."""

from datetime import UTC, datetime
from itertools import product

import pytest

from timApp.guard.rules.validity import (
    SEEN_INTERVAL_ACTIVE,
    SEEN_INTERVAL_EXPIRED,
    is_seen_due,
    needs_active_session,
)

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("answers", list(product([True, False], repeat=2)))
def test_an_active_session_is_needed_in_exactly_one_case(answers: tuple[bool, bool]) -> None:
    """Only a person without the administrators' rights does, and only while there is tracking."""
    tracking_enabled, is_admin = answers
    needed = needs_active_session(tracking_enabled=tracking_enabled, is_admin=is_admin)
    assert needed is (answers == (True, False))


@pytest.mark.parametrize(
    ("interval", "seconds", "is_due"),
    [
        (SEEN_INTERVAL_ACTIVE, None, True),
        (SEEN_INTERVAL_EXPIRED, None, True),
        (SEEN_INTERVAL_ACTIVE, 59, False),
        (SEEN_INTERVAL_ACTIVE, 60, True),
        (SEEN_INTERVAL_EXPIRED, 9, False),
        (SEEN_INTERVAL_EXPIRED, 10, True),
        (SEEN_INTERVAL_ACTIVE, -5, False),
        (2.5, 2, False),
        (2.5, 3, True),
    ],
)
def test_a_session_is_written_down_as_seen_now_and_then(
    interval: float, seconds: int | None, is_due: bool
) -> None:
    """At its first request, then once a minute, or each ten seconds while it waits."""
    last_seen_at = None if seconds is None else NOON - seconds
    assert is_seen_due(last_seen_at, NOON, interval) is is_due
