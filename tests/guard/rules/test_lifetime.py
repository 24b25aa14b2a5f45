"""A session's life is one table."""

import pytest

from timApp.guard.rules.lifetime import (
    FOR_THE_OTHERS,
    LIFE,
    Event,
    can_become_active,
    moved_by,
)
from timApp.guard.vocabulary import State


def test_the_table_says_what_becomes_of_each_state_by_each_event() -> None:
    """No state and no event is left out."""
    assert set(LIFE) == set(State)
    assert all(set(life) == set(Event) for life in LIFE.values())


def test_only_a_verification_makes_a_session_active() -> None:
    """Of all that can happen to a session that is not active, one thing makes it so."""
    reviving = {
        (before, event)
        for before, life in LIFE.items()
        for event, after in life.items()
        if after is State.ACTIVE and before is not State.ACTIVE
    }
    assert reviving == {(State.EXPIRED, Event.VERIFIED)}


def test_a_logout_is_for_good() -> None:
    """Nothing that happens to a session that is logged out changes it."""
    assert set(LIFE[State.LOGGED_OUT].values()) == {State.LOGGED_OUT}
    assert {life[Event.LOGGED_OUT] for life in LIFE.values()} == {State.LOGGED_OUT}


@pytest.mark.parametrize("event", Event)
def test_what_happens_twice_happens_once(event: Event) -> None:
    """A session that something has happened to is not changed by the same again."""
    for life in LIFE.values():
        assert LIFE[life[event]][event] is life[event]


def test_one_session_of_a_person_is_left_by_a_verification() -> None:
    """What happens to the others leaves none of them active."""
    assert set(FOR_THE_OTHERS) == {Event.VERIFIED}
    others = FOR_THE_OTHERS[Event.VERIFIED]
    assert State.ACTIVE not in {life[others] for life in LIFE.values()}


@pytest.mark.parametrize("event", Event)
def test_the_moves_of_an_event_are_the_tables(event: Event) -> None:
    """`moved_by` has each state that an event changes, once, under the one that comes of it."""
    moved = [(before, after) for after, those in moved_by(event).items() for before in those]
    expected = [(before, life[event]) for before, life in LIFE.items() if life[event] is not before]
    assert sorted(moved, key=str) == sorted(expected, key=str)


def test_whoever_is_not_logged_out_can_be_verified() -> None:
    """A verification leaves a session active, or makes it so, unless it is over for good."""
    assert {state for state in State if can_become_active(state)} == {State.ACTIVE, State.EXPIRED}
