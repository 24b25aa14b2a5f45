"""What the table of a session's life says is what the database then has."""

from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest
import sqlalchemy as sa

from timApp.database.work import Work
from timApp.guard.changes.move import move
from timApp.guard.rules.clocks import NEVER
from timApp.guard.rules.lifetime import LIFE, Event
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.state import is_active, is_in, state_of
from timApp.guard.vocabulary import State
from timApp.user.people import Identity, remember

MORNING = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
NOON = MORNING + timedelta(hours=3)

#: The times of expiry and of logout of a session in each state.
TIMES = {
    State.ACTIVE: (None, None),
    State.EXPIRED: (MORNING, None),
    State.LOGGED_OUT: (MORNING, MORNING),
}


def add_sessions(work: Work) -> int:
    """Add a person with a session in each state, of that name; return the person's id."""
    person = remember(work, Identity("alice"))
    for state, (expired_at, logged_out_at) in TIMES.items():
        session = UserSession(user_id=person.id, session_id=state.value, logged_in_at=MORNING)
        session.expired_at, session.logged_out_at = expired_at, logged_out_at
        work.session.add(session)
    work.session.flush()
    return person.id


@pytest.mark.parametrize("event", Event)
def test_each_event_brings_each_session_into_the_state_that_the_table_says(
    work: Work, event: Event
) -> None:
    """Those that change, and only those, are told of; an earlier time of expiry is kept."""
    owner = add_sessions(work)
    changed = [state for state in State if LIFE[state][event] is not state]
    assert move(work, NEVER, event, NOON) == [owner] * len(changed)
    found = {one.session_id: one for one in work.session.scalars(sa.select(UserSession))}
    for state in State:
        session, after = found[state.value], LIFE[state][event]
        assert state_of(session, NEVER) is after
        times = TIMES[state]
        if after is not state:
            kept = times[0] if after is State.LOGGED_OUT and times[0] else NOON
            times = {
                State.ACTIVE: (None, None),
                State.EXPIRED: (NOON, None),
                State.LOGGED_OUT: (kept, NOON),
            }[after]
        assert (session.expired_at, session.logged_out_at) == times
    assert move(work, NEVER, event, NOON + timedelta(hours=1)) == []


def test_only_the_sessions_that_are_meant_change(work: Work) -> None:
    """All conditions have to hold."""
    owner = add_sessions(work)
    is_owned = UserSession.user_id == owner
    assert (
        move(work, NEVER, Event.LOGGED_OUT, NOON, is_owned, UserSession.session_id == "none") == []
    )
    assert move(work, NEVER, Event.LOGGED_OUT, NOON, ~is_owned) == []
    assert move(
        work, NEVER, Event.LOGGED_OUT, NOON, is_owned, UserSession.session_id == "active"
    ) == [owner]


CHOICES = [chosen for number in range(4) for chosen in combinations(State, number)]


@pytest.mark.parametrize("states", CHOICES)
def test_sessions_are_found_by_their_state(work: Work, states: tuple[State, ...]) -> None:
    """Whichever form the condition takes for an index, it finds exactly those."""
    add_sessions(work)
    query = sa.select(UserSession.session_id).where(is_in(states, NEVER))
    assert set(work.session.scalars(query)) == {state.value for state in states}
    active = sa.select(UserSession.session_id).where(is_active(NEVER))
    assert work.session.scalars(active).all() == [State.ACTIVE.value]
