"""A new password of one's own, by which one's other sessions end."""

from collections.abc import Mapping

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import ngettext
from marshmallow import ValidationError

from timApp.auth.access import verify_logged_in
from timApp.auth.authenticate import WrongCredentials, authenticate
from timApp.auth.newpassword import set_password
from timApp.auth.schemas import NewPasswordForm
from timApp.auth.session.util import current_session_id
from timApp.auth.site import db
from timApp.auth.visitor import Visitor, current_actor
from timApp.request.inputs import read_body, takes
from timApp.request.negotiation import wants_json
from timApp.ui.words import error_words
from timApp.user.newpassword import PASSWORD_MIN_LENGTH
from timApp.user.password import PASSWORD_MAX_LENGTH
from timApp.user.people import require_person
from timApp.util.errors import AskAgain, BadInput, Conflict, TimError

new_password = Blueprint("new_password", __name__, url_prefix="/my-password")


@new_password.get("")
def show() -> ResponseReturnValue:
    """Show the form, or say that the visitor has no password of this site."""
    return _page(verify_logged_in())


@new_password.post("")
@takes(form=("old_password", "password"))
def change() -> ResponseReturnValue:
    """Give the visitor a new password, if they know the old one; end their other sessions."""
    visitor = verify_logged_in()
    try:
        ended = _change(visitor)
    except (BadInput, WrongCredentials, AskAgain) as error:
        if wants_json():
            raise
        headers = {"Retry-After": str(error.retry_after)} if isinstance(error, AskAgain) else {}
        return _page(visitor, error), error.status, headers
    db.session.commit()
    flash(
        ngettext(
            "You have a new password, and %(num)s other session is ended.",
            "You have a new password, and %(num)s other sessions are ended.",
            ended,
        ),
        "success",
    )
    return redirect(url_for("my_sessions.show"), 303)


def _change(visitor: Visitor) -> int:
    """Return how many other sessions ended; `BadInput` names the field that is wrong."""
    typed = read_body()
    _check(typed)
    if not _has_password(visitor):
        raise Conflict("You have no password of this site.")
    try:
        person = authenticate(visitor.name, typed["old_password"])
    except WrongCredentials as error:
        raise WrongCredentials("This is not your password.", field="old_password") from error
    if typed["password"] == typed["old_password"]:
        raise BadInput("This is the password that you have.", field="password")
    db.session.rollback()  # of a hash that is to be replaced in any case
    return set_password(person, typed["password"], current_actor(), current_session_id())


def _check(typed: Mapping[str, str]) -> None:
    try:
        NewPasswordForm().load(typed)
    except ValidationError as error:
        field, problems = next(iter(error.messages_dict.items()))
        found = problems if isinstance(problems, list) else [problems]
        raise BadInput(str(found[0]), field=field) from error


def _has_password(visitor: Visitor) -> bool:
    return require_person(db, visitor.name).password_hash is not None


def _page(visitor: Visitor, error: TimError | None = None) -> str:
    field = error and error.field
    words = error and error_words(error)
    return render_template(
        "new_password.html",
        has_password=_has_password(visitor),
        user_name=visitor.name,
        errors={field: words} if field else {},
        alert=None if field else words,
        min_length=PASSWORD_MIN_LENGTH,
        max_length=PASSWORD_MAX_LENGTH,
    )
