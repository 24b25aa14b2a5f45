"""Who bears a cookie, as it is at this moment: the person, and the session that it names.

A row says all of a visitor (`timApp.guard.visitor.Visitor`), and when it was last written down of
the session that it was seen, and with which number of its cookie.
"""

from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from timApp.database.dialects.functions import SecondOf
from timApp.database.driver.read import QuickRead
from timApp.database.work import UnitOfWork
from timApp.guard.rules.clocks import NEVER, Clocks
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.state import is_active, is_open
from timApp.user.people import group_names
from timApp.user.user import User


def _bearers(
    user_id: sa.ColumnElement[int], session_id: sa.ColumnElement[str], clocks: Clocks
) -> tuple[list[sa.ColumnElement[Any]], sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    """Return the columns that say all of a visitor, the join to the session, and the condition."""
    columns: list[Any] = [
        User.id,
        User.name,
        User.real_name,
        User.email,
        group_names(user_id).label("groups"),
        UserSession.session_id,
        _is_active(clocks).label("is_active"),
        SecondOf(UserSession.last_seen_at).label("last_seen_at"),
        UserSession.token_issued,
        UserSession.token_used,
        SecondOf(UserSession.token_since).label("token_since"),
        SecondOf(UserSession.attempted_at).label("attempted_at"),
        # As text: hardly any session has it, and to read it as what it is takes time at each one.
        sa.type_coerce(UserSession.key_state, sa.Text()).label("key_state"),
    ]
    join = sa.and_(UserSession.user_id == User.id, UserSession.session_id == session_id)
    # As it is without a session, too.
    return columns, join, sa.and_(is_open(), User.disabled_at.is_(None))


def _is_active(clocks: Clocks) -> sa.ColumnElement[Any]:
    """Return whether a session is active; None for one that a clock has ended."""
    if clocks == NEVER:
        return is_active(clocks)
    return sa.case((is_active(clocks), True), (UserSession.expired, False))


@cache
def one_bearer(clocks: Clocks) -> QuickRead:
    """Return the read of one bearer, by `user_id` and `session_id`."""
    # The person is said by number, and not as the user's of the row, so that it is known before a
    # row is read where it is to be found: in one part of a table that is cut by user.
    user_id = sa.bindparam("user_id", type_=sa.Integer())
    columns, join, condition = _bearers(user_id, sa.bindparam("session_id"), clocks)
    query = sa.select(*columns).outerjoin(UserSession, join)
    return QuickRead(query.where(User.id == user_id).where(condition))


@cache
def many_bearers(clocks: Clocks) -> QuickRead:
    """Return the same of many at once, by `user_ids` and `session_ids`, each with its number.

    For PostgreSQL alone: it takes a sixth of the time for each.
    """
    # PostgreSQL plans it anew each time as long as it sees how many there are, which takes longer
    # than the look itself. In a query of their own it does not see them.
    arrays = (
        sa.bindparam("user_ids", type_=ARRAY(sa.Integer())),
        sa.bindparam("session_ids", type_=ARRAY(sa.Text())),
    )
    asked = (
        sa.func.unnest(*(sa.select(one).scalar_subquery() for one in arrays))
        .table_valued("user_id", "session_id", with_ordinality="number")
        .render_derived(name="asked")
    )
    user_id = sa.type_coerce(asked.c.user_id, sa.Integer())
    session_id = sa.type_coerce(asked.c.session_id, sa.Text())
    columns, join, condition = _bearers(user_id, session_id, clocks)
    number = sa.type_coerce(asked.c.number, sa.Integer()).label("number")
    return QuickRead(
        sa.select(*columns, number)
        .select_from(asked)
        .join(User, User.id == user_id)
        .outerjoin(UserSession, join)
        .where(condition)
    )


@cache
def _active_session(clocks: Clocks) -> QuickRead:
    return QuickRead(
        sa.select(UserSession.session_id).where(
            UserSession.user_id == sa.bindparam("user_id"),
            UserSession.session_id == sa.bindparam("session_id"),
            is_active(clocks),
        )
    )


def session_is_active(
    work: UnitOfWork, user_id: int, session_id: str | None, clocks: Clocks
) -> bool:
    """Tell whether the user has an active session of that id; None is none."""
    key = {"user_id": user_id, "session_id": session_id}
    return _active_session(clocks).first(work, key) is not None
