"""Logging in and out."""

from dataclasses import dataclass
from typing import NamedTuple

import sqlalchemy as sa
import uuid_utils
from flask import (
    Blueprint,
    Response,
    current_app,
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
from timApp.auth.session.beginning import begin_session
from timApp.auth.session.change import ActorKind
from timApp.auth.session.schemas import LoginArgs, SessionBlueprint
from timApp.auth.session.transition import log_out_session
from timApp.auth.session.util import (
    current_session_id,
    has_valid_session,
)
from timApp.auth.sessioninfo import SESSION_ID_KEY, Visitor, act_as, current_visitor, person_columns
from timApp.timdb.functions import SEPARATOR, Joined
from timApp.timdb.quickread import QuickRead
from timApp.timdb.sqa import db
from timApp.user.password import hash_is_outdated, hash_password, password_matches
from timApp.user.user import NAME_MAX_LENGTH, PASSWORD_MAX_LENGTH, User, lock_users
from timApp.user.usergroup import UserGroup, membership
from timApp.util.errors import AccessDenied, BadInput, Busy
from timApp.util.negotiation import wants_json
from timApp.util.text import is_storable

login = Blueprint("login", __name__)

# One statement brings all that a login needs to know.
_account_query = QuickRead(
    sa.select(
        *person_columns(User.__table__.c.id),
        User.password_hash,
        sa.select(Joined(UserGroup.name))
        .join(membership, membership.c.usergroup_id == UserGroup.id)
        .where(membership.c.user_id == User.id)
        .scalar_subquery()
        .label("groups"),
    ).where(User.name == sa.bindparam("username"))
)


@dataclass(frozen=True)
class Account:
    """What a login needs to know of a person."""

    id: int
    name: str
    real_name: str
    is_admin: bool
    is_supervisor: bool
    password_hash: str
    groups: tuple[str, ...]


class NewSession(NamedTuple):
    """What a login has made."""

    id: str
    #: Not over the limit; False, too, while sessions are not tracked.
    is_active: bool


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


def find_account(username: str) -> Account | None:
    """Return the account of exactly that name, or None."""
    if not is_storable(username):
        return None
    row = _account_query.first({"username": username})
    if row is None:
        return None
    return Account(
        id=row.id,
        name=row.name,
        real_name=row.real_name,
        is_admin=bool(row.is_admin),
        is_supervisor=bool(row.is_supervisor),
        password_hash=row.password_hash,
        groups=tuple((row.groups or "").split(SEPARATOR)),
    )


def authenticate(username: str, password: str) -> Account:
    """Return the account; `WrongCredentials` if the name or the password is wrong.

    Takes as long for an unknown name as for a wrong password. Holds no connection while it
    computes the hash. A hash made with outdated parameters is replaced. `Busy` if too many wait
    for a hash already.
    """
    account = find_account(username)
    if (
        not password_matches(account.password_hash if account else None, password)
        or account is None
    ):
        raise WrongCredentials(gettext("Wrong user name or password."))
    if hash_is_outdated(account.password_hash):
        db.session.execute(
            sa.update(User)
            # Not if the password was changed meanwhile.
            .where(User.id == account.id, User.password_hash == account.password_hash)
            .values(password_hash=hash_password(password))
        )
    return account


def start_session(account: Account) -> NewSession:
    """Add a session for the account; the browser's former one ends for good.

    So nobody is blocked by their own session in the same browser, which no cookie leads to any
    more. With a former one it works in the transaction of `db.session` and leaves the commit to its
    caller; a login in a new browser, which writes nothing else, is a transaction of its own.
    """
    former = current_visitor()
    if former is not None:
        # In one order: two browsers that swap two users must not wait for each other.
        lock_users({account.id, former.id})
        log_out_session(former.id, current_session_id())
    session_id = str(uuid_utils.uuid7())
    origin = f"[{request.remote_addr}] {request.user_agent.string}"
    act_as(ActorKind.USER, account.name)
    is_active = begin_session(account.id, account.name, account.groups, session_id, origin)
    return NewSession(session_id, is_active)


def _log_in(username: str, password: str) -> NewSession:
    """Log in here and in the database; return the new session."""
    account = authenticate(username, password)
    new = start_session(account)
    if db.is_in_transaction():
        db.session.commit()
    session.clear()  # nothing of the time before the login, the CSRF token least of all, stays
    g.pop("csrf_token", None)
    login_user(
        Visitor(
            id=account.id,
            name=account.name,
            real_name=account.real_name,
            is_admin=account.is_admin,
            is_supervisor=account.is_supervisor,
            session_is_known=current_app.config["SESSIONS_ENABLE"],
            session_is_active=new.is_active,
        )
    )
    session[SESSION_ID_KEY] = new.id
    return new


def _log_in_with_json() -> Response:
    args = SessionBlueprint.ARGUMENTS_PARSER.parse(LoginArgs(), location="body")
    new = _log_in(args["username"], args["password"])
    return jsonify(
        username=args["username"],
        sessionId=new.id,
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
    except Busy as error:
        if wants_json():
            raise
        form.form_errors.append(error.message)  # what was typed stays, but for the password
        headers = {"Retry-After": str(error.retry_after)}
        return render_template("login.html", form=form), error.status, headers
    return redirect(_local_address(form.next.data) or url_for("documents.index"))


def _local_address(address: str | None) -> str | None:
    """Return the address if it stays on this site, else None."""
    # Browsers read "//host" and "/\\host" as another site, and skip control characters.
    if address and address[:1] == "/" and address[1:2] not in {"/", "\\"} and address.isprintable():
        return address
    return None
