"""What a notice says, put together when it is sent: who, what, by whom, when and why."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from timApp.guard.tables.change import SessionChange
from timApp.guard.vocabulary import ActorKind, Cause
from timApp.receivers.event import reference_of
from timApp.receivers.notice import TEST, Notice, is_owed
from timApp.user.user import User

_COLUMNS = (
    Notice.id,
    Notice.message_id,
    Notice.type,
    Notice.attempts,
    Notice.made_at,
    Notice.session_id,
    Notice.cause,
    Notice.change_id,
    SessionChange.at,
    SessionChange.actor_kind,
    SessionChange.actor,
    SessionChange.reason,
    SessionChange.cause.label("recorded_cause"),
    User.name,
)


@dataclass(frozen=True)
class By:
    """Who did it."""

    kind: ActorKind
    name: str


@dataclass(frozen=True)
class Told:
    """One notice."""

    id: int
    message_id: str
    #: Of `timApp.receivers.event.EventType`, or `timApp.receivers.notice.TEST`.
    type: str
    #: When it happened.
    at: datetime
    attempts: int
    #: None for everybody, and for a test.
    user_name: str | None = None
    #: By what receivers know the session; None for all of the person's, and for a test.
    session: str | None = None
    #: None for a test.
    by: By | None = None
    reason: str | None = None
    cause: Cause | None = None

    @property
    def is_test(self) -> bool:
        """Whether nothing has happened."""
        return self.type == TEST


def owed_to(
    connection: sa.Connection, receiver_id: int, limit: int, *which: sa.ColumnElement[bool]
) -> list[Told]:
    """Return what the receiver is owed, the oldest first.

    What an entry of the record said that is deleted by now is left out.
    """
    query = (
        sa.select(*_COLUMNS)
        .join(SessionChange, SessionChange.id == Notice.change_id, isouter=True)
        .join(User, User.id == Notice.user_id, isouter=True)
        .where(
            Notice.receiver_id == receiver_id,
            is_owed,
            sa.or_(Notice.change_id.is_(None), SessionChange.id.is_not(None)),
            *which,
        )
        .order_by(Notice.id)
        .limit(limit)
    )
    return [_told(row) for row in connection.execute(query)]


def _told(row: sa.Row[*tuple[object, ...]]) -> Told:
    if row.change_id is None:
        return Told(row.id, row.message_id, row.type, row.made_at, row.attempts)
    return Told(
        row.id,
        row.message_id,
        row.type,
        row.at,
        row.attempts,
        row.name,
        None if row.session_id is None else reference_of(row.session_id),
        By(row.actor_kind, row.actor),
        row.reason,
        row.cause or row.recorded_cause,
    )
