"""Sessions as the rows of an export."""

import sqlalchemy as sa

from timApp.guard.export.table import Columns, Table
from timApp.guard.reading.filter import SessionFilter
from timApp.guard.tables.session import UserSession
from timApp.user.user import User

_users, _sessions = User.__table__.c, UserSession.__table__.c
#: Those of the reference page, which programs read.
_OF_REFERENCE: Columns = {
    "user": _users.name,
    "session_id": _sessions.session_id,
    "origin": _sessions.origin,
    "logged_in_at": _sessions.logged_in_at,
    "expired_at": _sessions.expired_at,
}
_ALL: Columns = {
    "user": _users.name,
    "real_name": _users.real_name,
    "session_id": _sessions.session_id,
    "origin": _sessions.origin,
    "logged_in_at": _sessions.logged_in_at,
    "last_seen_at": _sessions.last_seen_at,
    "expired_at": _sessions.expired_at,
    "logged_out_at": _sessions.logged_out_at,
    # At the end: whoever counts columns finds the others where they were.
    "exam_browser_key": _sessions.key_state,
}


def reference_table(which: SessionFilter) -> Table:
    """Return the sessions with the columns of the reference page."""
    return _table(_OF_REFERENCE, which)


def session_table(which: SessionFilter) -> Table:
    """Return the sessions with all that is told of them."""
    return _table(_ALL, which)


def _table(columns: Columns, which: SessionFilter) -> Table:
    conditions = which.conditions()
    return Table(
        noun="sessions",
        columns=columns,
        rows=sa.select()
        .select_from(UserSession)
        .join(User, User.id == UserSession.user_id)
        .where(*conditions),
        # The order of an index, so that nothing is sorted.
        order=(_sessions.user_id, _sessions.logged_in_at, _sessions.session_id),
        count=sa.select(sa.func.count()).select_from(UserSession).where(*conditions),
    )
