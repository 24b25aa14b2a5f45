"""The administrators' page of failed logins: whose password was guessed, and from where."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from timApp.auth.access import verify_admin
from timApp.auth.site import db
from timApp.pages.entry import entry_number
from timApp.request.inputs import takes
from timApp.ui.words import error_words
from timApp.user.attempts.listing import FailurePage, failure_page
from timApp.user.user import require_user
from timApp.util.errors import BadInput, NotFound
from timApp.util.text import quoted

failed_logins = Blueprint("failed_logins", __name__, url_prefix="/administer/failed-logins")


@failed_logins.get("")
@takes(query=("user", "address", "before"))
def show() -> ResponseReturnValue:
    """Show the failed logins, newest first: those of a person, from an address, if they are given.

    ``before`` is the number of the entry before which the page begins. An unknown person is told
    beside the form, with 404.
    """
    verify_admin()
    before = _read_before(request.args.get("before", ""))
    typed = {name: request.args.get(name, "").strip() for name in ("user", "address")}
    user_id, error = None, None
    if typed["user"]:
        try:
            user_id = require_user(db, typed["user"]).id
        except NotFound as unknown:
            error = unknown
    page = FailurePage([], None)
    if error is None:
        page = failure_page(db, user_id=user_id, address=typed["address"] or None, before=before)
    shown = render_template(
        "failed_logins.html",
        typed=typed,
        error=error and error_words(error),
        page=page,
        before=before,
        chosen={name: text for name, text in typed.items() if text},
    )
    return shown, 200 if error is None else error.status


def _read_before(text: str) -> int | None:
    number = entry_number(text) if text else None
    if text and number is None:
        raise BadInput(
            "The list cannot be shown from %(place)s on: that is not the number of an entry.",
            field="before",
            place=quoted(text),
        )
    return number
