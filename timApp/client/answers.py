"""What a server answers, as values."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Session:
    """A session; moments are in UTC."""

    user: str
    session_id: str
    #: Address and browser of the login.
    origin: str
    logged_in_at: datetime
    #: None for one that is active.
    expired_at: datetime | None


@dataclass(frozen=True)
class Change:
    """An entry of the record of changes; the moment is in UTC."""

    at: datetime
    #: What somebody is who made it: ``user``, ``program``, ``host``, ``command line``.
    actor_kind: str
    actor: str
    address: str | None
    action: str
    #: Whose sessions were changed; None for everybody's.
    user: str | None
    session_id: str | None
    session_count: int
    reason: str | None
