"""Where the two bearers of a cookie that was copied go on."""

import sqlalchemy as sa

from timApp.database.driver.read import QuickRead
from timApp.database.work import UnitOfWork
from timApp.guard.tables.copied import CopiedSession
from timApp.guard.tables.session import UserSession

_heirs = QuickRead(
    sa.select(
        CopiedSession.older_until, CopiedSession.older_session_id, CopiedSession.newer_session_id
    ).where(
        CopiedSession.user_id == sa.bindparam("user_id"),
        CopiedSession.session_id == sa.bindparam("session_id"),
    )
)


def find_heir(engine: sa.Engine, user_id: int, session_id: str | None, token: int) -> str | None:
    """Return the session that is left to whoever comes with that cookie of one that is over.

    None if it was not copied.
    """
    if session_id is None:
        return None
    key = {"user_id": user_id, "session_id": session_id}
    row = _heirs.outside(engine).first(key)
    if row is None:
        return None
    older_until, older, newer = row
    return str(older if token <= older_until else newer)


def both_origins(work: UnitOfWork, user_id: int, session_id: str) -> list[str]:
    """Return where a session began that was left to one of two bearers, and the other one's.

    Without the other, if that is not there any more.
    """
    is_older = CopiedSession.older_session_id == session_id
    is_newer = CopiedSession.newer_session_id == session_id
    twin = sa.case((is_older, CopiedSession.newer_session_id), else_=CopiedSession.older_session_id)
    its_twin = sa.select(twin).where(CopiedSession.user_id == user_id, is_older | is_newer)
    is_one = UserSession.session_id == session_id
    query = (
        sa.select(UserSession.origin)
        .where(UserSession.user_id == user_id, is_one | UserSession.session_id.in_(its_twin))
        .order_by(sa.case((is_one, 0), else_=1))
    )
    return list(work.session.scalars(query))
