"""Notes what has to be settled before somebody's next login, and settles it."""

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from timApp.database.model import conflict_insert
from timApp.database.work import UnitOfWork
from timApp.guard.tables.hold import OF_AN_END, SessionHold
from timApp.guard.tables.session import UserSession

#: What names the blocked login of a row.
SESSION_KEY_OF_HOLD = sa.tuple_(SessionHold.user_id, SessionHold.session_id)


def note_ends(work: UnitOfWork, moment: datetime, user_ids: Iterable[int]) -> None:
    """Note that somebody has ended sessions of these people."""
    rows = [
        {"user_id": user_id, "session_id": OF_AN_END, "since": moment}
        for user_id in sorted(set(user_ids))
    ]
    if rows:
        insert = conflict_insert(work.session.connection(), SessionHold)
        work.session.execute(insert.values(rows).on_conflict_do_nothing())


def note_ends_of_all(work: UnitOfWork, moment: datetime, is_to_end: sa.ColumnElement[bool]) -> None:
    """Note that somebody ends the sessions that meet the condition; before they do."""
    ends = (
        sa.select(
            UserSession.user_id,
            sa.literal(OF_AN_END).label("session_id"),
            sa.literal(moment, SessionHold.since.type).label("since"),
        )
        .where(is_to_end)
        .distinct()
    )
    columns = [SessionHold.user_id, SessionHold.session_id, SessionHold.since]
    insert = conflict_insert(work.session.connection(), SessionHold)
    work.session.execute(insert.from_select(columns, ends).on_conflict_do_nothing())


def settle(work: UnitOfWork, user_ids: Iterable[int] | None = None) -> None:
    """Settle all ends and blocked logins of these people, or of everybody."""
    which = sa.true() if user_ids is None else SessionHold.user_id.in_(user_ids)
    _drop(work, which)


def settle_logins(work: UnitOfWork, *which: sa.ColumnElement[bool]) -> None:
    """Settle those blocked logins; ends of active sessions stay as they are."""
    _drop(work, SessionHold.session_id != OF_AN_END, *which)


def _drop(work: UnitOfWork, *which: sa.ColumnElement[bool]) -> None:
    work.session.execute(
        sa.delete(SessionHold).where(*which), execution_options={"synchronize_session": False}
    )
