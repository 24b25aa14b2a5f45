"""States of sessions as conditions of queries and as values of columns, each said once.

"Active at this moment" is `is_active`; nobody else looks at the columns to find that out.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from timApp.guard.tables.session import UserSession
from timApp.guard.vocabulary import State


def is_active(session: type[UserSession] = UserSession) -> sa.ColumnElement[bool]:
    """Return the condition that a session (the class, or an alias) is active at this moment."""
    return ~session.expired


def is_in(
    states: Collection[State], session: type[UserSession] = UserSession
) -> sa.ColumnElement[bool]:
    """Return the condition that a session is in one of the states.

    In the form for which the databases have an index, where there is one.
    """
    chosen = frozenset(states)
    if State.ACTIVE not in chosen and len(chosen) > 1:
        return ~is_active(session)
    if State.LOGGED_OUT not in chosen and len(chosen) > 1:
        return session.logged_out_at.is_(None)
    return sa.or_(sa.false(), *(_is(state, session) for state in State if state in chosen))


def state_of(session: UserSession) -> State:
    """Return the state of a session that was read."""
    if session.logged_out_at is not None:
        return State.LOGGED_OUT
    return State.ACTIVE if session.expired_at is None else State.EXPIRED


def columns_of(state: State, moment: datetime) -> dict[str, Any]:
    """Return the values that bring a session of another state into this one at that moment.

    An earlier time of expiry is history, and stays.
    """
    match state:
        case State.ACTIVE:
            return {"expired_at": None}
        case State.EXPIRED:
            return {"expired_at": moment}
        case State.LOGGED_OUT:
            column = UserSession.expired_at
            kept = sa.func.coalesce(column, sa.literal(moment, column.type))
            return {"logged_out_at": moment, "expired_at": kept}


def _is(state: State, session: type[UserSession]) -> sa.ColumnElement[bool]:
    match state:
        case State.ACTIVE:
            return is_active(session)
        case State.EXPIRED:
            return sa.and_(~is_active(session), session.logged_out_at.is_(None))
        case State.LOGGED_OUT:
            return session.logged_out_at.is_not(None)
