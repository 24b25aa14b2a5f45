"""Helper functions for managing user sessions.

The functions that change something work in the transaction of `timApp.timdb.sqa.db.session` and
leave the commit to their caller.
"""

import sqlalchemy as sa
from flask import current_app

from timApp.auth.session.beginning import begin_session
from timApp.auth.session.distribution import distribute
from timApp.auth.session.model import UserSession
from timApp.auth.session.policy import needs_active_session
from timApp.auth.session.transition import invalidate_sessions, verify_session
from timApp.auth.sessioninfo import cookie_session_id, current_visitor
from timApp.item.accesstype import AccessType
from timApp.item.block import Block, has_access
from timApp.item.item import Item, ItemBase
from timApp.timdb.quickread import QuickRead
from timApp.timdb.sqa import db
from timApp.user.user import User, lock_user, require_user

_active_session_query = QuickRead(
    sa.select(UserSession.session_id).where(
        UserSession.user_id == sa.bindparam("user_id"),
        UserSession.session_id == sa.bindparam("session_id"),
        UserSession.expired_at.is_(None),
    )
)


class SessionExpired(Exception):  # noqa: N818 - the name is part of the public API
    """Raised when current user's session is expired."""


def current_session_id() -> str | None:
    """Get the current session ID of the current user.

    The function must be called from within a request context.

    Returns the session ID, or None if nobody is logged in or the user is missing session info.
    """
    return None if current_visitor() is None else cookie_session_id()


def has_valid_session(user: User | None = None) -> bool:
    """Check if the user has a valid session; `user` None means the current user.

    True when session tracking is off (`timApp.defaultconfig.SESSIONS_ENABLE`), outside a request,
    for anonymous visitors, for administrators, and when `user` is not the current user, of whom
    the cookie says nothing. Otherwise True if and only if the cookie's session exists and is
    active now: the database is asked at each call.
    """
    visitor = current_visitor()
    if visitor is None or not needs_active_session(
        tracking_enabled=current_app.config["SESSIONS_ENABLE"],
        is_logged_in=True,
        is_admin=visitor.is_admin,
        asks_about_self=user is None or user.id == visitor.id,
    ):
        return True
    key = {"user_id": visitor.id, "session_id": cookie_session_id()}
    return _active_session_query.first(key) is not None


def is_allowed_document(path: str) -> bool:
    """Check if the document at `path` may be read with an expired session.

    True if and only if `timApp.defaultconfig.SESSION_BLOCK_IGNORE_DOCUMENTS` holds exactly this
    path. Access rights are another matter.
    """
    return path in current_app.config["SESSION_BLOCK_IGNORE_DOCUMENTS"]


def session_has_access(i: ItemBase | Block, user: User | None = None) -> bool:
    """Check if the user's current session has access to the given item.

    True if the user (default: the current one) may view `i` and has a valid session, or `i` is
    an item that may be read with an expired one. Anonymous visitors have no access. A block has
    no path, so it is never one of the allowed documents.
    """
    visitor = user or current_visitor()
    if visitor is None:
        return False
    if not has_valid_session(user) and not (isinstance(i, Item) and is_allowed_document(i.path)):
        return False
    return visitor.is_admin or has_access(visitor.id, i.id, AccessType.VIEW)


def add_user_session(user: User, session_id: str, origin: str) -> None:
    """Add a new session for the given user.

    The session is active if the user has fewer active ones than
    `timApp.defaultconfig.SESSIONS_MAX_CONCURRENT_SESSIONS_PER_USER` (or `..._PER_GROUP`) allows,
    else expired from birth.
    Counting and adding are one step: the user stays locked until the transaction ends. Nothing
    happens while `timApp.defaultconfig.SESSIONS_ENABLE` is off.

    `origin` is any information on where the session comes from (user agent, endpoint, etc); it
    is cut off behind `timApp.auth.session.beginning.ORIGIN_MAX_LENGTH` characters. `BadInput` for
    an empty or overlong session id, and for one that the user has had before.
    """
    if not current_app.config["SESSIONS_ENABLE"]:
        return
    lock_user(user.id)
    begin_session(user.id, user.name, [group.name for group in user.groups], session_id, origin)
    # They were read before there was the new one.
    db.session.expire(user, ["sessions", "active_sessions"])


def expire_user_session(user: User, session_id: str | None) -> None:
    """Expire the given session for the given user.

    Users with expired sessions cannot access documents without re-verifying their session.
    Nothing happens for None (a login without session info), an unknown session, and one that is
    expired already.
    """
    if session_id is not None:
        invalidate_sessions(user.id, session_id)


def verify_session_for(username: str, session_id: str | None = None) -> None:
    """Verify that the session is valid for the user and expire all other sessions.

    Without an id it is the user's latest session by ``(logged_in_at, session_id)`` that is not
    logged out. With an id that this host does not have, or that is logged out, the other
    sessions expire all the same: the verified one lives on another host, or nowhere any more.
    Repeating it changes nothing. `NotFound` for an unknown user.
    """
    verify_session(require_user(username).id, session_id)


def invalidate_sessions_for(username: str, session_id: str | None = None) -> None:
    """Invalidate the session for the user; without an id, all of the user's sessions.

    Only active sessions change: an unknown one is nothing to invalidate, and an expired one keeps
    the time when it expired. `NotFound` for an unknown user.
    """
    invalidate_sessions(require_user(username).id, session_id)


def distribute_session_verification(
    action: str, username: str, session_id: str | None, targets: list[str]
) -> list[str]:
    """Distribute a session verification operation to the specified targets.

    `action` is ``"verify"`` or ``"invalidate"``; `targets` are names in
    `timApp.defaultconfig.DIST_RIGHTS_HOSTS`. Every host of every target is asked at the same
    time, once, for at most `timApp.defaultconfig.DIST_RIGHTS_TIMEOUT` seconds, and authenticated
    to with `timApp.defaultconfig.DIST_RIGHTS_SEND_SECRET`. Without a session id, "verify" means
    each host's latest session of the user.

    Returns one readable error for each host that failed. An unknown target and a target without
    hosts are errors too, and the other targets are asked all the same; an unknown action and a
    missing secret are errors with which nobody is asked. No target, no error.

    Nothing is written before the hosts are asked. What came of it is noted then, and when the
    caller commits, hosts that failed are told later on (`timApp.hosts.worker`).
    """
    return distribute(action, username, session_id, targets)
