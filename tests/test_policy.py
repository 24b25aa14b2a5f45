"""The decisions about sessions."""

from itertools import product

import pytest

from timApp.guard.rules.validity import needs_active_session


@pytest.mark.parametrize("answers", list(product([True, False], repeat=4)))
def test_an_active_session_is_needed_in_exactly_one_case(
    answers: tuple[bool, bool, bool, bool],
) -> None:
    """Only a logged-in person without the administrators' rights, asking about themselves, does."""
    tracking_enabled, is_logged_in, is_admin, asks_about_self = answers
    needed = needs_active_session(
        tracking_enabled=tracking_enabled,
        is_logged_in=is_logged_in,
        is_admin=is_admin,
        asks_about_self=asks_about_self,
    )
    assert needed is (answers == (True, True, False, True))
