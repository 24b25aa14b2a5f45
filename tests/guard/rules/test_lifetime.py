"""A session's life as the table has it."""

from itertools import product

import pytest

from timApp.guard.rules.lifetime import FOR_THE_OTHERS, LIFE, Event, can_become_active, moved_by
from timApp.guard.vocabulary import State

ACTIVE, EXPIRED, LOGGED_OUT = State.ACTIVE, State.EXPIRED, State.LOGGED_OUT


def test_the_table_says_what_becomes_of_each_state_by_each_event() -> None:
    """Nothing that can happen is left out."""
    assert {(state, event) for state, life in LIFE.items() for event in life} == set(
        product(State, Event)
    )


def test_what_is_logged_out_stays_so() -> None:
    """No event revives it, and every session can be logged out."""
    assert {LIFE[LOGGED_OUT][event] for event in Event} == {LOGGED_OUT}
    assert {LIFE[state][Event.LOGGED_OUT] for state in State} == {LOGGED_OUT}


def test_only_a_verification_makes_a_session_active() -> None:
    """All else leaves no session active."""
    assert LIFE[EXPIRED][Event.VERIFIED] is ACTIVE
    for event in set(Event) - {Event.VERIFIED}:
        assert ACTIVE not in {LIFE[state][event] for state in State}


def test_a_verification_ends_the_others_and_nothing_else_does() -> None:
    """So a person who was verified has one active session."""
    assert FOR_THE_OTHERS == {Event.VERIFIED: Event.ANOTHER_VERIFIED}
    assert LIFE[ACTIVE][Event.ANOTHER_VERIFIED] is EXPIRED


@pytest.mark.parametrize("event", Event)
def test_to_repeat_an_event_changes_nothing(event: Event) -> None:
    """Whoever presses twice has what whoever presses once has."""
    for state in State:
        once = LIFE[state][event]
        assert LIFE[once][event] is once


@pytest.mark.parametrize(
    ("event", "moves"),
    [
        (Event.VERIFIED, {ACTIVE: {EXPIRED}}),
        (Event.ANOTHER_VERIFIED, {EXPIRED: {ACTIVE}}),
        (Event.INVALIDATED, {EXPIRED: {ACTIVE}}),
        (Event.PAUSED, {EXPIRED: {ACTIVE}}),
        (Event.DISPLACED, {EXPIRED: {ACTIVE}}),
        (Event.ALL_BLOCKED, {EXPIRED: {ACTIVE}}),
        (Event.LOGGED_OUT, {LOGGED_OUT: {ACTIVE, EXPIRED}}),
        (Event.CONTINUED, {LOGGED_OUT: {ACTIVE, EXPIRED}}),
        (Event.ENDED, {LOGGED_OUT: {ACTIVE, EXPIRED}}),
        (Event.HANDED_IN, {LOGGED_OUT: {ACTIVE, EXPIRED}}),
        (Event.NEW_CREDENTIALS, {LOGGED_OUT: {ACTIVE, EXPIRED}}),
        (Event.DISABLED, {LOGGED_OUT: {ACTIVE, EXPIRED}}),
    ],
)
def test_the_moves_are_the_changes_of_the_table(
    event: Event, moves: dict[State, set[State]]
) -> None:
    """What stays as it is is not among them, so it is not written either."""
    assert moved_by(event) == moves


def test_what_a_verification_can_make_active_is_not_logged_out() -> None:
    """An active session is left so."""
    assert [state for state in State if can_become_active(state)] == [ACTIVE, EXPIRED]
