"""Whose sessions somebody may change who looks after others."""

from itertools import product

import pytest

from timApp.guard.rules.authority import require_authority
from timApp.guard.vocabulary import Action
from timApp.util.errors import AccessDenied


@pytest.mark.parametrize("action", [Action.VERIFY, Action.INVALIDATE, Action.END, Action.PAUSE])
def test_supervisors_leave_administrators_alone_and_do_not_verify_themselves(
    action: Action,
) -> None:
    """Administrators may do all; a supervisor all but two things."""
    for actor_is_admin, subject_is_admin, is_own in product([True, False], repeat=3):
        is_allowed = actor_is_admin or not (
            subject_is_admin or (is_own and action is Action.VERIFY)
        )
        try:
            require_authority(
                action,
                actor_is_admin=actor_is_admin,
                subject_is_admin=subject_is_admin,
                is_own=is_own,
            )
        except AccessDenied:
            assert not is_allowed
        else:
            assert is_allowed
