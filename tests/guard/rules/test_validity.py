"""What a request needs to pass, and when it is written down that a session was seen."""

from datetime import UTC, datetime
from itertools import product

import pytest

from timApp.guard.rules.validity import is_seen_due, needs_active_session

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("answers", list(product([True, False], repeat=2)))
def test_an_active_session_is_needed_in_exactly_one_case(answers: tuple[bool, bool]) -> None:
    """Only a person without the administrators' rights does, and only while there is tracking."""
    tracking_enabled, is_admin = answers
    needed = needs_active_session(tracking_enabled=tracking_enabled, is_admin=is_admin)
    assert needed is (answers == (True, False))


@pytest.mark.parametrize(
    ("is_active", "seconds", "is_due"),
    [
        (True, None, True),
        (False, None, True),
        (True, 59, False),
        (True, 60, True),
        (False, 9, False),
        (False, 10, True),
        (True, -5, False),
    ],
)
def test_a_session_is_written_down_as_seen_now_and_then(
    is_active: bool, seconds: int | None, is_due: bool
) -> None:
    """At its first request, then once a minute, or each ten seconds while it waits."""
    last_seen_at = None if seconds is None else NOON - seconds
    assert is_seen_due(last_seen_at, NOON, is_active=is_active) is is_due
