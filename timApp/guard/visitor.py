"""Who asks: the person and the session that a cookie stands for, as they are at this moment."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from timApp.database.dialects.functions import LostInCrash, SecondOf
from timApp.database.driver.read import QuickRead
from timApp.database.driver.write import QuickWrite
from timApp.database.work import UnitOfWork
from timApp.guard.cookie import Claims
from timApp.guard.rules.clocks import NEVER, Clocks
from timApp.guard.rules.validity import (
    SEEN_INTERVAL_ACTIVE,
    SEEN_INTERVAL_EXPIRED,
    is_seen_due,
)
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.state import is_active, is_open
from timApp.user.people import group_names, read_groups
from timApp.user.user import User
from timApp.user.usergroup import Member
from timApp.util.clock import current_second, now


# Not frozen: that would triple what it takes to make one, at each request.
@dataclass(eq=False)
class Visitor(Member):
    """A person who is logged in, and their session."""

    id: int
    name: str
    real_name: str
    email: str
    groups: frozenset[str]
    #: None for a login without a session: from before they were tracked.
    session_id: str | None
    #: Whether that session is active.
    session_is_active: bool


_Visitor = TypeVar("_Visitor", bound=Visitor)


def _visitors(
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
    ]
    join = sa.and_(UserSession.user_id == User.id, UserSession.session_id == session_id)
    # As it is without a session, too.
    return columns, join, is_open()


def _is_active(clocks: Clocks) -> sa.ColumnElement[Any]:
    """Return whether a session is active; None for one that a clock has ended."""
    if clocks == NEVER:
        return is_active(clocks)
    return sa.case((is_active(clocks), True), (UserSession.expired, False))


@cache
def _one_visitor(clocks: Clocks) -> QuickRead:
    # The person is said by number, and not as the user's of the row, so that it is known before a
    # row is read where it is to be found: in one part of a table that is cut by user.
    user_id = sa.bindparam("user_id", type_=sa.Integer())
    columns, join, condition = _visitors(user_id, sa.bindparam("session_id"), clocks)
    query = sa.select(*columns).outerjoin(UserSession, join)
    return QuickRead(query.where(User.id == user_id).where(condition))


@cache
def _many_visitors(clocks: Clocks) -> QuickRead:
    """Return the same of many at once, for PostgreSQL: it takes a sixth of the time for each."""
    asked = (
        sa.func.unnest(
            sa.bindparam("user_ids", type_=ARRAY(sa.Integer())),
            sa.bindparam("session_ids", type_=ARRAY(sa.Text())),
        )
        .table_valued("user_id", "session_id", with_ordinality="number")
        .render_derived(name="asked")
    )
    user_id = sa.type_coerce(asked.c.user_id, sa.Integer())
    session_id = sa.type_coerce(asked.c.session_id, sa.Text())
    columns, join, condition = _visitors(user_id, session_id, clocks)
    number = sa.type_coerce(asked.c.number, sa.Integer()).label("number")
    return QuickRead(
        sa.select(*columns, number)
        .select_from(asked)
        .join(User, User.id == user_id)
        .outerjoin(UserSession, join)
        .where(condition)
    )


# Passes over a session that is being changed: the next request will do.
_is_seen = sa.and_(
    UserSession.user_id == sa.bindparam("of_user"),
    UserSession.session_id == sa.bindparam("of_session"),
)
_unlocked = (
    sa.select(UserSession.session_id)
    .where(_is_seen, LostInCrash())
    .with_for_update(skip_locked=True, key_share=True)
)
_write_seen = QuickWrite(
    sa.update(UserSession)
    .where(_is_seen, UserSession.session_id.in_(_unlocked))
    .values(last_seen_at=sa.bindparam("moment"))
)


class Visitors:
    """Who asks, looked up in one database, outside of any transaction.

    A cookie that outlives its logout (a copy of it, say) is nobody's. It is written down now and
    then that a session was seen, as the same query tells when it is time; where that
    cannot be written, it is left out.
    """

    def __init__(self, engine: sa.Engine, clocks: Clocks) -> None:
        self._engine = engine
        self._clocks = clocks
        self._seen_interval = clocks.seen_interval(SEEN_INTERVAL_ACTIVE)
        self._one = _one_visitor(clocks).outside(engine)

    def find(
        self, user_id: int, session_id: str | None, make: Callable[..., _Visitor]
    ) -> _Visitor | None:
        """Return the visitor with that session, made by `make` with the fields of `Visitor`.

        None for an unknown person, and when the session is logged out.
        """
        row = self._one.first({"user_id": user_id, "session_id": session_id})
        return None if row is None else self._made(row, make)

    def find_all(self, asked: Sequence[Claims]) -> list[Visitor | None]:
        """Return what `find` does for each of many, at the price of a few."""
        if self._engine.dialect.name == "sqlite":
            return [self.find(one.user_id, one.session_id, Visitor) for one in asked]
        found: list[Visitor | None] = [None] * len(asked)
        keys = {
            "user_ids": [one.user_id for one in asked],
            "session_ids": [one.session_id for one in asked],
        }
        for *row, number in _many_visitors(self._clocks).outside(self._engine).all(keys):
            found[number - 1] = self._made(row, Visitor)
        return found

    def _made(self, row: Sequence[Any], make: Callable[..., _Visitor]) -> _Visitor:
        number, name, real_name, email, groups, session_id, is_active, last_seen_at = row
        is_known = session_id is not None
        # A session that a clock has ended must not come back by being seen.
        if is_known and is_active is not None:
            interval = self._seen_interval if is_active else SEEN_INTERVAL_EXPIRED
            if is_seen_due(last_seen_at, current_second(), interval):
                seen = {"of_user": number, "of_session": session_id, "moment": now()}
                _write_seen.make_if_free(self._engine, seen)
        is_active = is_known and bool(is_active)
        return make(number, name, real_name, email, read_groups(groups), session_id, is_active)


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
