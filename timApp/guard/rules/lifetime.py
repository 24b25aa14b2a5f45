"""A session's life as a table: what can happen to it in each state, and what becomes of it.

All that decides about a session's state stands in this module: `timApp.guard.changes` writes what
the table says, the tests walk it, and the diagram in docs/sessions.md is drawn from it. How a
session begins is said by `timApp.guard.rules.admission`.
"""

from collections.abc import Mapping
from enum import Enum

from timApp.guard.vocabulary import Cause, State


class Event(Enum):
    """What can happen to a session."""

    VERIFIED = "is verified"
    ANOTHER_VERIFIED = "another session of the person is verified"
    INVALIDATED = "is invalidated"
    DISPLACED = "is displaced by a newer login"
    ALL_BLOCKED = "is blocked by a login over the limit"
    LOGGED_OUT = "is logged out"
    CONTINUED = "is continued by a login in the same browser"
    ENDED = "is ended for good"
    EXAM_BEGAN = "is ended as an exam begins"
    HANDED_IN = "is ended as the person hands an exam in"
    PAUSED = "is paused as the person leaves the room"
    NEW_CREDENTIALS = "is ended as the person gets a new password"
    DISABLED = "is ended as the person's account is closed"
    COPIED = "is found to have a cookie that was copied"
    TWIN_VERIFIED = "that of the other bearer of a copied cookie is verified"


_BLOCKS = (
    Event.ANOTHER_VERIFIED,
    Event.INVALIDATED,
    Event.PAUSED,
    Event.DISPLACED,
    Event.ALL_BLOCKED,
)
_BY_COPY = (Event.COPIED, Event.TWIN_VERIFIED)
_OF_EXAMS = (Event.EXAM_BEGAN, Event.HANDED_IN)
_OF_ACCOUNTS = (Event.NEW_CREDENTIALS, Event.DISABLED)
_ENDS = (
    Event.LOGGED_OUT,
    Event.CONTINUED,
    Event.ENDED,
    *_OF_EXAMS,
    *_OF_ACCOUNTS,
    *_BY_COPY,
)

#: What becomes of a session, by its state and what happens.
LIFE: Mapping[State, Mapping[Event, State]] = {
    State.ACTIVE: {
        Event.VERIFIED: State.ACTIVE,
        **dict.fromkeys(_BLOCKS, State.EXPIRED),
        **dict.fromkeys(_ENDS, State.LOGGED_OUT),
    },
    State.EXPIRED: {
        Event.VERIFIED: State.ACTIVE,
        **dict.fromkeys(_BLOCKS, State.EXPIRED),
        **dict.fromkeys(_ENDS, State.LOGGED_OUT),
    },
    State.LOGGED_OUT: dict.fromkeys(Event, State.LOGGED_OUT),
}

#: Why a session is in the state that an event has brought it into; none for an active one.
CAUSES: Mapping[Event, Cause] = {
    Event.ANOTHER_VERIFIED: Cause.ANOTHER_VERIFIED,
    Event.INVALIDATED: Cause.INVALIDATED,
    Event.DISPLACED: Cause.DISPLACED,
    Event.ALL_BLOCKED: Cause.ALL_BLOCKED,
    Event.LOGGED_OUT: Cause.LOGGED_OUT,
    Event.CONTINUED: Cause.CONTINUED,
    Event.ENDED: Cause.ENDED,
    Event.COPIED: Cause.COPIED,
    Event.TWIN_VERIFIED: Cause.COPIED,
    Event.EXAM_BEGAN: Cause.EXAM_BEGAN,
    Event.HANDED_IN: Cause.HANDED_IN,
    Event.PAUSED: Cause.PAUSED,
    Event.NEW_CREDENTIALS: Cause.NEW_CREDENTIALS,
    Event.DISABLED: Cause.DISABLED,
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
