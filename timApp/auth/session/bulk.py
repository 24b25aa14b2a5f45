"""Changes of everybody's sessions at once: a fixed number of statements however many there are."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.auth.session.audit import record_change
from timApp.auth.session.change import Action
from timApp.auth.session.model import UserSession
from timApp.auth.session.precedence import place_change_of_everybody
from timApp.auth.session.waiting import stop_waiting
from timApp.timdb.sqa import db, rows_changed
from timApp.user.user import User, lock_all_users
from timApp.util.clock import now


@dataclass(frozen=True)
class BulkEffect:
    """How many sessions become active and expire by a change, and how many people have them."""

    activated: int
    expired: int
    people: int


def verify_all_sessions(reason: str = "") -> int:
    """Make each user's latest session active and expire the others; return how many changed.

    The latest is that of `verify_session_for`. Sessions that are as they should be are not
    written, so a second run changes and records nothing.
    """
    lock_all_users()
    place_change_of_everybody(Action.VERIFY_ALL)
    expired = _update(_is_superseded(), expired_at=now())
    activated = _update(_is_latest_and_expired(), expired_at=None)
    stop_waiting()
    db.session.expire_all()
    changed = expired + activated
    record_change(Action.VERIFY_ALL, session_count=changed, reason=reason)
    return changed


def invalidate_all_sessions(reason: str = "") -> int:
    """Expire every active session; return how many there were."""
    lock_all_users()
    place_change_of_everybody(Action.INVALIDATE_ALL)
    changed = _update(_is_active(), expired_at=now())
    db.session.expire_all()
    record_change(Action.INVALIDATE_ALL, session_count=changed, reason=reason)
    return changed


def effect_of_verify_all() -> BulkEffect:
    """Return what `verify_all_sessions` would do now; nothing changes."""
    return _effect(_changing(_is_latest_and_expired(), 1), _changing(_is_superseded(), 0))


def effect_of_invalidate_all() -> BulkEffect:
    """Return what `invalidate_all_sessions` would do now; nothing changes."""
    return _effect(_changing(_is_active(), 0))


def _is_active() -> sa.ColumnElement[bool]:
    return UserSession.expired_at.is_(None)


def _is_superseded() -> sa.ColumnElement[bool]:
    """Return whether a session is active though another one is its user's latest."""
    return sa.and_(_is_active(), ~_is_latest())


def _is_latest_and_expired() -> sa.ColumnElement[bool]:
    return sa.and_(UserSession.expired_at.is_not(None), _is_latest())


def _is_latest() -> sa.ColumnElement[bool]:
    """Return whether a session is its user's latest that is not logged out.

    Begins with the users, of whom there are far fewer than sessions; each one's latest session is
    the first in an index.
    """
    session = orm.aliased(UserSession)
    latest = (
        sa.select(session.session_id)
        .where(session.user_id == User.id, session.logged_out_at.is_(None))
        .order_by(session.logged_in_at.desc(), session.session_id.desc())
        .limit(1)
        .correlate(User)
        .scalar_subquery()
    )
    by_user = sa.select(User.id, latest.label("session_id")).subquery("latest")
    return sa.tuple_(UserSession.user_id, UserSession.session_id).in_(
        sa.select(by_user.c.id, by_user.c.session_id).where(by_user.c.session_id.is_not(None))
    )


def _update(which: sa.ColumnElement[bool], **values: object) -> int:
    statement = sa.update(UserSession).where(which).values(values)
    return rows_changed(statement, synchronize_session=False)


def _changing(which: sa.ColumnElement[bool], activated: int) -> sa.Select[int, int]:
    return sa.select(UserSession.user_id, sa.literal(activated).label("activated")).where(which)


def _effect(*changing: sa.Select[int, int]) -> BulkEffect:
    changes = sa.union_all(*changing).subquery()
    activated, total, people = db.session.execute(
        sa.select(
            sa.func.coalesce(sa.func.sum(changes.c.activated), 0),
            sa.func.count(),
            sa.func.count(changes.c.user_id.distinct()),
        )
    ).one()
    return BulkEffect(activated=activated, expired=total - activated, people=people)
