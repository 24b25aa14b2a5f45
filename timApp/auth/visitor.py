"""Who is asking: the visitor of the request, and the actor of the changes that it makes."""

import getpass
from functools import partial
from typing import Any

from flask import (
    Flask,
    Response,
    current_app,
    g,
    has_app_context,
    has_request_context,
    request,
    session,
)
from flask_login import LoginManager, UserMixin, current_user

from timApp.auth.browser import current_place
from timApp.auth.cookie import CookieSession
from timApp.auth.site import current_site
from timApp.guard import Guard
from timApp.guard.cookie import SESSION_ID_KEY, Claims, storable_session_id
from timApp.guard.verdict import Standing
from timApp.guard.visitor import Visitor as GuardVisitor
from timApp.guard.vocabulary import Actor, ActorKind
from timApp.request.inputs import current_request
from timApp.user.apitoken import TOKEN_START


class _Logins(LoginManager):
    def _load_user(self) -> None:
        # The cookie that was checked says who it is. Flask-Login's other ways are not used; at each
        # request, to go by all of them would take as long as the look at the session.
        self._update_request_context_with_user(self._user_callback())

    def _update_remember_cookie(self, response: Response) -> Response:
        # There is none: the cookie of the session lasts.
        return response


def take_for_nobody() -> None:
    """Take whoever asks for nobody, in this request: no database is needed to know who they are."""
    logins: LoginManager = current_app.login_manager  # type: ignore[attr-defined]
    logins._update_request_context_with_user()


class Visitor(UserMixin, GuardVisitor):
    """The guard's visitor, as Flask-Login wants one."""

    #: As whom their changes are recorded.
    actor_kind = ActorKind.USER


class Program(Visitor):
    """A person for whom a program asks, which has shown a token of theirs."""

    actor_kind = ActorKind.PROGRAM


def add_logins(app: Flask, guard: Guard) -> None:
    """Let Flask-Login know who asks: whoever the guard finds."""
    logins = _Logins()
    logins.user_loader(partial(load_visitor, guard))
    logins.init_app(app)


def load_visitor(guard: Guard) -> Visitor | None:
    """Return the visitor of the cookie, or None; see `timApp.guard.visitor.Visitors`.

    They are as they were before the transaction of the request. The cookie's claims are more than
    the person's id, which is all that Flask-Login knows.
    """
    if shown_token() is not None:
        program: Program | None = g.get("program")
        return program
    # Not through the proxy, which takes longer than the cookie does.
    cookie: CookieSession = session._get_current_object()  # type: ignore[attr-defined]
    claims = cookie.claims
    if claims is None:
        return None
    visitor = guard.visitors.find(claims, Visitor, current_place)
    if visitor is not None and visitor.renewed is not None:
        cookie.renew(visitor.renewed)
    return visitor


def shown_token() -> str | None:
    """Return what a program has shown in place of a cookie; None if it is none of our tokens.

    There may be others: those of a proxy in front, say.
    """
    shown: str = current_request().environ.get("HTTP_AUTHORIZATION", "")
    if not shown:
        return None
    scheme, _, text = shown.partition(" ")
    text = text.strip(" \t")
    is_ours = scheme.lower() == "bearer" and text.startswith(TOKEN_START)
    return text if is_ours else None


def is_program() -> bool:
    """Tell whether a program asks, with a good token."""
    return has_request_context() and "program" in g


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


def cookie_claims() -> Claims | None:
    """Return what the cookie says, signed by us, though its session may be over; None if nothing.

    Only for what tells the browser's person how that has come.
    """
    cookie: CookieSession = session._get_current_object()  # type: ignore[attr-defined]
    return cookie.claims


def current_claims() -> Claims | None:
    """Return whom this browser is logged in as, and the session; None for nobody."""
    visitor = current_visitor()
    return visitor and Claims(visitor.id, cookie_session_id())


def visitor_passes(visitor: Visitor) -> bool:
    """Tell whether the visitor's session was valid when the request began."""
    return current_site().guard.passes(visitor)


def current_standing() -> Standing:
    """Return how it stands with whoever asks, as the guard says it of a cookie."""
    return current_site().guard.standing_of(current_visitor())


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
        kind = ActorKind.USER if visitor is None else visitor.actor_kind
        return Actor(kind, visitor.name if visitor else "", request.remote_addr)
    return Actor(ActorKind.COMMAND_LINE, _system_user())


def _system_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        return "unknown"
