"""Why a session is not active."""

import pytest

from timApp.guard.rules.cause import OF_BLOCKED_LOGINS, Explanation, cause_of
from timApp.guard.vocabulary import Cause


@pytest.mark.parametrize("cause", Cause)
def test_what_is_noted_is_the_cause(cause: Cause) -> None:
    """What has been written down counts, or else the clock that has ended the session."""
    assert cause_of(cause, None, began_expired=True) is cause
    assert cause_of(None, cause, began_expired=False) is cause


@pytest.mark.parametrize(
    ("began_expired", "cause"), [(True, Cause.OVER_LIMIT), (False, Cause.INVALIDATED)]
)
def test_the_cause_of_an_old_session_is_told_by_its_times(
    *, began_expired: bool, cause: Cause
) -> None:
    """Sessions from before causes were noted were blocked by the limit, or ended by somebody."""
    assert cause_of(None, None, began_expired=began_expired) is cause


@pytest.mark.parametrize("cause", Cause)
def test_whoever_is_over_by_the_clock_needs_no_supervisor(cause: Cause) -> None:
    """They log in again, as does who has displaced themselves; all others have to be verified."""
    why = Explanation(cause, another_is_active=False)
    assert why.needs_supervisor is (cause not in {Cause.IDLE, Cause.TOO_OLD, Cause.DISPLACED})
    assert why.is_blocked_login is (cause in OF_BLOCKED_LOGINS)
