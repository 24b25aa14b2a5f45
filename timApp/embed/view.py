"""What the site does for the application that it is inside of."""

from dataclasses import dataclass

from flask import Blueprint, Response, g, redirect, request
from flask.typing import ResponseReturnValue

from timApp.auth.access import SessionExpired, open_to_expired_sessions, open_without_passkey
from timApp.auth.browser import name_browser
from timApp.auth.factor.steps import begin_login
from timApp.auth.login import end_login
from timApp.auth.site import current_guard
from timApp.auth.visitor import current_visitor, visitor_passes
from timApp.embed.pace import check_pace
from timApp.request.inputs import takes
from timApp.request.local import local_address
from timApp.user.people import Identity
from timApp.util.names import key_of

embedded = Blueprint("embedded", __name__)

#: Where the application's own question is in the environment; no header gets there.
ASKED = "timapp.embedded"
PATH = "/embedded"


@dataclass(frozen=True)
class Asked:
    """What the application asks."""

    #: Who it is, as the application knows it; None: nobody.
    identity: Identity | None
    #: Whether the blocked page is wanted, and not only the cookie.
    shows_blocked: bool = True


@embedded.get(PATH)
@takes(query=("to",))
@open_to_expired_sessions
@open_without_passkey
def settle() -> ResponseReturnValue:
    """Let the session be that of whom the application says; 490 if that one is blocked.

    Otherwise 204, with the cookie if there is a new one. Whoever asks from outside changes nothing,
    and goes on ``to`` that address of the application when they are not blocked any more.
    """
    asked = request.environ.get(ASKED)
    address = local_address(request.args.get("to")) or "/"
    if isinstance(asked, Asked):
        _settle(asked.identity)
    visitor = current_visitor()
    is_blocked = visitor is not None and not visitor_passes(visitor)
    if is_blocked and (asked is None or asked.shows_blocked):
        g.leads_to = address
        raise SessionExpired
    return Response(status=204) if asked is not None else redirect(address)


def _settle(identity: Identity | None) -> None:
    visitor = current_visitor()
    if identity is None:
        end_login()
    elif visitor is None or key_of(visitor.name) != key_of(identity.name):
        guard = current_guard()
        person = guard.remember(identity)
        with guard.transaction() as work:
            check_pace(work, person.id)
        name_browser()
        begin_login(person)
