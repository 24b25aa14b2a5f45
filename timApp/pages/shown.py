"""A session as lists of people, supervisors and administrators show it."""

from dataclasses import dataclass
from datetime import datetime

from timApp.guard.reading.device import Device, device_of
from timApp.guard.reading.sessions import SessionSummary
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.state import state_of
from timApp.guard.vocabulary import State


@dataclass(frozen=True)
class ShownSession:
    """What there is to see of a session, of this server or of another one."""

    session_id: str
    device: Device
    state: State
    logged_in_at: datetime
    last_seen_at: datetime | None


def shown(session: UserSession | SessionSummary) -> ShownSession:
    """Return what there is to see of a session."""
    return ShownSession(
        session_id=session.session_id,
        device=device_of(session.origin),
        state=state_of(session) if isinstance(session, UserSession) else session.state,
        logged_in_at=session.logged_in_at,
        last_seen_at=session.last_seen_at,
    )
