"""The record of changes as the rows of an export."""

import sqlalchemy as sa

from timApp.guard.export.table import Columns, Table
from timApp.guard.reading.record import RecordFilter
from timApp.guard.tables.change import SessionChange
from timApp.user.user import User

_users, _changes = User.__table__.c, SessionChange.__table__.c
_COLUMNS: Columns = {
    "number": _changes.id,
    "at": _changes.at,
    "action": _changes.action,
    "user": _users.name,
    "real_name": _users.real_name,
    "session_id": _changes.session_id,
    "session_count": _changes.session_count,
    "cause": _changes.cause,
    "actor_kind": _changes.actor_kind,
    "actor": _changes.actor,
    "address": _changes.address,
    "reason": _changes.reason,
}


def change_table(which: RecordFilter) -> Table:
    """Return the changes, the oldest first; without a user those of everybody's sessions."""
    conditions = which.conditions()
    return Table(
        noun="changes",
        columns=_COLUMNS,
        rows=sa.select()
        .select_from(SessionChange)
        .outerjoin(User, User.id == SessionChange.user_id)
        .where(*conditions),
        order=(_changes.id,),
        count=sa.select(sa.func.count()).select_from(SessionChange).where(*conditions),
    )
