"""A session's life as a table: what can happen to it in each state, and what becomes of it.

All that decides about a session's state stands in this module: `timApp.guard.changes` writes what
the table says, the tests walk it, and the diagram in docs/sessions.md is drawn from it. How a
session begins is said by `timApp.guard.rules.admission`.
"""

from collections.abc import Mapping
from enum import Enum

from timApp.guard.vocabulary import State


class Event(Enum):
    """What can happen to a session."""

    VERIFIED = "is verified"
    ANOTHER_VERIFIED = "another session of the person is verified"
    INVALIDATED = "is invalidated"
    LOGGED_OUT = "is logged out"


#: What becomes of a session, by its state and what happens.
LIFE: Mapping[State, Mapping[Event, State]] = {
    State.ACTIVE: {
        Event.VERIFIED: State.ACTIVE,
        Event.ANOTHER_VERIFIED: State.EXPIRED,
        Event.INVALIDATED: State.EXPIRED,
        Event.LOGGED_OUT: State.LOGGED_OUT,
    },
    State.EXPIRED: {
        Event.VERIFIED: State.ACTIVE,
        Event.ANOTHER_VERIFIED: State.EXPIRED,
        Event.INVALIDATED: State.EXPIRED,
        Event.LOGGED_OUT: State.LOGGED_OUT,
    },
    State.LOGGED_OUT: {
        Event.VERIFIED: State.LOGGED_OUT,
        Event.ANOTHER_VERIFIED: State.LOGGED_OUT,
        Event.INVALIDATED: State.LOGGED_OUT,
        Event.LOGGED_OUT: State.LOGGED_OUT,
    },
}

#: What happens to the person's other sessions then; to nobody's if it is not here.
FOR_THE_OTHERS: Mapping[Event, Event] = {Event.VERIFIED: Event.ANOTHER_VERIFIED}


def moved_by(event: Event) -> dict[State, frozenset[State]]:
    """Return into which states the event brings sessions, and from which; without what stays."""
    moves: dict[State, frozenset[State]] = {}
    for before, life in LIFE.items():
        if life[event] is not before:
            moves[life[event]] = moves.get(life[event], frozenset()) | {before}
    return moves


def can_become_active(state: State) -> bool:
    """Tell whether a verification makes a session in that state active, or leaves it so."""
    return LIFE[state][Event.VERIFIED] is State.ACTIVE
