"""Helper functions for managing user sessions.

The functions that change something work in the transaction of `timApp.auth.site.db` and leave the
commit to their caller.
"""

from timApp.auth.access import SessionExpired, is_allowed_document
from timApp.auth.site import current_guard, current_site, db
from timApp.auth.visitor import cookie_session_id, current_actor, current_visitor
from timApp.guard.changes.change import Change, OnePerson
from timApp.guard.changes.lock import lock_people
from timApp.guard.reading.bearer import session_is_active
from timApp.guard.rules.validity import needs_active_session
from timApp.guard.vocabulary import Action
from timApp.item.accesstype import AccessType
from timApp.item.block import Block, has_access
from timApp.item.item import Item, ItemBase
from timApp.user.people import require_person
from timApp.user.user import User, require_user

__all__ = [
    "SessionExpired",
    "add_user_session",
    "current_session_id",
    "distribute_session_verification",
    "expire_user_session",
    "has_valid_session",
    "invalidate_sessions_for",
    "is_allowed_document",
    "session_has_access",
    "verify_session_for",
]


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
    if visitor is None or (user is not None and user.id != visitor.id):
        return True
    options = current_guard().options
    if not needs_active_session(
        tracking_enabled=options.tracks_sessions, is_admin=visitor.is_admin
    ):
        return True
    return session_is_active(db, visitor.id, cookie_session_id(), options.clocks)


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
    return visitor.is_admin or has_access(db, visitor.id, i.id, AccessType.VIEW)


def add_user_session(user: User, session_id: str, origin: str) -> None:
    """Add a new session for the given user.

    The session is active if the user has fewer active ones than
    `timApp.defaultconfig.SESSIONS_MAX_CONCURRENT_SESSIONS_PER_USER` (or `..._PER_GROUP`) allows,
    else expired from birth.
    Counting and adding are one step: the user stays locked until the transaction ends. Nothing
    happens while `timApp.defaultconfig.SESSIONS_ENABLE` is off.

    `origin` is any information on where the session comes from (user agent, endpoint, etc); it
    is cut off after `timApp.guard.vocabulary.ORIGIN_MAX_LENGTH` characters. `BadInput` for
    an empty or overlong session id, and for one that the user has had before.
    """
    lock_people(db, [user.id])  # which begins the transaction that it is part of
    person = require_person(db, user.name)
    current_guard().begin(person, origin, session_id=session_id, actor=current_actor(), work=db)


def expire_user_session(user: User, session_id: str | None) -> None:
    """Expire the given session for the given user.

    Users with expired sessions cannot access documents without re-verifying their session.
    Nothing happens for None (a login without session info), an unknown session, and one that is
    expired already.
    """
    if session_id is not None:
        _change(Action.INVALIDATE, user, session_id)


def verify_session_for(username: str, session_id: str | None = None) -> None:
    """Verify that the session is valid for the user and expire all other sessions.

    Without an id (None, or empty) it is the user's latest session by ``(logged_in_at,
    session_id)`` that is not logged out. With an id that this host does not have, or that is logged
    out, the other sessions expire all the same: the verified one lives on another host, or nowhere
    any more. Repeating it changes nothing. `NotFound` for an unknown user.
    """
    _change(Action.VERIFY, require_user(db, username), session_id or None)


def invalidate_sessions_for(username: str, session_id: str | None = None) -> None:
    """Invalidate the session for the user; without an id (None, or empty) all of the user's.

    Only active sessions change: an unknown one is nothing to invalidate, and an expired one keeps
    the time when it expired. `NotFound` for an unknown user.
    """
    _change(Action.INVALIDATE, require_user(db, username), session_id or None)


def distribute_session_verification(
    action: str, username: str, session_id: str | None, targets: list[str]
) -> list[str]:
    """Distribute a session verification operation to the specified targets.

    `action` is ``"verify"`` or ``"invalidate"``; `targets` are names in
    `timApp.defaultconfig.DIST_RIGHTS_HOSTS`. Every host of every target is asked at the same
    time, once, for at most `timApp.defaultconfig.DIST_RIGHTS_TIMEOUT` seconds, and authenticated
    to with `timApp.defaultconfig.DIST_RIGHTS_SEND_SECRET`. Without a session id (None, or empty),
    "verify" means each host's latest session of the user.

    Returns one readable error for each host that failed. An unknown target and a target without
    hosts are errors too, and the other targets are asked all the same; an unknown action and a
    missing secret are errors with which nobody is asked. No target, no error.

    Nothing is written before the hosts are asked. What came of it is noted then, and when the
    caller commits, hosts that failed are told later on (`timApp.hosts.outbox.worker`).
    """
    return current_site().distribute(action, username, session_id or None, targets)


def _change(action: Action, user: User, session_id: str | None) -> None:
    scope = OnePerson(user.name, user.id, session_id)
    current_guard().apply(Change(action, scope, current_actor()), db)
