"""Blocked sessions that wait for verification, and the short codes by which they are named."""

import secrets
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.dialects.types import UTCDateTime
from timApp.database.driver.read import QuickRead
from timApp.database.model import conflict_insert
from timApp.database.textlock import lock_text
from timApp.database.work import UnitOfWork
from timApp.guard.rules.exambrowser import KeyState
from timApp.guard.rules.seating import NOWHERE, Seating
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.state import is_blocked
from timApp.guard.tables.waiting import WaitingSession
from timApp.guard.vocabulary import Cause
from timApp.guard.waiting.code import PATTERN
from timApp.user.user import User
from timApp.util.clock import CLOCK_LEEWAY, now

#: A blocked page that has not asked for so long is closed: its session waits no more. What it asked
#: last may have been written down by a server whose clock is behind ours.
PATIENCE = timedelta(seconds=30) + CLOCK_LEEWAY


#: So many blocked logins of one person are listed, and have a code: nobody can use them all up.
PER_PERSON_MAX = 5
#: Codes that are tried before it is taken for granted that hardly any is free.
_TRIES = 50


@dataclass(frozen=True)
class Waiting:
    """Somebody who waits."""

    code: str
    user_name: str
    real_name: str
    session_id: str
    origin: str
    since: datetime
    #: Where their session began.
    seating: Seating = NOWHERE
    #: Where it was last seen, if that is not where it began; other hosts are not told.
    seen_origin: str | None = None
    #: Whether it began for one of two who had the same cookie; not known of another host's.
    was_copied: bool = False
    #: What it has shown of its exam browser; None if nobody has looked, and for another host's.
    key_state: KeyState | None = None


def begin_waiting(work: UnitOfWork, user_id: int, session_id: str) -> str | None:
    """Return the short code of a blocked session, made now if its page is shown for the first time.

    None for a session that does not exist, and while `PER_PERSON_MAX` others of the person wait
    with codes. The code belongs to no other session that waits; one that does not wait any more
    loses its code to the newcomer. No commit.
    """
    known = _known_code(work, user_id, session_id)
    if known is not None or not _may_wait(work, user_id, session_id):
        return known
    # Those that came at the same moment have all seen room.
    lock_text(work.session.connection(), f"codes of {user_id}")
    if not _may_wait(work, user_id, session_id):
        return _known_code(work, user_id, session_id)
    for code in _random_codes():
        _release(work, code)
        # Two pages that are shown at once may draw the same code; the unique key lets one have it.
        added = work.session.scalar(
            _insert_waiting(work).values(
                user_id=user_id, session_id=session_id, code=code, since=now()
            )
        )
        if added is not None:
            return str(added)
        # Or this very session has got its code meanwhile, in another tab.
        known = _known_code(work, user_id, session_id)
        if known is not None:
            return known
    return None


def waiting_sessions(work: UnitOfWork, limit: int = 500) -> list[Waiting]:
    """Return who waits now, longest first, at most `limit` of them.

    Of one person at most `PER_PERSON_MAX`, so that nobody crowds the others out by logging in again
    and again.
    """
    order = (WaitingSession.since, WaitingSession.session_id)
    rank = sa.func.row_number().over(partition_by=WaitingSession.user_id, order_by=order)
    ranked = _waiting_query().add_columns(rank.label("rank")).subquery()
    query = (
        sa.select(*(column for column in ranked.c if column.name != "rank"))
        .where(ranked.c.rank <= PER_PERSON_MAX)
        .order_by(ranked.c.since, ranked.c.session_id)
        .limit(limit)
    )
    return [_read(row) for row in work.session.execute(query)]


def count_waiting(work: UnitOfWork, *which: sa.ColumnElement[bool]) -> int:
    """Return how many sessions wait now that meet the conditions."""
    return work.session.scalars(_count(*which)).one()


def find_waiting(work: UnitOfWork, code: str) -> Waiting | None:
    """Return who waits with that short code (as `normal_code` has it), or None."""
    row = work.session.execute(_waiting_query().where(WaitingSession.code == code)).first()
    return None if row is None else _read(row)


def find_waiting_login(work: UnitOfWork, user_name: str, session_id: str) -> Waiting | None:
    """Return how that person's session waits, or None."""
    is_it = (User.name == user_name, UserSession.session_id == session_id)
    row = work.session.execute(_waiting_query().where(*is_it)).first()
    return None if row is None else _read(row)


