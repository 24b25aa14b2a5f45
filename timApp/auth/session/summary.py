"""What a supervisor has to know of each session of a person to decide about one of them."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from timApp.auth.session.model import UserSession
from timApp.timdb.sqa import db

#: So many sessions of a person are shown.
MAX_SUMMARIES = 20


@dataclass(frozen=True)
class SessionSummary:
    """One session, of this server or of another host."""

    session_id: str
    origin: str
    logged_in_at: datetime
    last_seen_at: datetime | None
    is_active: bool
    is_logged_out: bool


def session_summaries(user_id: int, chosen: str | None) -> list[SessionSummary]:
    """Return the person's sessions, at most `MAX_SUMMARIES`.

    The chosen one comes first, then those that are not logged out, and the latest first.
    """
    query = (
        sa.select(UserSession)
        .where(UserSession.user_id == user_id)
        .order_by(
            sa.case((UserSession.session_id == (chosen or ""), 0), else_=1),
            UserSession.logged_out_at.is_not(None),
            UserSession.logged_in_at.desc(),
            UserSession.session_id.desc(),
        )
        .limit(MAX_SUMMARIES)
    )
    return [
        SessionSummary(
            session_id=session.session_id,
            origin=session.origin,
            logged_in_at=session.logged_in_at,
            last_seen_at=session.last_seen_at,
            is_active=session.expired_at is None,
            is_logged_out=session.logged_out_at is not None,
        )
        for session in db.session.scalars(query)
    ]
