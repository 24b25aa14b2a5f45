"""Logging in by the site's SAML 2 identity provider."""

import logging

from flask import Blueprint, Response, make_response, redirect, request
from flask.typing import ResponseReturnValue

from timApp.auth.access import open_to_expired_sessions
from timApp.auth.browser import name_browser
from timApp.auth.csrf import csrf
from timApp.auth.login import known_address
from timApp.auth.vouched import Way
from timApp.auth.ways.again import AGAIN, is_sent_again, send_again
from timApp.auth.ways.begin import begin_vouched
from timApp.auth.ways.errand import (
    forget_errand,
    keep_errand,
    kept_errand,
    new_errand,
    spend_errand,
)
from timApp.auth.ways.saml import current_service_provider
from timApp.auth.ways.samlform import SamlRefused
from timApp.request.inputs import takes
from timApp.util.text import one_line

_log = logging.getLogger(__name__)

saml = Blueprint("saml", __name__, url_prefix="/saml")


@saml.get("/login")
@takes(query=("next",))
@open_to_expired_sessions  # it is for those who are not logged in
def log_in() -> ResponseReturnValue:
    """Lead to the identity provider, and from there on to ``next``."""
    provider = current_service_provider()
    number, address = provider.begin()
    answer = make_response(redirect(address, 303))
    next_page = known_address(request.args.get("next"))
    keep_errand(answer, new_errand(Way.SAML, provider.idp, next_page, number))
    return answer


@saml.post("/acs")
@takes(form=("SAMLResponse", "RelayState", AGAIN))
@open_to_expired_sessions
def finish() -> ResponseReturnValue:
    """Let the session of whoever comes back from the identity provider begin."""
    if not is_sent_again():
        current_service_provider()  # there has to be one
        return send_again(("SAMLResponse",))
    try:
        return _finish()
    except SamlRefused as error:
        address = one_line(request.remote_addr or "nowhere")
        why = error.evidence.get("why", error)
        _log.warning("A login by SAML is refused, from %s: %s", address, why)
        raise


# The provider's page sends it, and not one of ours. That it answers the request of this browser's
# errand is what stands for the token.
csrf.exempt(finish)


@saml.get("/metadata")
@open_to_expired_sessions  # it is the same for everybody
def describe() -> ResponseReturnValue:
    """Return what the identity provider has to know of the site."""
    text = current_service_provider().describe()
    return Response(text, content_type="application/samlmetadata+xml")


def _finish() -> Response:
    provider = current_service_provider()
    errand = kept_errand(Way.SAML)
    if errand is None:
        raise SamlRefused(
            "This browser has not begun this login, or too long ago. Log in from the login page."
        )
    vouched = provider.finish(request.form.get("SAMLResponse", ""), errand.number)
    if not spend_errand(errand):
        raise SamlRefused("This login has come before; each counts once. Log in again.")
    name_browser()
    answer = make_response(begin_vouched(vouched, errand.next_page))
    forget_errand(answer)
    return answer
