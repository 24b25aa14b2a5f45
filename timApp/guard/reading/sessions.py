"""One person's sessions, the latest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from timApp.database.work import UnitOfWork
from timApp.guard.rules.clocks import Clocks
from timApp.guard.rules.exambrowser import KeyState
from timApp.guard.rules.seating import NOWHERE, Seating
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.state import is_open, state_of
from timApp.guard.vocabulary import Cause, State

#: The most sessions of a person that a supervisor is shown, of this server and of another.
MAX_SUMMARIES = 20
#: The most open sessions of a person that they are shown.
MAX_OPEN = 50

#: The order in which a person's sessions are latest first.
LATEST_FIRST: Sequence[sa.ColumnElement[Any]] = (
    UserSession.logged_in_at.desc(),
    UserSession.session_id.desc(),
)


@dataclass(frozen=True)
class SessionSummary:
    """What there is to know of a session to decide about it, of this server or of another host."""

    session_id: str
    origin: str
    logged_in_at: datetime
    last_seen_at: datetime | None
    state: State
    #: Why it is not active; None if it is, and where another host does not say.
    cause: Cause | None = None
    #: Where it began.
    seating: Seating = NOWHERE
    #: Where it was last seen, if that is not where it began; None, too, for one of another host.
    seen_origin: str | None = None
    #: What it has shown of its exam browser, and since when; None if nobody has looked, and for one
    #: of another host.
    key_state: KeyState | None = None
    key_state_since: datetime | None = None


def latest_session_id(work: UnitOfWork, user_id: int) -> str | None:
    """Return the user's latest session that is not logged out, or None."""
    return work.session.scalar(
        sa.select(UserSession.session_id)
        .where(UserSession.user_id == user_id, is_open())
        .order_by(*LATEST_FIRST)
        .limit(1)
    )


def latest_sessions(
    work: UnitOfWork, user_id: int, limit: int, *which: sa.ColumnElement[bool]
) -> list[UserSession]:
    """Return the user's latest sessions that meet the conditions, at most `limit`."""
    query = _of_user(user_id).where(*which).order_by(*LATEST_FIRST).limit(limit)
    return list(work.session.scalars(query))


def when_begun(work: UnitOfWork, user_id: int, number: int) -> datetime | None:
    """Return when the user's session of that number began, counted from the latest, which is 1.

    None if there are not so many.
    """
    query = sa.select(UserSession.logged_in_at).where(UserSession.user_id == user_id)
    return work.session.scalar(query.order_by(*LATEST_FIRST).offset(number - 1).limit(1))


def open_sessions(work: UnitOfWork, user_id: int, first: str | None) -> list[UserSession]:
    """Return the user's sessions that are not logged out; at most `MAX_OPEN`.

    The one named `first`, if there is one, comes first, then the latest.
    """
    query = _of_user(user_id).where(is_open())
    return list(
        work.session.scalars(query.order_by(_is_other(first), *LATEST_FIRST).limit(MAX_OPEN))
    )


def session_summaries(
    work: UnitOfWork, user_id: int, chosen: str | None, clocks: Clocks
) -> list[SessionSummary]:
    """Return the person's sessions, at most `MAX_SUMMARIES`.

    The chosen one comes first, then those that are not logged out, and the latest first.
    """
    query = _of_user(user_id).order_by(_is_other(chosen), sa.not_(is_open()), *LATEST_FIRST)
    return [
        summary_of(session, clocks) for session in work.session.scalars(query.limit(MAX_SUMMARIES))
    ]


def summary_of(session: UserSession, clocks: Clocks) -> SessionSummary:
    """Return what there is to know of a session of this server."""
    return SessionSummary(
        session_id=session.session_id,
        origin=session.origin,
        logged_in_at=session.logged_in_at,
        last_seen_at=session.last_seen_at,
        state=state_of(session, clocks),
        cause=session.cause or clocks.ended(session),
        seating=session.seating,
        seen_origin=session.seen_origin,
        key_state=session.key_state,
        key_state_since=session.key_state_since,
    )


def _of_user(user_id: int) -> sa.Select[UserSession]:
    return sa.select(UserSession).where(UserSession.user_id == user_id)


def _is_other(first: str | None) -> sa.ColumnElement[int]:
    return sa.case((UserSession.session_id == (first or ""), 0), else_=1)
