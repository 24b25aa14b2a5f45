"""Logging in as the proxy in front of the site says who somebody is.

The proxy protects this address. A look at it changes nothing: any page could have a browser ask for
it, and a session that began so would count.
"""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from timApp.auth.access import open_to_expired_sessions
from timApp.auth.browser import name_browser
from timApp.auth.login import known_address
from timApp.auth.visitor import current_visitor
from timApp.auth.ways.begin import begin_vouched
from timApp.auth.ways.header import current_vouched
from timApp.request.inputs import takes

header_login = Blueprint("header_login", __name__, url_prefix="/header/login")


@header_login.get("")
@takes(query=("next",))
@open_to_expired_sessions  # it is for those who are not logged in
def show() -> ResponseReturnValue:
    """Show whom the proxy means, with a button."""
    vouched = current_vouched()
    name_browser()
    return render_template(
        "header_login.html",
        user_name=vouched.identity.name,
        real_name=vouched.identity.real_name,
        next_page=known_address(request.args.get("next")),
        logged_in=current_visitor(),
    )


@header_login.post("")
@takes(form=("next",))
@open_to_expired_sessions
def log_in() -> ResponseReturnValue:
    """Let the session of whom the proxy means begin."""
    vouched = current_vouched()
    name_browser()
    return begin_vouched(vouched, known_address(request.form.get("next")))
