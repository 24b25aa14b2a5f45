"""A session as lists of people, supervisors and administrators show it."""

from dataclasses import dataclass
from datetime import datetime

from timApp.guard.reading.device import Device, device_of
from timApp.guard.reading.sessions import SessionSummary
from timApp.guard.rules.exambrowser import KeyState
from timApp.guard.rules.seating import Seating
from timApp.guard.vocabulary import Cause, State


@dataclass(frozen=True)
class ShownSession:
    """What there is to see of a session, of this server or of another one."""

    session_id: str
    device: Device
    state: State
    logged_in_at: datetime
    last_seen_at: datetime | None
    #: Why it is not active; None if it is, or if nobody has noted it.
    cause: Cause | None
    #: Where it began.
    seating: Seating
    #: Where it was last seen, if that is not where it began.
    seen_elsewhere: Device | None
    #: What it has shown of its exam browser, and since when; None if nobody has looked.
    key_state: KeyState | None
    key_state_since: datetime | None

    @property
    def claims_seb(self) -> bool:
        """Whether it calls itself Safe Exam Browser wherever it was seen."""
        return self.device.is_seb and (self.seen_elsewhere is None or self.seen_elsewhere.is_seb)


def shown(session: SessionSummary) -> ShownSession:
    """Return what there is to see of a session."""
    return ShownSession(
        session_id=session.session_id,
        device=device_of(session.origin),
        state=session.state,
        logged_in_at=session.logged_in_at,
        last_seen_at=session.last_seen_at,
        cause=session.cause,
        seating=session.seating,
        seen_elsewhere=None if session.seen_origin is None else device_of(session.seen_origin),
        key_state=session.key_state,
        key_state_since=session.key_state_since,
    )
