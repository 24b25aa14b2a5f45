"""Looks up what the person is told whose session is not active: why, and where they sit."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.driver.read import QuickRead
from timApp.database.work import UnitOfWork
from timApp.guard.rules.cause import ENDED_FOR_THE_PERSON, Explanation, cause_of
from timApp.guard.rules.clocks import Clocks
from timApp.guard.tables.hold import OF_A_PAUSE, SessionHold
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.state import is_active
from timApp.guard.vocabulary import Cause


@dataclass(frozen=True)
class Stopped:
    """A session that is not active."""

    why: Explanation
    #: The seat at which it began; None if that is not known.
    seat: str | None
    #: When the person left the room, if that is why; None if a clock has ended it.
    left_at: datetime | None = None


def find_stopped(work: UnitOfWork, user_id: int, session_id: str, clocks: Clocks) -> Stopped:
    """Return what there is to tell of the user's session, which has to exist, by one query."""
    row = _cause_query(clocks).first(work, {"user_id": user_id, "session_id": session_id})
    by_clock = clocks.ended(row) if row.expired_at is None else None
    cause = cause_of(row.cause, by_clock, began_expired=row.expired_at == row.logged_in_at)
    why = Explanation(cause, another_is_active=bool(row.another_is_active))
    return Stopped(why, row.seat, row.paused_at or row.expired_at)


def find_end(work: UnitOfWork, user_id: int, session_id: str | None) -> Cause | None:
    """Return why a session is over for good, if it is not by its person's logout.

    None for one that is not over, and for what is no session.
    """
    row = _end_query.first(work, {"user_id": user_id, "session_id": session_id})
    return row.cause if row is not None and row.cause in ENDED_FOR_THE_PERSON else None


_end_query = QuickRead(
    sa.select(UserSession.cause).where(
        UserSession.user_id == sa.bindparam("user_id"),
        UserSession.session_id == sa.bindparam("session_id"),
        UserSession.logged_out_at.is_not(None),
    )
)
_other = orm.aliased(UserSession)


@cache
def _cause_query(clocks: Clocks) -> QuickRead:
    return QuickRead(
        sa.select(
            UserSession.cause,
            UserSession.logged_in_at,
            UserSession.expired_at,
            UserSession.verified_at,
            UserSession.last_seen_at,
            UserSession.seat,
            sa.exists()
            .where(
                _other.user_id == UserSession.user_id,
                _other.session_id != UserSession.session_id,
                is_active(clocks, _other),
            )
            .label("another_is_active"),
            sa.select(SessionHold.since)
            .where(SessionHold.user_id == UserSession.user_id, SessionHold.session_id == OF_A_PAUSE)
            .scalar_subquery()
            .label("paused_at"),
        ).where(
            UserSession.user_id == sa.bindparam("user_id"),
            UserSession.session_id == sa.bindparam("session_id"),
        )
    )