def stop_waiting(
    work: UnitOfWork, user_ids: Collection[int] | sa.Select[int] | None = None
) -> None:
    """Drop the short codes of sessions that are active or logged out by now.

    Those of these users, or of everybody; for whoever has changed sessions.
    """
    settled = (
        sa.select(UserSession.user_id, UserSession.session_id)
        .join(WaitingSession, _is_of_session())
        .where(sa.not_(is_blocked()))
    )
    if user_ids is not None:
        settled = settled.where(WaitingSession.user_id.in_(user_ids))
    work.session.execute(
        sa.delete(WaitingSession).where(
            sa.tuple_(WaitingSession.user_id, WaitingSession.session_id).in_(settled)
        ),
        execution_options={"synchronize_session": False},
    )


def _may_wait(work: UnitOfWork, user_id: int, session_id: str) -> bool:
    """Tell whether there is that session, and room for another one of the person."""
    row = _room_query.first(work, {"user_id": user_id, "session_id": session_id})
    return row is not None and row.waiting < PER_PERSON_MAX


def _known_code(work: UnitOfWork, user_id: int, session_id: str) -> str | None:
    row = _code_query.first(work, {"user_id": user_id, "session_id": session_id})
    return row and str(row.code)


_code_query = QuickRead(
    sa.select(WaitingSession.code).where(
        WaitingSession.user_id == sa.bindparam("user_id"),
        WaitingSession.session_id == sa.bindparam("session_id"),
    )
)


def _is_of_session() -> sa.ColumnElement[bool]:
    return sa.and_(
        WaitingSession.user_id == UserSession.user_id,
        WaitingSession.session_id == UserSession.session_id,
    )


def _still_waits() -> sa.ColumnElement[bool]:
    # What was seen before a clock was set back waits no longer for that; who does is seen anew.
    first = sa.bindparam("first", callable_=lambda: now() - PATIENCE, type_=UTCDateTime())
    last = sa.bindparam("last", callable_=lambda: now() + CLOCK_LEEWAY, type_=UTCDateTime())
    return sa.and_(
        is_blocked(),
        sa.or_(
            sa.and_(UserSession.last_seen_at > first, UserSession.last_seen_at <= last),
            # That it was seen is left out while the database is busy.
            sa.and_(WaitingSession.since > first, WaitingSession.since <= last),
        ),
    )


def _count(*which: sa.ColumnElement[bool]) -> sa.Select[int]:
    return (
        sa.select(sa.func.count())
        .select_from(WaitingSession)
        .join(UserSession, _is_of_session())
        .where(_still_waits(), *which)
    )


_own = orm.aliased(UserSession)
_room_query = QuickRead(
    sa.select(
        _count(WaitingSession.user_id == sa.bindparam("user_id")).scalar_subquery().label("waiting")
    )
    .select_from(_own)
    .where(_own.user_id == sa.bindparam("user_id"), _own.session_id == sa.bindparam("session_id"))
)


def _read(row: sa.Row[*tuple[Any, ...]]) -> Waiting:
    code, user_name, real_name, session_id, origin, since, *more = row
    seat, address_seat, seen, cause, key_state = more
    seating = Seating(seat, address_seat)
    return Waiting(
        code,
        user_name,
        real_name,
        session_id,
        origin,
        since,
        seating,
        seen,
        cause is Cause.COPIED,
        key_state,
    )


def _waiting_query() -> sa.Select[*tuple[Any, ...]]:
    """Return the query for the fields of `Waiting`, of which the seating is two columns."""
    return (
        sa.select(
            WaitingSession.code,
            User.name,
            User.real_name,
            UserSession.session_id,
            UserSession.origin,
            WaitingSession.since,
            UserSession.seat,
            UserSession.address_seat,
            UserSession.seen_origin,
            UserSession.cause,
            UserSession.key_state,
        )
        .join(UserSession, _is_of_session())
        .join(User, User.id == UserSession.user_id)
        .where(_still_waits())
    )


def _insert_waiting(work: UnitOfWork) -> Any:
    insert = conflict_insert(work.session.connection(), WaitingSession)
    return insert.on_conflict_do_nothing().returning(WaitingSession.code)


def _random_codes() -> Iterator[str]:
    # Far more than it takes: there are ten thousand codes, and a hall has fewer people.
    for _ in range(_TRIES):
        yield "".join(secrets.choice(kind) for kind in PATTERN)


def _release(work: UnitOfWork, code: str) -> None:
    """Drop the code if the session that has it does not wait any more."""
    work.session.execute(
        sa.delete(WaitingSession).where(
            WaitingSession.code == code,
            ~sa.select(UserSession.session_id).where(_is_of_session(), _still_waits()).exists(),
        ),
        execution_options={"synchronize_session": False},
    )
