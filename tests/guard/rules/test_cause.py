"""Why a session is expired."""

import pytest

from timApp.guard.rules.cause import Cause, cause_of


@pytest.mark.parametrize(
    ("began_expired", "another_is_active", "cause"),
    [
        (True, True, Cause.ACTIVE_ELSEWHERE),
        (False, True, Cause.ACTIVE_ELSEWHERE),
        (True, False, Cause.BEGAN_EXPIRED),
        (False, False, Cause.ENDED),
    ],
)
def test_what_is_true_now_is_the_cause_before_what_has_been(
    began_expired: bool, another_is_active: bool, cause: Cause
) -> None:
    """Another session is named as the cause only while it is active."""
    assert cause_of(began_expired=began_expired, another_is_active=another_is_active) is cause
