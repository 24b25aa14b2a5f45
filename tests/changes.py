"""Changes of sessions as tests ask for them: by the guard of the current application."""

from collections.abc import Collection

from timApp.auth.site import current_guard, db
from timApp.auth.visitor import current_actor
from timApp.guard import AllButOne, Change, Everybody, OnePerson, Picked, Receipt
from timApp.guard.changes.change import Scope
from timApp.guard.vocabulary import Action, SessionKey
from timApp.util.stamp import Stamp


def change(action: Action, scope: Scope, reason: str = "", stamp: Stamp | None = None) -> Receipt:
    """Make a change in the transaction of `db.session`; no commit."""
    return current_guard().apply(Change(action, scope, current_actor(), reason, stamp), db)


def verify_session(
    user_id: int, session_id: str | None, reason: str = "", stamp: Stamp | None = None
) -> Stamp:
    """Verify a session of one person; return the change's stamp."""
    receipt = change(Action.VERIFY, OnePerson("", user_id, session_id), reason, stamp)
    assert receipt.stamp is not None
    return receipt.stamp


def invalidate_sessions(
    user_id: int, session_id: str | None, reason: str = "", stamp: Stamp | None = None
) -> Stamp:
    """Invalidate a session of one person, or all; return the change's stamp."""
    receipt = change(Action.INVALIDATE, OnePerson("", user_id, session_id), reason, stamp)
    assert receipt.stamp is not None
    return receipt.stamp


def log_out_session(user_id: int, session_id: str) -> None:
    """End a session for good."""
    change(Action.LOGOUT, OnePerson("", user_id, session_id))


def log_out_other_sessions(user_id: int, kept: str | None) -> int:
    """End all of a person's sessions but one; return how many ended."""
    return change(Action.LOGOUT, AllButOne("", user_id, kept)).changed


def verify_selected(sessions: Collection[SessionKey], reason: str = "") -> Receipt:
    """Verify sessions that were picked."""
    return change(Action.VERIFY, Picked(sessions), reason)


def invalidate_selected(sessions: Collection[SessionKey], reason: str = "") -> Receipt:
    """Invalidate sessions that were picked."""
    return change(Action.INVALIDATE, Picked(sessions), reason)


def verify_all_sessions(reason: str = "") -> int:
    """Verify everybody's latest session; return how many sessions changed."""
    return change(Action.VERIFY, Everybody(), reason).changed


def invalidate_all_sessions(reason: str = "") -> int:
    """Invalidate everybody's sessions; return how many changed."""
    return change(Action.INVALIDATE, Everybody(), reason).changed
