"""Who is asking: the visitor of the request, and the actor of the changes that it makes."""

import getpass
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Response, g, has_app_context, has_request_context, request, session
from flask_login import LoginManager, UserMixin, current_user

from timApp.auth.inputs import current_view
from timApp.auth.site import current_site, db
from timApp.guard.cookie import SESSION_ID_KEY, Claims, storable_session_id
from timApp.guard.visitor import Visitor as GuardVisitor
from timApp.guard.visitor import find_visitor
from timApp.guard.vocabulary import Actor, ActorKind
from timApp.user.user import id_of

_View = TypeVar("_View", bound=Callable[..., object])


class _Logins(LoginManager):
    def _session_protection_failed(self) -> bool:
        # Binding a login to address and browser would log out whoever changes networks, and adds
        # no safety to a signed cookie whose session can be ended at any time. Told by the option
        # alone, each request would work out what the login would be bound to.
        return False

    def _update_remember_cookie(self, response: Response) -> Response:
        # There is none: the cookie of the session lasts.
        return response


login_manager = _Logins()
login_manager.session_protection = None


_SAME_MARK = "_same_for_everybody"


def same_for_everybody(view: _View) -> _View:
    """Mark a view that does not look who asks, so that it needs no database."""
    setattr(view, _SAME_MARK, True)
    return view


class Visitor(UserMixin, GuardVisitor):
    """The guard's visitor, as Flask-Login wants one."""


@login_manager.user_loader
def load_visitor(user_id: object) -> Visitor | None:
    """Return the visitor of the cookie, or None; see `timApp.guard.visitor.find_visitor`.

    Nobody asks for a view that is `same_for_everybody`.

    `user_id` is what the cookie has as the person's id, whatever that is.
    """
    # Not through the proxy, which takes longer than the cookie does.
    cookie = session._get_current_object()  # type: ignore[attr-defined]
    number = id_of(user_id)
    if number is None or hasattr(current_view(), _SAME_MARK):
        return None
    return find_visitor(db, number, storable_session_id(cookie.get(SESSION_ID_KEY)), Visitor)


def current_visitor() -> Visitor | None:
    """Return who is logged in, or None for anonymous visitors and outside a request."""
    if not has_request_context():
        return None
    # Each look through the proxy costs; anonymous visitors are of another class.
    visitor: Any = current_user._get_current_object()
    return visitor if isinstance(visitor, Visitor) else None


def cookie_session_id() -> str | None:
    """Return the session id of the cookie, whoever it belongs to; None if there is none."""
    return storable_session_id(session.get(SESSION_ID_KEY))


def current_claims() -> Claims | None:
    """Return whom this browser is logged in as, and the session; None for nobody."""
    visitor = current_visitor()
    return visitor and Claims(visitor.id, cookie_session_id())


def visitor_passes(visitor: Visitor) -> bool:
    """Tell whether the visitor's session was valid when the request began."""
    return current_site().guard.passes(visitor)


def act_as(kind: ActorKind, name: str) -> None:
    """Note who makes the changes from here on in this request, if it is not the visitor."""
    g.actor = Actor(kind, name, request.remote_addr)


def current_actor() -> Actor:
    """Return who makes the changes: see `act_as`, the visitor, or who sits at the command line.

    The name is empty in a request in which nobody is logged in.
    """
    if has_app_context() and "actor" in g:
        actor = g.actor
        assert isinstance(actor, Actor)  # noqa: S101 - narrows the type for mypy
        return actor
    if has_request_context():
        visitor = current_visitor()
        return Actor(ActorKind.USER, visitor.name if visitor else "", request.remote_addr)
    return Actor(ActorKind.COMMAND_LINE, _system_user())


def _system_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        return "unknown"
