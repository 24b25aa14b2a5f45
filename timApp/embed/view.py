"""What the site does for the application that it is inside of."""

from contextlib import suppress
from dataclasses import dataclass

from flask import Blueprint, Response, current_app, g, redirect, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import IntegrityError

from timApp.auth.access import SessionExpired, open_to_expired_sessions, open_without_passkey
from timApp.auth.browser import name_browser
from timApp.auth.factor.steps import begin_login
from timApp.auth.login import end_login
from timApp.auth.site import current_guard
from timApp.auth.visitor import current_visitor, visitor_passes
from timApp.embed.pace import check_pace
from timApp.request.inputs import takes
from timApp.request.local import local_address
from timApp.user.federated import Word, person_of
from timApp.user.people import Identity, Person
from timApp.util.errors import Conflict
from timApp.util.names import key_of

embedded = Blueprint("embedded", __name__)

#: Where the application's own question is in the environment; no header gets there.
ASKED = "timapp.embedded"
PATH = "/embedded"
#: Whose word it is, also in the option LINK_BY_NAME.
_APPLICATION = "application"


@dataclass(frozen=True)
class Asked:
    """What the application asks."""

    #: Who it is, as the application knows it; None: nobody.
    identity: Identity | None
    #: Whether the blocked page is wanted, and not only the cookie.
    shows_blocked: bool = True
    #: What the database has failed with; then it is to be said, and nothing else is done.
    failure: Exception | None = None


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
        if asked.failure is not None:
            raise asked.failure
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
        person = _person_of(identity)
        with current_guard().transaction() as work:
            check_pace(work, person.id)
        name_browser()
        begin_login(person)


def _person_of(identity: Identity) -> Person:
    """Return whom the application means, remembered; `NotLinked` as `person_of` says.

    The race it settles: two requests of somebody who comes for the first time.
    """
    word = Word(_APPLICATION, key_of(identity.name))
    links_by_name = _APPLICATION in current_app.config["LINK_BY_NAME"]
    with suppress(Conflict, IntegrityError), current_guard().transaction() as work:
        return person_of(work, word, identity, links_by_name=links_by_name).person
    with current_guard().transaction() as work:
        return person_of(work, word, identity, links_by_name=links_by_name).person
