"""Logging in and out."""

import sqlalchemy as sa
import uuid_utils
from flask import (
    Blueprint,
    Response,
    g,
    jsonify,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext
from flask_login import login_user, logout_user
from flask_wtf import FlaskForm
from flask_wtf.csrf import generate_csrf
from werkzeug.exceptions import UnsupportedMediaType
from wtforms import HiddenField, PasswordField, StringField, SubmitField
from wtforms.validators import InputRequired, Length

from timApp.auth.accesshelper import open_to_expired_sessions
from timApp.auth.csrf import csrf
from timApp.auth.session.change import ActorKind
from timApp.auth.session.schemas import LoginArgs, SessionBlueprint
from timApp.auth.session.transition import log_out_session
from timApp.auth.session.util import (
    add_user_session,
    current_session_id,
    has_valid_session,
)
from timApp.auth.sessioninfo import SESSION_ID_KEY, act_as, current_visitor
from timApp.timdb.sqa import db, read_row
from timApp.user.password import hash_is_outdated, hash_password, password_matches
from timApp.user.user import NAME_MAX_LENGTH, PASSWORD_MAX_LENGTH, User, lock_user
from timApp.util.errors import AccessDenied, BadInput
from timApp.util.negotiation import wants_json
from timApp.util.text import is_storable

login = Blueprint("login", __name__)

_credentials_query = sa.select(User.id, User.password_hash).where(
    User.name == sa.bindparam("username")
)


class LoginForm(FlaskForm):
    """What a person types to log in, and where they wanted to go."""

    username = StringField(
        lazy_gettext("User name"), validators=[InputRequired(), Length(max=NAME_MAX_LENGTH)]
    )
    password = PasswordField(
        lazy_gettext("Password"), validators=[InputRequired(), Length(max=PASSWORD_MAX_LENGTH)]
    )
    next = HiddenField()
    submit = SubmitField(lazy_gettext("Log in"))


class WrongCredentials(AccessDenied):
    """There is no user of that name with that password."""


@login.get("/login")
@open_to_expired_sessions
def login_page() -> ResponseReturnValue:
    """Show the form."""
    return render_template("login.html", form=LoginForm(next=request.args.get("next", "")))


@login.post("/login")
@csrf.exempt  # JSON cannot come from another site's form, and the form brings its own token
@open_to_expired_sessions
def log_in() -> ResponseReturnValue:
    """Log in, with JSON or with the form."""
    return _log_in_with_json() if request.is_json else _log_in_with_form()


@login.post("/logout")
@open_to_expired_sessions
def log_out() -> ResponseReturnValue:
    """End the current session for good; nothing happens if nobody is logged in."""
    visitor = current_visitor()
    if visitor is not None:
        log_out_session(visitor.id, current_session_id())
        db.session.commit()
    session.clear()
    logout_user()
    return jsonify(status="ok") if wants_json() else redirect(url_for("login.login_page"))


def authenticate(username: str, password: str) -> User:
    """Return the user; `WrongCredentials` if the name or the password is wrong.

    Takes as long for an unknown name as for a wrong password. Holds no connection while it
    computes the hash. A hash made with outdated parameters is replaced.
    """
    row = None
    if is_storable(username):
        row = read_row(_credentials_query, {"username": username})
    if not password_matches(row and row.password_hash, password) or row is None:
        raise WrongCredentials(gettext("Wrong user name or password."))
    user = db.session.get_one(User, row.id)
    if hash_is_outdated(row.password_hash):
        user.password_hash = hash_password(password)
    return user


def start_session(user: User) -> str:
    """Add a session for the user and return its id; the browser's former one ends for good.

    So nobody is blocked by their own session in the same browser, which no cookie leads to any
    more.
    """
    former = current_visitor()
    # Always in the same order: two browsers that swap two users must not wait for each other.
    for user_id in sorted({user.id, former.id if former else user.id}):
        lock_user(user_id)
    if former is not None:
        log_out_session(former.id, current_session_id())
    session_id = str(uuid_utils.uuid7())
    origin = f"[{request.remote_addr}] {request.user_agent.string}"
    act_as(ActorKind.USER, user.name)
    add_user_session(user, session_id, origin)
    return session_id


def _log_in(username: str, password: str) -> tuple[User, str]:
    """Log in here and in the database; return the user and the new session's id."""
    user = authenticate(username, password)
    session_id = start_session(user)
    db.session.commit()
    session.clear()  # nothing of the time before the login, the CSRF token least of all, stays
    g.pop("csrf_token", None)
    login_user(user)
    session[SESSION_ID_KEY] = session_id
    return user, session_id


def _log_in_with_json() -> Response:
    args = SessionBlueprint.ARGUMENTS_PARSER.parse(LoginArgs(), location="body")
    user, session_id = _log_in(args["username"], args["password"])
    return jsonify(
        username=user.name,
        sessionId=session_id,
        valid=has_valid_session(),
        csrfToken=generate_csrf(),
    )


def _log_in_with_form() -> ResponseReturnValue:
    if request.mimetype not in {"", "application/x-www-form-urlencoded"}:
        msg = "The body must be JSON (Content-Type: application/json) or a form."
        raise UnsupportedMediaType(msg)
    form = LoginForm()
    if not form.validate_on_submit():
        if wants_json():
            field, errors = next(iter(form.errors.items()))
            msg = f"{field}: {' '.join(str(error) for error in errors)}"
            raise BadInput(msg, field=field)
        return render_template("login.html", form=form), BadInput.status
    try:
        _log_in(form.username.data, form.password.data)
    except WrongCredentials as error:
        if wants_json():
            raise
        form.form_errors.append(error.message)
        return render_template("login.html", form=form), error.status
    return redirect(_local_address(form.next.data) or url_for("documents.index"))


def _local_address(address: str | None) -> str | None:
    """Return the address if it stays on this site, else None."""
    # Browsers read "//host" and "/\\host" as another site, and skip control characters.
    if address and address[:1] == "/" and address[1:2] not in {"/", "\\"} and address.isprintable():
        return address
    return None
