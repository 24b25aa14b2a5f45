"""Changes of everybody's sessions at once: a fixed number of statements however many there are."""

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.auth.session.audit import record_change
from timApp.auth.session.change import Action
from timApp.auth.session.model import UserSession
from timApp.auth.session.waiting import stop_waiting_of_active_sessions
from timApp.timdb.sqa import db, rows_changed
from timApp.user.user import lock_all_users
from timApp.util.clock import now


def verify_all_sessions() -> int:
    """Make each user's latest session active and expire the others; return how many changed.

    The latest is that of `verify_session_for`. Sessions that are as they should be are not
    written, so a second run writes nothing.
    """
    lock_all_users()
    later = orm.aliased(UserSession)
    is_superseded = (
        sa.select(later.session_id)
        .where(
            later.user_id == UserSession.user_id,
            later.logged_out_at.is_(None),
            sa.tuple_(later.logged_in_at, later.session_id)
            > sa.tuple_(UserSession.logged_in_at, UserSession.session_id),
        )
        .exists()
    )
    changed = rows_changed(
        sa.update(UserSession)
        .where(
            UserSession.logged_out_at.is_(None),
            UserSession.expired_at.is_(None) == is_superseded,
        )
        .values(expired_at=sa.case((UserSession.expired_at.is_(None), now()), else_=None)),
        synchronize_session=False,
    )
    stop_waiting_of_active_sessions()
    db.session.expire_all()
    record_change(Action.VERIFY_ALL, session_count=changed)
    return changed


def invalidate_all_sessions() -> int:
    """Expire every active session; return how many there were."""
    lock_all_users()
    changed = rows_changed(
        sa.update(UserSession).where(UserSession.expired_at.is_(None)).values(expired_at=now()),
        synchronize_session=False,
    )
    db.session.expire_all()
    record_change(Action.INVALIDATE_ALL, session_count=changed)
    return changed
