"""Rights, and the gate that is closed to expired sessions."""

from collections.abc import Callable
from typing import TypeVar

from flask import current_app

from timApp.auth.site import db
from timApp.auth.visitor import Visitor, current_visitor, visitor_passes
from timApp.item.accesstype import AccessType
from timApp.item.block import has_access
from timApp.item.item import PlacedItem
from timApp.request.inputs import current_view
from timApp.util.errors import AccessDenied
from timApp.util.text import quoted

_View = TypeVar("_View", bound=Callable[..., object])

_OPEN_MARK, _WITHOUT_PASSKEY_MARK = "_open_to_expired_sessions", "_open_without_passkey"


class LoginRequired(AccessDenied):
    """Nobody is logged in, and the page is not for everybody."""


class SessionExpired(Exception):  # noqa: N818 - the name is part of the public API
    """Raised when current user's session is expired."""


class PasskeyOwed(AccessDenied):
    """Whoever asks is in a group of `SECOND_FACTOR_GROUPS`, and has to make a passkey first."""


def open_to_expired_sessions(view: _View) -> _View:
    """Mark a view that expired sessions may reach, or that asks for a valid one by itself."""
    setattr(view, _OPEN_MARK, True)
    return view


def open_without_passkey(view: _View) -> _View:
    """Mark a view that is for those, too, who owe a passkey: it leads to one."""
    setattr(view, _WITHOUT_PASSKEY_MARK, True)
    return view


def is_open_to_expired_sessions(view: Callable[..., object]) -> bool:
    """Tell whether a view is marked so."""
    return hasattr(view, _OPEN_MARK)


def close_to_expired_sessions() -> None:
    """Raise `SessionExpired` if the current session is expired and the view is not marked open.

    `PasskeyOwed` as `verify_valid_session`. Runs before each request, so that a new page is closed
    unless somebody opens it. Static files are always open.
    """
    view = current_view()
    if view is not None and not is_open_to_expired_sessions(view):
        verify_valid_session()


def verify_valid_session() -> None:
    """Raise `SessionExpired` if somebody is logged in whose session is not valid.

    `PasskeyOwed` if they owe a passkey, and the view does not lead to one.
    """
    visitor = current_visitor()
    if visitor is None:
        return
    if not visitor_passes(visitor):
        raise SessionExpired
    if visitor.owes_passkey and not hasattr(current_view(), _WITHOUT_PASSKEY_MARK):
        raise PasskeyOwed(
            "Everybody in your group has a passkey. Make yours first, under Passkeys in your"
            " browser; until then nothing else is open to you."
        )


def is_allowed_document(path: str) -> bool:
    """Check if the document at `path` may be read with an expired session.

    True if and only if `timApp.defaultconfig.SESSION_BLOCK_IGNORE_DOCUMENTS` holds exactly this
    path. Access rights are another matter.
    """
    return path in current_app.config["SESSION_BLOCK_IGNORE_DOCUMENTS"]


def has_allowed_documents() -> bool:
    """Tell whether any document may be read with an expired session."""
    return bool(current_app.config["SESSION_BLOCK_IGNORE_DOCUMENTS"])


def verify_logged_in() -> Visitor:
    """Return the visitor; `LoginRequired` if nobody is logged in."""
    visitor = current_visitor()
    if visitor is None:
        raise LoginRequired("Log in first.")
    return visitor


def verify_admin() -> Visitor:
    """Return the visitor if they are an administrator; else `LoginRequired` or `AccessDenied`."""
    visitor = verify_logged_in()
    if not visitor.is_admin:
        raise AccessDenied("Only administrators may do this.")
    return visitor


def verify_supervisor() -> Visitor:
    """Return the visitor if they may verify the sessions of others.

    Those are supervisors and administrators; else `LoginRequired` or `AccessDenied`.
    """
    visitor = verify_logged_in()
    if not (visitor.is_supervisor or visitor.is_admin):
        raise AccessDenied("Only supervisors may do this.")
    return visitor


def verify_path_access(path: str) -> Visitor:
    """Return the visitor if an item at `path` may be asked for at all.

    `LoginRequired` if nobody is logged in; `SessionExpired` if the session is expired and the
    document is not one of those that may be read all the same. Comes before any look at the
    item, so that an expired session does not even learn what exists.
    """
    visitor = verify_logged_in()
    if not is_allowed_document(path):
        verify_valid_session()
    return visitor


def verify_view_access(item: PlacedItem) -> None:
    """Check that the visitor may view the item: session first, then rights.

    `LoginRequired`, `SessionExpired` or `AccessDenied` otherwise.
    """
    visitor = verify_path_access(item.path)
    if not visitor.is_admin and not has_access(db, visitor.id, item.id, AccessType.VIEW):
        raise AccessDenied("You have no right to view %(path)s.", path=quoted(item.path))
