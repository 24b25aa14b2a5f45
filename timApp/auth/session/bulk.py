"""Changes of everybody's sessions at once: a fixed number of statements however many there are."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects import postgresql

from timApp.auth.session.audit import record_change
from timApp.auth.session.change import Action
from timApp.auth.session.model import UserSession
from timApp.auth.session.precedence import place_change_of_everybody
from timApp.auth.session.waiting import stop_waiting
from timApp.timdb.sqa import db, rows_changed
from timApp.user.user import lock_all_users
from timApp.util.clock import now
from timApp.util.turns import turn_given

#: Memory in which PostgreSQL puts everybody's sessions in order: enough for a million in one go.
_SORT_MEMORY = "128MB"


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
    changed = _update(
        _is_out_of_place(), expired_at=sa.case((UserSession.expired_at.is_(None), now()))
    )
    stop_waiting()
    db.session.expire_all()
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
    return _effect(_is_out_of_place())


def effect_of_invalidate_all() -> BulkEffect:
    """Return what `invalidate_all_sessions` would do now; nothing changes."""
    return _effect(_is_active())


def _is_active() -> sa.ColumnElement[bool]:
    return UserSession.expired_at.is_(None)


def _is_out_of_place() -> sa.ColumnElement[bool]:
    """Return whether a session's state is not that which a verification of all gives it.

    That is a session that is active though it is not its user's latest, or the other way round; a
    session that is logged out is expired, and stays so. Each database has the form that it answers
    fastest.
    """
    is_open = UserSession.logged_out_at.is_(None)
    if db.session.connection().dialect.name == "postgresql":
        db.session.execute(sa.text(f"SET LOCAL work_mem = '{_SORT_MEMORY}'"))
        latest = (
            sa.select(UserSession.user_id, UserSession.session_id)
            .where(is_open)
            .ext(postgresql.distinct_on(UserSession.user_id))
            .order_by(
                UserSession.user_id,
                UserSession.logged_in_at.desc(),
                UserSession.session_id.desc(),
            )
            .subquery("latest")
        )
        is_latest = UserSession.session_id == latest.c.session_id
        return sa.and_(
            UserSession.user_id == latest.c.user_id,
            is_open,
            is_latest == UserSession.expired_at.is_not(None),
        )
    newer = orm.aliased(UserSession)
    has_newer = sa.exists().where(
        newer.user_id == UserSession.user_id,
        newer.logged_out_at.is_(None),
        sa.tuple_(newer.logged_in_at, newer.session_id)
        > sa.tuple_(UserSession.logged_in_at, UserSession.session_id),
    )
    return sa.and_(is_open, _is_active() == has_newer)


def _update(which: sa.ColumnElement[bool], **values: object) -> int:
    statement = sa.update(UserSession).where(which).values(values)
    # SQLite copies each page before such a statement changes it, so that a failure halfway would
    # undo this statement alone; nothing here goes on after a failure. Source: SQLite's "Temporary
    # Files Used By SQLite", section 2.5, Statement Journal Files.
    statement = statement.prefix_with("OR ROLLBACK", dialect="sqlite")
    with turn_given():  # it may take many seconds
        return rows_changed(statement, synchronize_session=False)


def _effect(which: sa.ColumnElement[bool]) -> BulkEffect:
    """Return what it does to exchange the state of those sessions for the other."""
    total, expired, people = db.session.execute(
        sa.select(
            sa.func.count(),
            sa.func.count().filter(_is_active()),
            sa.func.count(UserSession.user_id.distinct()),
        ).where(which)
    ).one()
    return BulkEffect(activated=total - expired, expired=expired, people=people)
