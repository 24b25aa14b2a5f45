"""States of sessions as conditions of queries and as values of columns, each said once.

"Active at this moment" is `is_active`; nobody else looks at the columns to find that out.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from timApp.database.dialects.types import UTCDateTime
from timApp.guard.rules.clocks import Clocks
from timApp.guard.rules.lifetime import CAUSES, Event
from timApp.guard.tables.session import UserSession
from timApp.guard.vocabulary import State


def is_active(clocks: Clocks, session: type[UserSession] = UserSession) -> sa.ColumnElement[bool]:
    """Return the condition that a session (the class, or an alias) is active at this moment.

    That is the moment when a query with it is executed.
    """
    return is_active_if(
        session,
        unseen_since=None if clocks.idle_end is None else _moment(clocks.unseen_since),
        begun_since=None if clocks.lifetime is None else _moment(clocks.begun_since),
    )


def is_active_if(
    session: type[UserSession],
    *,
    unseen_since: sa.ColumnElement[datetime] | None,
    begun_since: sa.ColumnElement[datetime] | None,
) -> sa.ColumnElement[bool]:
    """Return the condition that a session is active by clocks that end it at these moments."""
    lasts = outlasts_clocks(session, unseen_since=unseen_since, begun_since=begun_since)
    return sa.and_(~session.expired, lasts)


def outlasts_clocks(
    session: type[UserSession],
    *,
    unseen_since: sa.ColumnElement[datetime] | None,
    begun_since: sa.ColumnElement[datetime] | None,
) -> sa.ColumnElement[bool]:
    """Return the condition that no clock has ended a session which ends it at these moments.

    `Clocks.end_of` says the same of a session that was read.
    """
    began = began_anew(session)
    conditions: list[sa.ColumnElement[bool]] = []
    if begun_since is not None:
        conditions.append(began > begun_since)
    if unseen_since is not None:
        # Never NULL, of which the opposite would be NULL, too.
        seen = sa.func.coalesce(session.last_seen_at, began)
        conditions.append(sa.or_(seen > unseen_since, began > unseen_since))
    return sa.and_(sa.true(), *conditions)


def began_anew(session: type[UserSession] = UserSession) -> sa.ColumnElement[datetime]:
    """Return since when a session counts, as its clocks do: the verification, or the login."""
    return sa.func.coalesce(session.verified_at, session.logged_in_at)


def was_ever_active(session: type[UserSession] = UserSession) -> sa.ColumnElement[bool]:
    """Return the condition that a session is not one that was blocked from its beginning on."""
    return sa.or_(
        session.expired_at.is_(None),
        session.verified_at.is_not(None),
        session.expired_at != session.logged_in_at,
    )


def is_in(
    states: Collection[State], clocks: Clocks, session: type[UserSession] = UserSession
) -> sa.ColumnElement[bool]:
    """Return the condition that a session is in one of the states.

    In the form for which the databases have an index, where there is one.
    """
    chosen = frozenset(states)
    if State.ACTIVE not in chosen and len(chosen) > 1:
        return sa.not_(is_active(clocks, session))
    if State.LOGGED_OUT not in chosen and len(chosen) > 1:
        return is_open(session)
    return sa.or_(sa.false(), *(_is(state, clocks, session) for state in State if state in chosen))


def is_open(session: type[UserSession] = UserSession) -> sa.ColumnElement[bool]:
    """Return the condition that a session is not over for good."""
    return session.logged_out_at.is_(None)


def is_blocked(session: type[UserSession] = UserSession) -> sa.ColumnElement[bool]:
    """Return the condition that a session waits to be verified; whom a clock ended logs in anew."""
    return sa.and_(session.expired, is_open(session))


def state_of(session: UserSession, clocks: Clocks) -> State:
    """Return the state of a session that was read."""
    if session.logged_out_at is not None:
        return State.LOGGED_OUT
    is_over = session.expired_at is not None or clocks.ended(session) is not None
    return State.EXPIRED if is_over else State.ACTIVE


def columns_of(state: State, event: Event, moment: datetime) -> dict[str, Any]:
    """Return the values that bring a session of another state into this one by an event then.

    An earlier time of expiry is history, and stays.
    """
    match state:
        case State.ACTIVE:
            return {"expired_at": None, "verified_at": moment, "cause": None}
        case State.EXPIRED:
            return {"expired_at": moment, "cause": CAUSES[event]}
        case State.LOGGED_OUT:
            column = UserSession.expired_at
            kept = sa.func.coalesce(column, sa.literal(moment, column.type))
            return {"logged_out_at": moment, "expired_at": kept, "cause": CAUSES[event]}


def _moment(value: Callable[[], datetime | None]) -> sa.ColumnElement[datetime]:
    return sa.bindparam(None, callable_=value, type_=UTCDateTime(), unique=True)


def _is(state: State, clocks: Clocks, session: type[UserSession]) -> sa.ColumnElement[bool]:
    match state:
        case State.ACTIVE:
            return is_active(clocks, session)
        case State.EXPIRED:
            return sa.and_(sa.not_(is_active(clocks, session)), is_open(session))
        case State.LOGGED_OUT:
            return session.logged_out_at.is_not(None)
