"""Which events a change of sessions is."""

from datetime import UTC, datetime, timedelta

import pytest

from timApp.guard.vocabulary import Action, ActorKind, Cause
from timApp.receivers.event import (
    Event,
    EventType,
    Moved,
    Recorded,
    concerns,
    events_of,
    initiator_of,
    needs_sessions,
    reference_of,
)

NINE = datetime(2026, 12, 1, 9, tzinfo=UTC)
BEFORE = NINE - timedelta(hours=1)


def entry(action: Action, session_id: str | None, count: int = 1) -> Recorded:
    """Return an entry of the record about somebody."""
    return Recorded(7, NINE, action, 3, session_id, count)


def moved(session_id: str, **at: datetime) -> Moved:
    """Return a session of theirs."""
    times = {name: at.get(name) for name in ("verified_at", "expired_at", "logged_out_at")}
    return Moved(3, session_id, **times, cause=Cause.ANOTHER_VERIFIED)


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (Action.BLOCKED_LOGIN, EventType.BLOCKED),
        (Action.VERIFY, EventType.VERIFIED),
        (Action.INVALIDATE, EventType.INVALIDATED),
        (Action.DISPLACE, EventType.INVALIDATED),
        (Action.LOGOUT, EventType.ENDED),
        (Action.END, EventType.ENDED),
        (Action.COPY, EventType.COPIED),
    ],
)
def test_a_change_of_one_session_is_one_event(action: Action, expected: EventType) -> None:
    """What is recorded of one session is told as one event about it."""
    change = entry(action, "s")
    assert not needs_sessions(change)
    assert events_of(change, []) == [Event(7, expected, 3, "s")]


def test_logins_and_accounts_are_no_events() -> None:
    """Nobody is told of a login that was let in, nor of what is done to accounts and documents."""
    told = {one for one in Action if concerns(entry(one, None))}
    assert Action.LOGIN not in told
    assert Action.RENAME not in told
    assert Action.SAVE_DOCUMENT not in told
    assert events_of(entry(Action.LOGIN, "s"), []) == []


def test_what_changed_no_session_is_no_event() -> None:
    """An account that was closed without a session tells nothing."""
    assert events_of(entry(Action.DISABLE, None, 0), []) == []


def test_each_session_that_comes_along_is_an_event() -> None:
    """A verification that blocks another session, and ends a third, is three events."""
    change = entry(Action.VERIFY, "s", 3)
    assert needs_sessions(change)
    sessions = [
        moved("s", verified_at=NINE),
        moved("other", expired_at=NINE),
        moved("twin", expired_at=NINE, logged_out_at=NINE),
        moved("older", expired_at=BEFORE),
    ]
    assert [(one.type, one.session_id, one.cause) for one in events_of(change, sessions)] == [
        (EventType.VERIFIED, "s", None),
        (EventType.INVALIDATED, "other", Cause.ANOTHER_VERIFIED),
        (EventType.ENDED, "twin", Cause.ANOTHER_VERIFIED),
    ]


def test_sessions_of_others_are_not_taken_along() -> None:
    """Somebody else's session that moved at the same moment is theirs."""
    other = Moved(4, "o", None, NINE, None, None)
    events = events_of(entry(Action.INVALIDATE, None, 1), [other, moved("s", expired_at=NINE)])
    assert [(one.user_id, one.session_id) for one in events] == [(3, "s")]


def test_a_change_of_everybody_is_an_event_for_each() -> None:
    """What was done to everybody at once is told of each session."""
    change = Recorded(7, NINE, Action.INVALIDATE_ALL, None, None, 2)
    other = Moved(4, "o", None, NINE, None, None)
    events = events_of(change, [other, moved("s", expired_at=NINE)])
    assert [(one.user_id, one.session_id) for one in events] == [(4, "o"), (3, "s")]


def test_sessions_that_have_moved_on_are_told_of_together() -> None:
    """Where no session is as the change has left it, one event says that it was done."""
    events = events_of(entry(Action.INVALIDATE, None, 2), [moved("s", expired_at=BEFORE)])
    assert events == [Event(7, EventType.INVALIDATED, 3, None)]


def test_the_reference_of_a_session_is_not_its_id() -> None:
    """Receivers know a session by a hash of its id, always the same."""
    assert reference_of("s1") == reference_of("s1") != reference_of("s2")
    assert len(reference_of("s1")) == 32
    assert "s1" not in reference_of("s1")


def test_who_began_it_is_said_in_the_words_of_caep() -> None:
    """The person, a rule of the site, or somebody who supervises."""
    assert initiator_of(ActorKind.USER, "ann", "ann", Cause.LOGGED_OUT) == "user"
    assert initiator_of(ActorKind.USER, "boss", "ann", None) == "admin"
    assert initiator_of(ActorKind.COMMAND_LINE, "ann", "ann", None) == "admin"
    assert initiator_of(ActorKind.USER, "ann", "ann", Cause.COPIED) == "policy"
