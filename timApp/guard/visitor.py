"""Who asks: the person and the session that a cookie stands for, as they are at this moment."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from timApp.database.dialects.functions import SecondOf
from timApp.database.driver.read import QuickRead
from timApp.database.work import UnitOfWork, Work
from timApp.guard.cookie import Claims
from timApp.guard.reading.heir import find_heir
from timApp.guard.rules.clocks import NEVER, Clocks
from timApp.guard.rules.exambrowser import KeyState
from timApp.guard.rules.token import AS_ANY, Ruling, Tokens, Use, is_as_any, judge
from timApp.guard.rules.validity import (
    SEEN_INTERVAL_ACTIVE,
    SEEN_INTERVAL_EXPIRED,
    is_seen_due,
)
from timApp.guard.seen import Here, note_seen, note_tokens, rewritten_token
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.state import is_active, is_open
from timApp.user.factor.passkey import has_passkey
from timApp.user.people import group_names, read_groups
from timApp.user.user import User
from timApp.user.usergroup import ADMIN_GROUP, SUPERVISOR_GROUP, Member
from timApp.util.clock import current_second


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
    #: When another login of theirs was blocked last while it was, in seconds since 1970; or None.
    attempted_at: int | None = None
    #: What the cookie has to say from now on; None if it may stay.
    renewed: Claims | None = None
    #: Whether they are in a group of which everybody has a passkey, and have none: until they have,
    #: they are in no group that may do anything on the site.
    owes_passkey: bool = False
    #: What is written down of the session's exam browser; None if nothing is.
    key_state: KeyState | None = None


class Undecided(Enum):
    """Stands for a visitor whose cookie has to be looked at alone."""

    UNDECIDED = "undecided"


UNDECIDED = Undecided.UNDECIDED
_Visitor = TypeVar("_Visitor", bound=Visitor)
#: A bearer who never takes the cookie that is left to them is led on as often, at each request.
_COPIES_MAX = 8


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
    columns, join, condition = _visitors(user_id, session_id, clocks)
    number = sa.type_coerce(asked.c.number, sa.Integer()).label("number")
    return QuickRead(
        sa.select(*columns, number)
        .select_from(asked)
        .join(User, User.id == user_id)
        .outerjoin(UserSession, join)
        .where(condition)
    )


class Visitors:
    """Who asks, looked up in one database, outside of any transaction.

    A cookie that outlives its logout (a copy of it, say) is nobody's. It is written down now and
    then that a session was seen, as the same query tells when it is time; where that
    cannot be written, it is left out. So is the number of the cookie, of which a copy is known:
    `timApp.guard.rules.token`.
    """

    def __init__(
        self,
        engine: sa.Engine,
        clocks: Clocks,
        renewal: float | None = None,
        on_copy: Callable[[Visitor, Claims, Here | None], object] | None = None,
        second_factor_groups: frozenset[str] = frozenset(),
    ) -> None:
        """`renewal` is in seconds, and None if cookies are not renewed.

        `on_copy` is what ends the session of a cookie that was copied; it is called with who came
        with it.
        """
        self._engine = engine
        self._clocks = clocks
        self._renewal = None if on_copy is None else renewal
        self._on_copy = on_copy
        self._second_factor_groups = second_factor_groups
        self._seen_interval = clocks.seen_interval(SEEN_INTERVAL_ACTIVE)
        self._one = _one_visitor(clocks).outside(engine)

    def find(
        self,
        claims: Claims,
        make: Callable[..., _Visitor],
        here: Here | None = None,
        *,
        renews: bool = True,
    ) -> _Visitor | None:
        """Return the visitor with that cookie, made by `make` with the fields of `Visitor`.

        None for an unknown person, for one whose account is closed, and when the session is logged
        out. If the cookie was copied, that is found out here: then the visitor is in the session
        that is left to this bearer, and so they are with the cookie of a session that ended like
        that. Unless `renews`, no new number is given to the cookie, for an answer that brings the
        browser none.
        """
        row = self._row(claims)
        if row is not None and self._needs_nothing(row, claims):
            return self._made(row, make)
        asked = claims
        for _ in range(_COPIES_MAX):
            if row is None:
                heir = find_heir(self._engine, claims.user_id, claims.session_id, claims.token)
                if heir is None:
                    return None
                claims = Claims(claims.user_id, heir)
            else:
                ruling = self._judged(row, claims, renews=renews)
                if ruling.use is not Use.COPY or self._on_copy is None:
                    renewed = self._renewed(row, claims, ruling, here)
                    return self._made(row, make, renewed or (None if claims is asked else claims))
                self._on_copy(self._made(row, Visitor), claims, here)
            row = self._row(claims)
        return None

    def find_all(
        self, asked: Sequence[Claims], renews: Sequence[bool] | None = None
    ) -> list[Visitor | Undecided | None]:
        """Return what `find` does for each of many, at the price of a few.

        `UNDECIDED` for those for whom there is something to be written of their cookies.
        """
        if self._engine.dialect.name == "sqlite":
            rows = {number: self._row(one) for number, one in enumerate(asked)}
        else:
            keys = {
                "user_ids": [one.user_id for one in asked],
                "session_ids": [one.session_id for one in asked],
            }
            many = _many_visitors(self._clocks).outside(self._engine).all(keys)
            rows = {number - 1: row for *row, number in many}
        return [
            self._found(rows.get(number), one, renews=renews is None or renews[number])
            for number, one in enumerate(asked)
        ]

    def at_once(self, claims: Claims, *, renews: bool) -> Visitor | Undecided | None:
        """Return what `find_all` does for one, if nobody has to be waited for.

        `UNDECIDED` if it has to be asked, as where anything has to be written, or to be looked at
        in another table.
        """
        key = {"user_id": claims.user_id, "session_id": claims.session_id}
        rows = self._one.at_once(key)
        if rows is None:
            return UNDECIDED
        if not rows:
            return None
        (row,) = rows
        if not self._second_factor_groups.isdisjoint(read_groups(row[4])):
            return UNDECIDED
        if not self._needs_nothing(row, claims) and (
            self._is_seen_due(row) or self._judged(row, claims, renews=renews) is not AS_ANY
        ):
            return UNDECIDED
        return self._made(row, Visitor)

    def rewritten_token(self, claims: Claims, here: Here) -> int:
        """Return the number of a cookie that an answer sets for another reason."""
        if self._renewal is None or claims.session_id is None:
            return claims.token
        return rewritten_token(self._engine, claims, self._renewal, here)

    def _row(self, claims: Claims) -> Sequence[Any] | None:
        return self._one.first({"user_id": claims.user_id, "session_id": claims.session_id})

    def _needs_nothing(self, row: Sequence[Any], claims: Claims) -> bool:
        """Tell whether there is nothing to be decided or written: so it is at most requests."""
        session_id, is_active, _, issued, used, since = row[5:11]
        # A session that a clock has ended is over, whoever comes with it.
        if session_id is None or is_active is None:
            return True
        moment, renewal = current_second(), self._renewal
        if renewal is not None and not is_as_any(
            claims.token, issued, used, since, moment, renewal
        ):
            return False
        return not self._is_seen_due(row)

    def _is_seen_due(self, row: Sequence[Any]) -> bool:
        """Tell whether it is to be written down that a session was seen."""
        is_active, last_seen_at = row[6:8]
        interval = self._seen_interval if is_active else SEEN_INTERVAL_EXPIRED
        return is_seen_due(last_seen_at, current_second(), interval)

    def _judged(self, row: Sequence[Any], claims: Claims, *, renews: bool) -> Ruling:
        """Say what is to become of a cookie; unless it `renews`, all but a copy is as any other."""
        session_id, is_active, tokens = row[5], row[6], row[8:11]
        # A session that a clock has ended is over, whoever comes with it.
        if self._renewal is None or session_id is None or is_active is None:
            return AS_ANY
        ruling = judge(claims.token, Tokens(*tokens), current_second(), self._renewal)
        return ruling if renews or ruling.use is Use.COPY else AS_ANY

    def _found(
        self, row: Sequence[Any] | None, claims: Claims, *, renews: bool
    ) -> Visitor | Undecided | None:
        if row is None:
            return None
        if self._needs_nothing(row, claims):
            return self._made(row, Visitor)
        ruling = self._judged(row, claims, renews=renews)
        if ruling is not AS_ANY:
            return UNDECIDED
        return self._made(row, Visitor, self._renewed(row, claims, ruling, None))

    def _renewed(
        self, row: Sequence[Any], claims: Claims, ruling: Ruling, here: Here | None
    ) -> Claims | None:
        """Write down what there is to write; return what the cookie has to say from now on."""
        # A session that a clock has ended must not come back by being seen.
        if row[5] is None or row[6] is None:
            return None
        if ruling.after is not None:
            before = Tokens(*row[8:11])
            is_noted = note_tokens(self._engine, claims, before, ruling.after, here)
            if is_noted and ruling.sent is not None:
                return replace(claims, token=ruling.sent)
        elif ruling.use is Use.GOOD and self._is_seen_due(row):
            note_seen(self._engine, claims, here)
        return None

    def _made(
        self, row: Sequence[Any], make: Callable[..., _Visitor], renewed: Claims | None = None
    ) -> _Visitor:
        number, name, real_name, email, groups, session_id, is_active = row[:7]
        is_active = session_id is not None and bool(is_active)
        groups, attempted_at = read_groups(groups), row[11]
        key_state = None if row[12] is None else KeyState(row[12])
        owes_passkey = False
        # Of most people and sites nothing more is asked.
        if self._second_factor_groups and not self._second_factor_groups.isdisjoint(groups):
            owes_passkey = not has_passkey(Work(self._engine), number)
            if owes_passkey:
                groups -= self._second_factor_groups | {ADMIN_GROUP, SUPERVISOR_GROUP}
        return make(
            number,
            name,
            real_name,
            email,
            groups,
            session_id,
            is_active,
            attempted_at,
            renewed,
            owes_passkey,
            key_state,
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
