"""The sessions of one person side by side, for a supervisor who decides about one of them."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from timApp.auth.session.device import Device, device_of
from timApp.auth.session.model import UserSession
from timApp.timdb.sqa import db

#: So many sessions are shown: those that are not logged out first, and the latest first.
MAX_SHOWN = 20


@dataclass(frozen=True)
class ComparedSession:
    """One session as it is shown."""

    session_id: str
    device: Device
    logged_in_at: datetime
    last_seen_at: datetime | None
    is_active: bool
    is_logged_out: bool
    #: Whether it is the one that was scanned or named.
    is_chosen: bool


def compared_sessions(user_id: int, chosen: str | None) -> list[ComparedSession]:
    """Return the person's sessions, the chosen one first; at most `MAX_SHOWN`."""
    query = (
        sa.select(UserSession)
        .where(UserSession.user_id == user_id)
        .order_by(
            sa.case((UserSession.session_id == (chosen or ""), 0), else_=1),
            UserSession.logged_out_at.is_not(None),
            UserSession.logged_in_at.desc(),
            UserSession.session_id.desc(),
        )
        .limit(MAX_SHOWN)
    )
    return [
        ComparedSession(
            session_id=session.session_id,
            device=device_of(session.origin),
            logged_in_at=session.logged_in_at,
            last_seen_at=session.last_seen_at,
            is_active=session.expired_at is None,
            is_logged_out=session.logged_out_at is not None,
            is_chosen=session.session_id == chosen,
        )
        for session in db.session.scalars(query)
    ]
