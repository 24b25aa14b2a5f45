"""My sessions: where one is logged in, and an end to the others."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, ngettext

from timApp.auth.access import verify_logged_in
from timApp.auth.session.util import current_session_id
from timApp.auth.site import current_clocks, current_guard, db
from timApp.auth.visitor import current_actor
from timApp.guard.changes.change import AllButOne, Change, OnePerson
from timApp.guard.reading.sessions import open_sessions, summary_of
from timApp.guard.vocabulary import Action
from timApp.pages.shown import shown
from timApp.request.inputs import takes
from timApp.user.people import require_person
from timApp.util.errors import BadInput

my_sessions = Blueprint("my_sessions", __name__, url_prefix="/my-sessions")


@my_sessions.get("")
def show() -> ResponseReturnValue:
    """Show the visitor's sessions that are not logged out."""
    visitor = verify_logged_in()
    current = current_session_id()
    sessions = [
        shown(summary_of(session, current_clocks()))
        for session in open_sessions(db, visitor.id, current)
    ]
    has_password = require_person(db, visitor.name).password_hash is not None
    return render_template(
        "my_sessions.html", sessions=sessions, current=current, has_password=has_password
    )


@my_sessions.post("/end")
@takes(form=("session_id",))
def end() -> ResponseReturnValue:
    """End one of the visitor's other sessions for good."""
    visitor = verify_logged_in()
    session_id = request.form.get("session_id", "")
    if session_id == current_session_id():
        raise BadInput("This is the session you are using. Log out to end it.", field="session_id")
    scope = OnePerson(visitor.name, visitor.id, session_id, must_be_here=True)
    current_guard().apply(Change(Action.LOGOUT, scope, current_actor()), db)
    db.session.commit()
    flash(gettext("The session is ended."), "success")
    return redirect(url_for("my_sessions.show"), 303)


@my_sessions.post("/end-others")
def end_others() -> ResponseReturnValue:
    """End all of the visitor's sessions but the current one."""
    visitor = verify_logged_in()
    scope = AllButOne(visitor.name, visitor.id, current_session_id())
    ended = current_guard().apply(Change(Action.LOGOUT, scope, current_actor()), db).changed
    db.session.commit()
    flash(ngettext("%(num)s session is ended.", "%(num)s sessions are ended.", ended), "success")
    return redirect(url_for("my_sessions.show"), 303)
