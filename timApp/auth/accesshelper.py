"""Rights, and the gate that is closed to expired sessions."""

from collections.abc import Callable
from typing import TypeVar

from flask import current_app, request
from flask_babel import gettext

from timApp.auth.session.policy import needs_active_session
from timApp.auth.session.util import SessionExpired, has_valid_session, is_allowed_document
from timApp.auth.sessioninfo import Visitor, current_visitor
from timApp.item.accesstype import AccessType
from timApp.item.block import has_access
from timApp.item.item import PlacedItem
from timApp.user.user import User
from timApp.util.errors import AccessDenied
from timApp.util.text import quoted

_View = TypeVar("_View", bound=Callable[..., object])

_OPEN_MARK = "_open_to_expired_sessions"


class LoginRequired(AccessDenied):
    """Nobody is logged in, and the page is not for everybody."""


def open_to_expired_sessions(view: _View) -> _View:
    """Mark a view that expired sessions may reach, or that asks for a valid one by itself."""
    setattr(view, _OPEN_MARK, True)
    return view


def close_to_expired_sessions() -> None:
    """Raise `SessionExpired` if the current session is expired and the view is not marked open.

    Runs before each request, so that a new page is closed unless somebody opens it. Static files,
    ours and those of extensions, tell nothing about anybody and are always open.
    """
    endpoint = request.endpoint or ""
    view = current_app.view_functions.get(endpoint)
    if view is None or hasattr(view, _OPEN_MARK) or endpoint.rpartition(".")[2] == "static":
        return
    verify_valid_session()


def session_is_valid() -> bool:
    """Tell whether the current session is valid, as `has_valid_session` does.

    Asks no database where the request has just been told by it who the visitor is.
    """
    visitor = current_visitor()
    if not isinstance(visitor, Visitor):
        return has_valid_session()
    return visitor.session_is_active or not needs_active_session(
        tracking_enabled=current_app.config["SESSIONS_ENABLE"],
        is_logged_in=True,
        is_admin=visitor.is_admin,
        asks_about_self=True,
    )


def verify_valid_session() -> None:
    """Raise `SessionExpired` if somebody is logged in whose session is not valid."""
    if not session_is_valid():
        raise SessionExpired


def verify_logged_in() -> Visitor | User:
    """Return the visitor; `LoginRequired` if nobody is logged in."""
    visitor = current_visitor()
    if visitor is None:
        raise LoginRequired(gettext("Log in first."))
    return visitor


def verify_admin() -> Visitor | User:
    """Return the visitor if they are an administrator; else `LoginRequired` or `AccessDenied`."""
    visitor = verify_logged_in()
    if not visitor.is_admin:
        raise AccessDenied(gettext("Only administrators may do this."))
    return visitor


def verify_supervisor() -> Visitor | User:
    """Return the visitor if they may verify the sessions of others.

    Those are supervisors and administrators; else `LoginRequired` or `AccessDenied`.
    """
    visitor = verify_logged_in()
    if not (visitor.is_supervisor or visitor.is_admin):
        raise AccessDenied(gettext("Only supervisors may do this."))
    return visitor


def verify_path_access(path: str) -> Visitor | User:
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
    if not visitor.is_admin and not has_access(visitor.id, item.id, AccessType.VIEW):
        msg = gettext("You have no right to view %(path)s.", path=quoted(item.path))
        raise AccessDenied(msg)
