"""Finds out whom to tell of changes: what the database has noted becomes what each is owed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import uuid_utils

from timApp.database.engine import begin_write
from timApp.guard.tables.change import SessionChange
from timApp.guard.tables.session import UserSession
from timApp.receivers.event import (
    Event,
    Moved,
    Recorded,
    events_of,
    is_of_everybody,
    needs_sessions,
)
from timApp.receivers.notice import (
    GIVE_UP_AFTER,
    KEPT_FOR,
    TEST,
    Notice,
    NoticeState,
    UntoldChange,
    is_owed,
)
from timApp.receivers.receiver import Receiver, ReceiverKind
from timApp.util.clock import now

#: So many changes are looked at in one transaction.
_BATCH = 500
#: So many rows are forgotten in one.
_FORGET_BATCH = 1000

_MOVED = (
    UserSession.user_id,
    UserSession.session_id,
    UserSession.verified_at,
    UserSession.expired_at,
    UserSession.logged_out_at,
    UserSession.cause,
)


def owe_all(engine: sa.Engine) -> int:
    """Note what receivers are owed of all changes that were noted; return how much that is.

    Several may do so at once, in whatever processes: each change is one's. A fixed number of
    statements for some hundred changes.
    """
    owed = 0
    while True:
        with engine.connect() as connection:
            if connection.scalar(sa.select(UntoldChange.change_id).limit(1)) is None:
                return owed  # as mostly, and nobody who writes had to wait
        with engine.begin() as connection:
            numbers = _take(connection)
            if not numbers:
                return owed  # somebody else has them
            owed += _owe(connection, numbers)


def owe_test(connection: sa.Connection, receiver_id: int) -> str:
    """Note that a receiver is owed a test; return its message id. The caller commits."""
    row = _row(receiver_id, TEST, now())
    connection.execute(sa.insert(Notice).values(row))
    message_id: str = row["message_id"]
    return message_id


def count_owed(engine: sa.Engine) -> int:
    """Return how many notices are owed to receivers that are told, and do not fetch."""
    with engine.connect() as connection:
        fetches = Receiver.kind == ReceiverKind.SSF_POLL
        query = sa.select(sa.func.count()).select_from(Notice).join(Receiver)
        return connection.scalars(query.where(is_owed, ~fetches)).one()


def owed_by_receiver(engine: sa.Engine) -> dict[str, int]:
    """Return how many notices each receiver is owed, by its name, none included."""
    is_its = sa.and_(Notice.receiver_id == Receiver.id, is_owed)
    query = (
        sa.select(Receiver.name, sa.func.count(Notice.id).label("owed"))
        .join(Notice, is_its, isouter=True)
        .group_by(Receiver.name)
    )
    with engine.connect() as connection:
        return {row.name: row.owed for row in connection.execute(query)}


def forget_old(engine: sa.Engine) -> int:
    """Give up what was owed for too long, and delete what was settled long ago; return how many.

    Given up is also what the record has nothing of any more.
    """
    moment = now()
    is_gone = Notice.change_id.is_not(None) & ~sa.exists().where(
        SessionChange.id == Notice.change_id
    )
    is_too_old = sa.and_(is_owed, is_gone | (Notice.made_at < moment - GIVE_UP_AFTER))
    is_over = sa.and_(Notice.settled_at.is_not(None), Notice.made_at < moment - KEPT_FOR)
    with engine.connect() as connection:
        if connection.scalar(sa.select(Notice.id).where(is_too_old | is_over).limit(1)) is None:
            return 0
    with engine.begin() as connection:
        given_up = connection.execute(
            sa.update(Notice)
            .where(Notice.id.in_(_some(is_too_old)))
            .values(state=NoticeState.GIVEN_UP, settled_at=moment)
        )
        deleted = connection.execute(sa.delete(Notice).where(Notice.id.in_(_some(is_over))))
        return given_up.rowcount + deleted.rowcount


def _some(which: sa.ColumnElement[bool]) -> sa.Select[int]:
    query = sa.select(Notice.id).where(which).order_by(Notice.id).limit(_FORGET_BATCH)
    return query.with_for_update(skip_locked=True)


def _take(connection: sa.Connection) -> Sequence[int]:
    """Take some of the changes that were noted: they are noted no more when this is committed."""
    begin_write(connection)
    first = sa.select(UntoldChange.change_id).order_by(UntoldChange.change_id).limit(_BATCH)
    taken = sa.delete(UntoldChange).where(
        UntoldChange.change_id.in_(first.with_for_update(skip_locked=True))
    )
    return connection.scalars(taken.returning(UntoldChange.change_id)).all()


def _owe(connection: sa.Connection, numbers: Sequence[int]) -> int:
    receivers = connection.execute(
        sa.select(Receiver.id, Receiver.kind, Receiver.events).where(Receiver.ended_at.is_(None))
    ).all()
    if not receivers:
        return 0
    changes = _changes(connection, numbers)
    sessions = _sessions(connection, [one for one in changes if needs_sessions(one)])
    moment = now()
    rows = []
    for change in changes:
        for event in events_of(change, sessions):
            for receiver in receivers:
                if _wants(receiver, event):
                    rows.append(
                        _row(receiver.id, event.type.value, moment)
                        | {
                            "change_id": event.change_number,
                            "user_id": event.user_id,
                            "session_id": event.session_id,
                            "cause": event.cause,
                        }
                    )
    if rows:
        connection.execute(sa.insert(Notice), rows)
    return len(rows)


def _wants(receiver: Any, event: Event) -> bool:
    is_signal = receiver.kind is not ReceiverKind.WEBHOOK
    if is_signal and event.user_id is None:
        return False  # nobody could be named
    return event.type.value in receiver.events.split(",")


def _row(receiver_id: int, kind: str, moment: datetime) -> dict[str, Any]:
    return {
        "receiver_id": receiver_id,
        "message_id": str(uuid_utils.uuid7()),
        "type": kind,
        "change_id": None,
        "user_id": None,
        "session_id": None,
        "cause": None,
        "made_at": moment,
        "state": NoticeState.OWED,
        "attempts": 0,
        "next_attempt_at": moment,
    }


def _changes(connection: sa.Connection, numbers: Sequence[int]) -> list[Recorded]:
    query = (
        sa.select(
            SessionChange.id,
            SessionChange.at,
            SessionChange.action,
            SessionChange.user_id,
            SessionChange.session_id,
            SessionChange.session_count,
        )
        .where(SessionChange.id.in_(numbers))
        .order_by(SessionChange.id)
    )
    return [Recorded(*row) for row in connection.execute(query)]


def _sessions(connection: sa.Connection, changes: Sequence[Recorded]) -> list[Moved]:
    """Return the sessions that were moved at the moments of these changes."""
    if not changes:
        return []
    moments = sorted({one.at for one in changes})
    was_moved = sa.or_(
        UserSession.verified_at.in_(moments),
        UserSession.expired_at.in_(moments),
        UserSession.logged_out_at.in_(moments),
    )
    query = sa.select(*_MOVED).where(was_moved)
    if not any(map(is_of_everybody, changes)):
        owners = sorted({one.user_id for one in changes if one.user_id is not None})
        query = query.where(UserSession.user_id.in_(owners))
    query = query.order_by(UserSession.user_id, UserSession.session_id)
    return [Moved(*row) for row in connection.execute(query)]
