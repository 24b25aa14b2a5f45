"""The second step of a login: the passkey of somebody whose password was right."""

from flask import Blueprint, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from timApp.auth.access import LoginRequired, open_to_expired_sessions
from timApp.auth.factor.ceremony import PasskeyRefused, request_options
from timApp.auth.factor.pending import PendingLogin, find_pending, proof_of
from timApp.auth.factor.proof import use_passkey
from timApp.auth.factor.steps import begin_login
from timApp.auth.login import known_address, next_address
from timApp.auth.site import db
from timApp.guard.logins.outcome import AccountClosed, PasswordChanged
from timApp.request.inputs import takes
from timApp.request.negotiation import wants_json
from timApp.ui.words import error_words
from timApp.user.factor.challenge import Purpose
from timApp.user.people import find_person
from timApp.util.errors import TimError

passkey_login = Blueprint("passkey_login", __name__, url_prefix="/login/passkey")


@passkey_login.get("")
@takes(query=("next",))
@open_to_expired_sessions  # it is for those who are not logged in
def show() -> ResponseReturnValue:
    """Ask for the passkey of whoever has given their password in this browser a moment ago."""
    return _page(_require_pending(), request.args.get("next"))


@passkey_login.post("/options")
@open_to_expired_sessions
def options() -> ResponseReturnValue:
    """Return what the browser needs to ask for it, with a challenge."""
    pending = _require_pending()
    asked = request_options(pending.user_id, Purpose.LOGIN, pending.nonce)
    db.session.commit()
    return jsonify(asked)


@passkey_login.post("")
@takes(form=("credential", "next"))
@open_to_expired_sessions
def log_in() -> ResponseReturnValue:
    """Let the session begin if ``credential`` is what a passkey of the person's has signed."""
    pending = _require_pending()
    try:
        credential = request.form.get("credential", "")
        use_passkey(pending.user_id, pending.user_name, Purpose.LOGIN, pending.nonce, credential)
        db.session.commit()
        person = find_person(db, pending.user_name)
        if person is None or person.id != pending.user_id or proof_of(person) != pending.proof:
            raise PasswordChanged(
                "The password was changed meanwhile. Log in with the new one.",
            )
        begin_login(person, with_passkey=True, word=pending.word)
    except (PasskeyRefused, PasswordChanged, AccountClosed) as error:
        if wants_json():
            raise
        db.session.rollback()
        return _page(pending, request.form.get("next"), error), error.status
    return redirect(next_address(request.form.get("next")), 303)


def _require_pending() -> PendingLogin:
    pending = find_pending()
    if pending is None:
        raise LoginRequired("Log in with your password first; that is too long ago, or nothing.")
    return pending


def _page(pending: PendingLogin, next_page: str | None, error: TimError | None = None) -> str:
    next_page = known_address(next_page)
    return render_template(
        "passkey_login.html",
        user_name=pending.user_name,
        kept=[] if next_page is None else [("next", next_page)],
        log_in_url=url_for("login.login_page", next=next_page),
        alert=error and error_words(error),
    )
