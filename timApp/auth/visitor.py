"""Who is asking: the visitor of the request, and the actor of the changes that it makes."""

import getpass
from typing import Any

from flask import g, has_app_context, has_request_context, request, session
from flask_login import LoginManager, UserMixin, current_user

from timApp.auth.site import current_site, db
from timApp.guard.cookie import Claims, claims_in, session_id_in
from timApp.guard.visitor import Visitor as GuardVisitor
from timApp.guard.visitor import find_visitor
from timApp.guard.vocabulary import Actor, ActorKind


class _Logins(LoginManager):
    def _session_protection_failed(self) -> bool:
        # Binding a login to address and browser would log out whoever changes networks, and adds
        # no safety to a signed cookie whose session can be ended at any time. Told by the option
        # alone, each request would work out what the login would be bound to.
        return False


login_manager = _Logins()
login_manager.session_protection = None


class Visitor(UserMixin, GuardVisitor):
    """The guard's visitor, as Flask-Login wants one."""


@login_manager.user_loader
def load_visitor(_user_id: str) -> Visitor | None:
    """Return the visitor of the cookie, or None; see `timApp.guard.visitor.find_visitor`."""
    # Not through the proxy, which takes longer than the cookie does.
    claims = claims_in(session._get_current_object())  # type: ignore[attr-defined]
    if claims is None:
        return None
    return find_visitor(db, claims.user_id, claims.session_id, Visitor)


def current_visitor() -> Visitor | None:
    """Return who is logged in, or None for anonymous visitors and outside a request."""
    if not has_request_context():
        return None
    # Each look through the proxy costs; anonymous visitors are of another class.
    visitor: Any = current_user._get_current_object()
    return visitor if isinstance(visitor, Visitor) else None


def cookie_session_id() -> str | None:
    """Return the session id of the cookie, whoever it belongs to; None if there is none."""
    return session_id_in(session)


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
