"""Logging in and out."""

from collections.abc import Mapping, Sequence

from flask import (
    Response,
    current_app,
    flash,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_login import logout_user
from flask_wtf.csrf import generate_csrf, validate_csrf
from marshmallow import ValidationError

from timApp.auth.access import open_to_expired_sessions
from timApp.auth.authenticate import WrongCredentials
from timApp.auth.blueprint import ApiBlueprint
from timApp.auth.browser import name_browser
from timApp.auth.csrf import csrf
from timApp.auth.factor.pending import PasskeyNeeded, begin_pending
from timApp.auth.factor.steps import log_in_with_password
from timApp.auth.offered import offered_ways
from timApp.auth.oidc.provider import current_provider, has_provider
from timApp.auth.schemas import ErrorAnswer, LoginAnswer, LoginArgs, LoginForm, StatusAnswer
from timApp.auth.seat import current_seat
from timApp.auth.session.util import current_session_id, has_valid_session
from timApp.auth.site import current_guard, db
from timApp.auth.visitor import (
    Visitor,
    cookie_claims,
    current_actor,
    current_visitor,
    take_for_nobody,
)
from timApp.database.failure import ERRORS
from timApp.guard.changes.change import Change, OnePerson
from timApp.guard.logins.outcome import AccountClosed, PasswordChanged
from timApp.guard.vocabulary import Action, Cause
from timApp.guard.waiting.cause import find_end
from timApp.request.application import application_login
from timApp.request.caches import forget_pages
from timApp.request.guarded import guarded_hosts
from timApp.request.inputs import read_body, takes
from timApp.request.local import local_address
from timApp.request.negotiation import wants_json
from timApp.user.federated import find_login
from timApp.user.password import PASSWORD_MAX_LENGTH
from timApp.user.people import find_person
from timApp.util.errors import AskAgain, BadInput, Conflict
from timApp.util.text import NAME_MAX_LENGTH

login = ApiBlueprint("login", __name__, description="Logging in and out.")


@login.get("/login")
@login.tells(200, {"type": "string"}, "A page with the form.", content_type="text/html")
@login.tells(302, description="Inside an application with a login of its own: where that is.")
@takes(query=("next", "username"))
@open_to_expired_sessions
def login_page() -> ResponseReturnValue:
    """Show the form, with a name filled in if one is given, and who is logged in already.

    Where the application around the site lets people in, it leads there.
    """
    application = application_login()
    if application is not None:
        return redirect(application.address(local_address(request.args.get("next")) or ""))
    name_browser()
    return _form_page({name: request.args.get(name, "") for name in ("next", "username")})


@login.post("/login")
@login.notes(security=[], requestBody={"content": {"application/json": {"schema": LoginArgs}}})
@login.tells(200, LoginAnswer, "Logged in with JSON; the cookie comes with the answer.")
@login.tells(302, description="Logged in with the form; where to go on.")
@login.tells(303, description="The password was right; where a passkey is asked for.")
@login.tells(
    403,
    ErrorAnswer,
    "Wrong user name or password, the account is closed, or it has a passkey and logs in with a"
    " browser.",
)
@login.tells(409)
@login.tells(429)
@takes(form=("username", "password", "next"), json=True)
@csrf.exempt  # JSON cannot come from another site's form, and the form brings its own token
@open_to_expired_sessions
def log_in() -> ResponseReturnValue:
    """Log in, with JSON or with the form; `Conflict` where people have no passwords here."""
    if application_login() is not None:
        raise Conflict("People log in at the application around this site.")
    if not current_app.config["LOCAL_PASSWORDS"]:
        raise Conflict("Nobody logs in with a password here. Log in as the login page says.")
    name_browser()
    return _log_in_with_json() if request.is_json else _log_in_with_form()


@login.post("/logout")
@login.tells(200, StatusAnswer, "Nobody is logged in on this browser now.")
@login.tells(303, description="Inside an application with a logout of its own: where that is.")
@open_to_expired_sessions
def log_out() -> ResponseReturnValue:
    """End the current session for good; nothing happens if nobody is logged in.

    Where the application around the site lets people in, a browser is led to its logout: that ends
    the session, too, and would begin another one for whom it still knows.
    """
    application = application_login()
    if application is not None and application.logout is not None and not wants_json():
        return redirect(application.logout, 303)
    provider_page = _provider_page()
    visitor = end_login()
    if not wants_json() and visitor is not None:
        flash(gettext("You are logged out."), "success")
    place = provider_page or url_for("login.login_page")
    answer = jsonify(status="ok") if wants_json() else redirect(place)
    response = make_response(answer)
    forget_pages(response)
    return response


def _provider_page() -> str | None:
    """Return where whoever logs out here does so at the provider, too, by whose word they came."""
    visitor, session_id = current_visitor(), current_session_id()
    if visitor is None or session_id is None or not has_provider() or wants_json():
        return None
    found = find_login(db, visitor.id, session_id)
    if found is None or found.issuer != current_provider().issuer:
        return None
    db.session.rollback()  # no connection is held while the provider takes its time
    return current_provider().logout_address(url_for("login.login_page", _external=True))


def end_login() -> Visitor | None:
    """End the session of this browser for good, and commit it; return whose it was.

    Nothing happens if nobody is logged in.
    """
    visitor, session_id = current_visitor(), current_session_id()
    if visitor is not None and session_id is not None:
        scope = OnePerson(visitor.name, visitor.id, session_id)
        current_guard().apply(Change(Action.LOGOUT, scope, current_actor()), db)
        db.session.commit()
    session.clear()
    logout_user()
    return visitor


def _log_in_with_json() -> Response:
    args = ApiBlueprint.ARGUMENTS_PARSER.parse(LoginArgs(), location="body")
    begun = log_in_with_password(args["username"], args["password"])
    return jsonify(
        username=begun.person.name,
        sessionId=begun.session_id,
        valid=has_valid_session(),
        csrfToken=generate_csrf(),
    )


def _log_in_with_form() -> ResponseReturnValue:
    typed = read_body()
    errors = _form_errors(typed)
    if errors.keys() == {"csrf_token"} and not wants_json() and _is_logged_in(typed["username"]):
        # In another tab, which is why this page was out of date.
        return redirect(next_address(typed.get("next")))
    if errors:
        if wants_json():
            field, problems = next(iter(errors.items()))
            msg = f"{field}: {' '.join(str(problem) for problem in problems)}"
            raise BadInput(msg, field=field)
        return _form_page(typed, errors), BadInput.status
    try:
        log_in_with_password(typed["username"], typed["password"])
    except PasskeyNeeded as needed:
        if wants_json():
            raise
        begin_pending(needed.person)
        return redirect(url_for("passkey_login.show", next=typed.get("next") or None), 303)
    except (WrongCredentials, AccountClosed, PasswordChanged, AskAgain) as error:
        if wants_json():
            raise
        # What was typed stays, but for the password.
        page = _form_page(typed, alert=gettext(error.text, **error.evidence))
        headers = {"Retry-After": str(error.retry_after)} if isinstance(error, AskAgain) else {}
        return page, error.status, headers
    return redirect(next_address(typed.get("next")))


def _is_logged_in(username: str) -> bool:
    """Tell whether it is the person of that name who is logged in on this browser."""
    visitor = current_visitor()
    person = visitor and find_person(db, username)
    return visitor is not None and person is not None and person.id == visitor.id


def next_address(wanted_address: str | None) -> str:
    """Return where somebody goes on who has logged in, or is: where they wanted to go.

    Whoever wanted to go nowhere but to the site goes where their work is.
    """
    first = url_for("documents.index")
    wanted = known_address(wanted_address)
    if wanted is not None and wanted != first:
        return wanted
    visitor = _known_visitor()
    if visitor is not None and visitor.is_admin:
        return url_for("overview.show")
    if visitor is not None and visitor.is_supervisor:
        return url_for("supervise.console")
    return first


def known_address(address: str | None) -> str | None:
    """Return the address if it is one of this site or of a host that it guards, else None."""
    if address and guarded_hosts(current_app).find(address) is not None:
        return address
    return local_address(address)


def _form_errors(typed: Mapping[str, str]) -> dict[str, list[object]]:
    """Return what is wrong with what was typed, and with the token of the page, by field."""
    errors: dict[str, list[object]] = {}
    try:
        LoginForm().load(typed)
    except ValidationError as error:
        for name, found in error.messages_dict.items():
            # A text in the reader's language is no text yet, of which marshmallow makes a list.
            errors[name] = found if isinstance(found, list) else [found]
    if current_app.config["WTF_CSRF_ENABLED"]:
        try:
            validate_csrf(request.form.get("csrf_token"))
        except ValueError as error:  # of WTForms
            errors["csrf_token"] = [error]
    return errors


def _form_page(
    typed: Mapping[str, str],
    errors: Mapping[str, Sequence[object]] | None = None,
    alert: str | None = None,
) -> str:
    """Return the page with what was typed, and what is wrong with it: by field, or with all."""
    return render_template(
        "login.html",
        typed=typed,
        errors=errors or {},
        alert=alert,
        was_ended=None if typed.get("username") else _why_ended(),
        logged_in=_known_visitor(),
        next_address=next_address(typed.get("next")),
        other_ways=offered_ways(known_address(typed.get("next"))),
        takes_passwords=current_app.config["LOCAL_PASSWORDS"],
        seat=current_seat(),
        max_lengths={"username": NAME_MAX_LENGTH, "password": PASSWORD_MAX_LENGTH},
    )


def _why_ended() -> Cause | None:
    """Return why somebody is here whose session was ended; None where the database does not say."""
    claims = cookie_claims()
    try:
        return None if claims is None else find_end(db, claims.user_id, claims.session_id)
    except ERRORS:
        return None


def _known_visitor() -> Visitor | None:
    """Return who is logged in on this browser; None where the database does not say.

    The form is shown without it, too: it says what is wrong when it is sent.
    """
    try:
        return current_visitor()
    except ERRORS:
        take_for_nobody()
        return None
