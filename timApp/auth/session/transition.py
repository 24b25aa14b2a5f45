"""How the sessions of one user change after they have begun.

These work in the transaction of `timApp.timdb.sqa.db.session` and leave the commit to their caller.
"""

import sqlalchemy as sa

from timApp.auth.session.audit import record_change
from timApp.auth.session.change import Action
from timApp.auth.session.model import UserSession
from timApp.auth.session.precedence import place_change
from timApp.auth.session.waiting import stop_waiting
from timApp.timdb.sqa import db, rows_changed
from timApp.user.user import lock_user
from timApp.util.clock import now
from timApp.util.stamp import Stamp
from timApp.util.text import storable


def log_out_session(user_id: int, session_id: str | None) -> None:
    """End a session for good: it is expired, and no verify makes it active again.

    An earlier time of expiry stays. Nothing happens for None, an unknown session, and one that
    is logged out already.
    """
    if session_id is None:
        return
    lock_user(user_id)
    ended = _log_out_sessions(user_id, UserSession.session_id == session_id)
    stop_waiting([user_id])
    record_change(Action.LOGOUT, user_id=user_id, session_id=session_id, session_count=ended)


def log_out_other_sessions(user_id: int, kept: str | None) -> int:
    """End all of the user's sessions but one for good, and return how many ended.

    Those that are logged out already are not touched. With None no session is kept.
    """
    lock_user(user_id)
    ended = _log_out_sessions(user_id, UserSession.session_id != (kept or ""))
    stop_waiting([user_id])
    record_change(Action.LOGOUT, user_id=user_id, session_count=ended)
    return ended


def verify_session(
    user_id: int, session_id: str | None, reason: str = "", stamp: Stamp | None = None
) -> Stamp:
    """Do what `timApp.auth.session.util.verify_session_for` says, and record the reason.

    `stamp` is that of a change which was made on another host; without one it is made here, now.
    Nothing happens if it has arrived before or a later change has overwritten it; nor does the
    session become active that a later change has invalidated. Returns the change's stamp.
    """
    lock_user(user_id)
    chosen = storable(session_id) if session_id is not None else latest_session_id(user_id)
    placement = place_change(user_id, Action.VERIFY, chosen, stamp)
    # With nothing to verify, whatever sessions there are, they are logged out.
    if placement.takes_effect and chosen is not None:
        expired = _expire_sessions(user_id, UserSession.session_id != chosen)
        activated = _activate_session(user_id, chosen) if placement.may_activate else 0
        record_change(
            Action.VERIFY,
            user_id=user_id,
            session_id=chosen,
            session_count=expired + activated,
            reason=reason,
        )
    return placement.stamp


def invalidate_sessions(
    user_id: int, session_id: str | None, reason: str = "", stamp: Stamp | None = None
) -> Stamp:
    """Do what `timApp.auth.session.util.invalidate_sessions_for` says, and record the reason.

    `stamp` is that of a change which was made on another host; without one it is made here, now.
    Nothing happens if it has arrived before or a later change has overwritten it. Returns the
    change's stamp.
    """
    lock_user(user_id)
    named = None if session_id is None else storable(session_id)
    placement = place_change(user_id, Action.INVALIDATE, named, stamp)
    if placement.takes_effect:
        expired = _expire_sessions(
            user_id, sa.true() if named is None else UserSession.session_id == named
        )
        record_change(
            Action.INVALIDATE,
            user_id=user_id,
            session_id=named,
            session_count=expired,
            reason=reason,
        )
    return placement.stamp


def latest_session_id(user_id: int) -> str | None:
    """Return the user's latest session that is not logged out, or None."""
    return db.session.scalar(
        sa.select(UserSession.session_id)
        .where(UserSession.user_id == user_id, UserSession.logged_out_at.is_(None))
        .order_by(UserSession.logged_in_at.desc(), UserSession.session_id.desc())
        .limit(1)
    )


def _log_out_sessions(user_id: int, which: sa.ColumnElement[bool]) -> int:
    """End those of the user's sessions that are not logged out; return how many there were."""
    moment = now()
    return rows_changed(
        sa.update(UserSession)
        .where(UserSession.user_id == user_id, UserSession.logged_out_at.is_(None), which)
        .values(logged_out_at=moment, expired_at=sa.func.coalesce(UserSession.expired_at, moment))
    )


def _activate_session(user_id: int, session_id: str) -> int:
    """Make the session active if it is expired and not logged out; return how many were."""
    activated = rows_changed(
        sa.update(UserSession)
        .where(
            UserSession.user_id == user_id,
            UserSession.session_id == session_id,
            UserSession.expired_at.is_not(None),
            UserSession.logged_out_at.is_(None),
        )
        .values(expired_at=None)
    )
    stop_waiting([user_id])
    return activated


def _expire_sessions(user_id: int, which: sa.ColumnElement[bool]) -> int:
    """Expire those active sessions of the user, and return how many there were."""
    return rows_changed(
        sa.update(UserSession)
        .where(UserSession.user_id == user_id, UserSession.expired_at.is_(None), which)
        .values(expired_at=now())
    )
