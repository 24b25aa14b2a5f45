"""Which of a person's changes still count, whichever order they arrive in."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from timApp.guard.rules.precedence import OrderedChange, Placement, is_whole, placement_of
from timApp.guard.vocabulary import Action
from timApp.util.stamp import Stamp

MORNING = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
VERIFY, INVALIDATE = Action.VERIFY, Action.INVALIDATE


def made(seconds: int, action: Action, session_id: str | None = None) -> OrderedChange:
    """Return a change that was made so many seconds after the morning's begin."""
    stamp = Stamp(MORNING + timedelta(seconds=seconds), f"x{seconds}")
    return OrderedChange(stamp, action, session_id)


@pytest.mark.parametrize(
    ("known", "takes_effect", "may_activate"),
    [
        ([], True, True),
        ([made(1, VERIFY, "b")], True, True),
        ([made(1, INVALIDATE, "a")], True, True),
        ([made(2, VERIFY, "a")], False, False),
        ([made(3, VERIFY, "a")], False, False),
        ([made(3, INVALIDATE)], False, False),
        ([made(3, INVALIDATE, "b")], True, True),
        ([made(3, INVALIDATE, "a")], True, False),
        ([made(1, INVALIDATE), made(3, INVALIDATE, "a")], True, False),
        ([made(3, INVALIDATE, "a"), made(4, VERIFY, "b")], False, False),
    ],
)
def test_what_becomes_of_a_verify_is_decided_by_the_known_changes(
    known: list[OrderedChange], takes_effect: bool, may_activate: bool
) -> None:
    """A later change of all sessions overwrites it; one of its session undoes its half."""
    verify = made(2, VERIFY, "a")
    assert placement_of(verify, known) == Placement(verify.stamp, takes_effect, may_activate)


@pytest.mark.parametrize(
    ("known", "takes_effect"),
    [
        ([], True),
        ([made(3, INVALIDATE, "b")], True),
        ([made(1, INVALIDATE)], True),
        ([made(2, INVALIDATE, "a")], False),
        ([made(3, INVALIDATE, "a")], False),
        ([made(3, INVALIDATE)], False),
        ([made(3, VERIFY, "a")], False),
        ([made(3, VERIFY, "b")], False),
        ([made(3, VERIFY)], False),
    ],
)
def test_what_becomes_of_the_invalidation_of_one_session(
    known: list[OrderedChange], takes_effect: bool
) -> None:
    """A later one of another session leaves it alone; any other later change overwrites it."""
    change = made(2, INVALIDATE, "a")
    assert placement_of(change, known).takes_effect is takes_effect


@pytest.mark.parametrize(
    ("action", "session_id", "whole"),
    [
        (VERIFY, "a", True),
        (VERIFY, None, True),
        (INVALIDATE, None, True),
        (INVALIDATE, "a", False),
        (Action.INVALIDATE_ALL, None, True),
        (Action.VERIFY_ALL, None, True),
    ],
)
def test_all_but_the_invalidation_of_one_session_settle_all_of_them(
    action: Action, session_id: str | None, whole: bool
) -> None:
    """A verification makes one active and expires the others."""
    assert is_whole(action, session_id) is whole


@pytest.mark.parametrize(("action", "session_id"), list(product([VERIFY, INVALIDATE], ["a", None])))
def test_a_change_that_arrives_again_takes_no_effect(
    action: Action, session_id: str | None
) -> None:
    """It overwrites itself; of two of the same moment the one with the later id counts."""
    change = made(2, action, session_id)
    assert not placement_of(change, [change]).takes_effect
    later = OrderedChange(Stamp(change.stamp.at, "y"), action, session_id)
    assert placement_of(later, [change]).takes_effect
    assert not placement_of(change, [later]).takes_effect
