"""Looks up why a session is expired."""

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.driver.read import QuickRead
from timApp.database.work import UnitOfWork
from timApp.guard.rules.cause import Cause, cause_of
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.state import is_active


def find_cause(work: UnitOfWork, user_id: int, session_id: str) -> Cause:
    """Return why the user's session, which has to exist, is expired. It takes one query."""
    row = _cause_query.first(work, {"user_id": user_id, "session_id": session_id})
    return cause_of(began_expired=row.began_expired, another_is_active=row.another_is_active)


_other = orm.aliased(UserSession)
_cause_query = QuickRead(
    sa.select(
        (UserSession.expired_at == UserSession.logged_in_at).label("began_expired"),
        sa.exists()
        .where(
            _other.user_id == UserSession.user_id,
            _other.session_id != UserSession.session_id,
            is_active(_other),
        )
        .label("another_is_active"),
    ).where(
        UserSession.user_id == sa.bindparam("user_id"),
        UserSession.session_id == sa.bindparam("session_id"),
    )
)
