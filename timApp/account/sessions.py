"""My sessions: where one is logged in, and an end to the others."""

import sqlalchemy as sa
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, ngettext

from timApp.auth.accesshelper import verify_logged_in
from timApp.auth.session.device import device_of
from timApp.auth.session.lookup import require_session
from timApp.auth.session.model import UserSession
from timApp.auth.session.transition import log_out_other_sessions, log_out_session
from timApp.auth.session.util import current_session_id
from timApp.timdb.sqa import db
from timApp.user.user import require_user
from timApp.util.errors import BadInput

my_sessions = Blueprint("my_sessions", __name__, url_prefix="/my-sessions")

#: So many sessions are shown: the one in use, then the latest.
MAX_SHOWN = 50


@my_sessions.get("")
def show() -> ResponseReturnValue:
    """Show the visitor's sessions that are not logged out."""
    visitor = verify_logged_in()
    current = current_session_id()
    sessions = [
        {"session": session, "device": device_of(session.origin)}
        for session in open_sessions(visitor.id, current)
    ]
    return render_template("my_sessions.html", sessions=sessions, current=current)


@my_sessions.post("/end")
def end() -> ResponseReturnValue:
    """End one of the visitor's other sessions for good."""
    visitor = verify_logged_in()
    session_id = request.form.get("session_id", "")
    if session_id == current_session_id():
        msg = gettext("This is the session you are using. Log out to end it.")
        raise BadInput(msg, field="session_id")
    require_session(require_user(visitor.name), session_id)
    log_out_session(visitor.id, session_id)
    db.session.commit()
    flash(gettext("The session is ended."), "success")
    return redirect(url_for("my_sessions.show"), 303)


@my_sessions.post("/end-others")
def end_others() -> ResponseReturnValue:
    """End all of the visitor's sessions but the current one."""
    visitor = verify_logged_in()
    ended = log_out_other_sessions(visitor.id, current_session_id())
    db.session.commit()
    flash(ngettext("%(num)s session is ended.", "%(num)s sessions are ended.", ended), "success")
    return redirect(url_for("my_sessions.show"), 303)


def open_sessions(user_id: int, first: str | None) -> list[UserSession]:
    """Return the user's sessions that are not logged out; at most `MAX_SHOWN`.

    The one named `first`, if there is one, comes first, then the latest.
    """
    query = (
        sa.select(UserSession)
        .where(UserSession.user_id == user_id, UserSession.logged_out_at.is_(None))
        .order_by(
            (UserSession.session_id == (first or "")).desc(),
            UserSession.logged_in_at.desc(),
            UserSession.session_id.desc(),
        )
        .limit(MAX_SHOWN)
    )
    return list(db.session.scalars(query))
