"""The decisions about sessions."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timApp.auth.session.policy import may_be_active, needs_active_session


@pytest.mark.parametrize(
    ("active", "limit", "expected"),
    [(0, 1, True), (1, 1, False), (1, 2, True), (2, 2, False), (3, 2, False), (10**6, None, True)],
)
def test_a_session_may_be_active_below_the_limit(
    active: int, limit: int | None, expected: bool
) -> None:
    """A new session may be active while the others are fewer than the limit; None is no limit."""
    assert may_be_active(active, limit) is expected


@given(st.integers(1, 50), st.integers(0, 200))
def test_logins_one_after_another_fill_the_limit_and_never_exceed_it(
    limit: int, logins: int
) -> None:
    """After any number of logins as many are active as there were, up to the limit."""
    active = 0
    for _ in range(logins):
        active += may_be_active(active, limit)
    assert active == min(limit, logins)


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
