"""Logging in by opening a link in a course of a learning platform (LTI 1.3)."""

import logging
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Response, current_app, make_response, redirect, request
from flask.typing import ResponseReturnValue

from timApp.auth.access import open_to_expired_sessions
from timApp.auth.browser import name_browser
from timApp.auth.csrf import csrf
from timApp.auth.login import known_address
from timApp.auth.vouched import Vouched, Way
from timApp.auth.ways.again import AGAIN, is_sent_again, send_again
from timApp.auth.ways.begin import begin_vouched
from timApp.auth.ways.errand import (
    forget_errand,
    is_number,
    keep_errand,
    kept_errand,
    new_errand,
    spend_errand,
)
from timApp.auth.ways.launch import LaunchRefused
from timApp.auth.ways.platforms import current_platforms
from timApp.request.inputs import takes
from timApp.request.peer import PEER
from timApp.user.federated import Word
from timApp.util.errors import BadRequest
from timApp.util.origin import origin_of
from timApp.util.text import one_line

_log = logging.getLogger(__name__)

lti = Blueprint("lti", __name__, url_prefix="/lti")

#: What platforms begin with; the last ones are Canvas's.
_BEGIN = (
    "iss",
    "login_hint",
    "target_link_uri",
    "client_id",
    "lti_message_hint",
    "lti_deployment_id",
    "deployment_id",
    "lti_storage_target",
    "canvas_environment",
    "canvas_region",
)
#: What they end with, beside what is read here.
_END = (
    "id_token",
    "state",
    "session_state",
    "error",
    "error_description",
    "error_uri",
    "utf8",
    "authenticity_token",
    "lti_storage_target",
    AGAIN,
)


class WrongLink(BadRequest):
    """The link in the course leads to another site."""


@lti.get("/login")
@takes(query=_BEGIN)
@open_to_expired_sessions  # it is for those who are not logged in
def begin() -> ResponseReturnValue:
    """Lead the browser to the platform, which knows who it is; see `begin_with_form`."""
    return _lead_to_platform()


@lti.post("/login")
@takes(form=_BEGIN)
@open_to_expired_sessions
def begin_with_form() -> ResponseReturnValue:
    """Lead the browser to the platform that it comes from.

    Nothing changes by that: whose login it becomes is for the platform to say.
    """
    return _lead_to_platform()


@lti.post("/launch")
@takes(form=_END)
@open_to_expired_sessions
def launch() -> ResponseReturnValue:
    """Let the session of whoever comes back from the platform begin, and lead to the link."""
    if not is_sent_again():
        current_platforms()  # there has to be one
        return send_again(("id_token", "state", "error"))
    try:
        return _launch()
    except LaunchRefused as error:
        peer = one_line(request.remote_addr or request.environ.get(PEER) or "nowhere")
        _log.warning("A launch of a learning platform is refused, from %s: %s", peer, error)
        raise


# The platform's page sends them, and not one of ours. The number of the errand, which only the
# browser that has left has, is what stands for the token.
csrf.exempt(begin_with_form)
csrf.exempt(launch)


def _lead_to_platform() -> Response:
    said = request.values
    platform = current_platforms().find(said.get("iss", ""), said.get("client_id"))
    hint, target = said.get("login_hint", ""), said.get("target_link_uri", "")
    if not hint:
        raise BadRequest("The learning platform does not say whose login it is (login_hint).")
    errand = new_errand(Way.LTI, _called(platform.issuer, platform.client_id), _place(target))
    asked = {
        "scope": "openid",
        "response_type": "id_token",
        "response_mode": "form_post",
        "prompt": "none",
        "client_id": platform.client_id,
        "redirect_uri": f"{_site_url()}/lti/launch",
        "login_hint": hint,
        "state": errand.number,
        "nonce": errand.nonce,
    }
    if said.get("lti_message_hint"):
        asked["lti_message_hint"] = said["lti_message_hint"]
    answer = make_response(redirect(f"{platform.auth_url}?{urlencode(asked)}", 303))
    keep_errand(answer, errand)
    return answer


def _launch() -> Response:
    platforms = current_platforms()
    errand = kept_errand(Way.LTI)
    if errand is None or not is_number(errand, request.form.get("state", "")):
        raise LaunchRefused(
            "This browser has not begun this launch, or too long ago. Open the link in your course"
            " again, in a window of its own."
        )
    if request.form.get("error"):
        raise LaunchRefused("The learning platform lets you in nowhere. Log in there first.")
    platform = platforms.find(*errand.to.split(" ", 1))
    found = platforms.read(request.form.get("id_token", ""), platform, errand.nonce)
    place = _place(found.target)
    if not spend_errand(errand):
        raise LaunchRefused("This launch has come before; each counts once. Open the link again.")
    name_browser()
    word = Word(f"lti {errand.to}", found.subject)
    answer = make_response(begin_vouched(Vouched(Way.LTI, word, found.identity), place))
    forget_errand(answer)
    return answer


def _called(issuer: str, client_id: str) -> str:
    """Return how a platform is called here: some have the issuer of all others of their maker."""
    return f"{issuer} {client_id}"


def _site_url() -> str:
    return str(current_app.config["SITE_URL"]).rstrip("/")


def _place(target: str) -> str | None:
    """Return where a link leads, on this site or a host that it guards; None for the first page.

    `WrongLink` for any other site.
    """
    if target.rstrip("/") in {_site_url(), f"{_site_url()}/lti/launch"}:
        return None
    address = target
    if origin_of(target) == origin_of(_site_url()):
        parts = urlsplit(target)
        address = f"{parts.path}?{parts.query}" if parts.query else parts.path
    known = known_address(address)
    if known is None or origin_of(target) is None:
        raise WrongLink("The link in the course leads to another site than this one.")
    return known
