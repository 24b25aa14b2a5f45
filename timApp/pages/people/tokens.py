"""The tokens of programs: which there are, a new one, and none of one any more."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from timApp.accounts.tokens import add_token, end_token, listed_tokens
from timApp.auth.access import verify_admin
from timApp.auth.factor.proof import asks_again
from timApp.auth.site import db
from timApp.auth.visitor import current_actor
from timApp.request.inputs import takes
from timApp.request.negotiation import wants_json
from timApp.ui.words import error_words
from timApp.user.apitoken import DAYS_MAX, TOKEN_NAME_MAX_LENGTH, NewToken, TokenScope
from timApp.util.clock import now
from timApp.util.errors import BadInput, Conflict, TimError

tokens = Blueprint("tokens", __name__, url_prefix="/administer/tokens")

_DAYS = 90


@tokens.get("")
def show() -> ResponseReturnValue:
    """Show everybody's tokens, and the form for a new one."""
    verify_admin()
    return _page()


@tokens.post("")
@takes(form=("name", "scope", "days"))
@asks_again()
def add() -> ResponseReturnValue:
    """Make a token of the visitor's, and show it: this once."""
    visitor = verify_admin()
    try:
        made = add_token(
            db,
            visitor.id,
            request.form.get("name", "").strip(),
            _scope(request.form.get("scope", "")),
            _days(request.form.get("days", "")),
            current_actor(),
        )
    except (BadInput, Conflict) as error:
        if wants_json():
            raise
        db.session.rollback()
        return _page(error), error.status
    db.session.commit()
    return _page(made=made)


@tokens.post("/end")
@takes(form=("token",))
@asks_again()
def end() -> ResponseReturnValue:
    """End a token, whosever it is: it is good no more, and never again."""
    verify_admin()
    ended = end_token(db, request.form.get("token", ""), current_actor())
    db.session.commit()
    flash(gettext("The token %(name)s is ended.", name=ended.name), "success")
    return redirect(url_for("tokens.show"), 303)


def _scope(text: str) -> TokenScope:
    try:
        return TokenScope(text)
    except ValueError:
        raise BadInput("There is no such scope.", field="scope") from None


def _days(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(DAYS_MAX))):
        raise BadInput("A token is good for 1 to %(num)d days.", field="days", num=DAYS_MAX)
    return int(text)


def _page(error: TimError | None = None, made: NewToken | None = None) -> str:
    return render_template(
        "tokens.html",
        tokens=listed_tokens(db),
        made=made,
        scopes=[one.value for one in TokenScope],
        typed={"days": str(_DAYS), **(request.form.to_dict() if made is None else {})},
        days_max=DAYS_MAX,
        max_length=TOKEN_NAME_MAX_LENGTH,
        now=now(),
        alert=error and error_words(error),
    )
