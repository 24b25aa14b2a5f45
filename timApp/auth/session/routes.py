"""Routes for managing user sessions."""

from flask import Response, jsonify
from marshmallow import Schema, fields

from timApp.auth.access import open_to_expired_sessions, verify_admin, verify_logged_in
from timApp.auth.bearer import open_to_tokens
from timApp.auth.blueprint import ApiBlueprint
from timApp.auth.csrf import csrf
from timApp.auth.download import ANY_ROWS, ANY_TEXT, EXPORTED, ROW_COUNT, download
from timApp.auth.factor.proof import asks_again
from timApp.auth.schemas import (
    CurrentSessionAnswer,
    ErrorAnswer,
    HostStatusAnswer,
    RemoteSessionArgs,
    SessionArgs,
    StateAnswer,
    StatusAnswer,
    text_field,
)
from timApp.auth.session.util import current_session_id
from timApp.auth.site import current_clocks, current_guard, current_site, db
from timApp.auth.visitor import (
    current_actor,
    current_standing,
    current_visitor,
    visitor_passes,
)
from timApp.guard.changes.change import Change, Everybody, OnePerson
from timApp.guard.export.sessions import reference_table
from timApp.guard.reading.filter import SessionFilter
from timApp.guard.vocabulary import Action, ExportFormatOptions, SessionStateFilterOptions
from timApp.user.apitoken import TokenScope
from timApp.user.user import User, require_user
from timApp.util.text import NAME_MAX_LENGTH

__all__ = ["ExportFormatOptions", "SessionStateFilterOptions", "sessions"]

sessions = ApiBlueprint(
    "sessions",
    __name__,
    url_prefix="/user/sessions",
    description="Sessions of users: status, export, verification.",
)


class _ExportArgs(Schema):
    state = fields.Enum(
        SessionStateFilterOptions, by_value=True, load_default=SessionStateFilterOptions.ALL
    )
    user = text_field(
        NAME_MAX_LENGTH, load_default=None, metadata={"description": "Username to filter by."}
    )
    export_format = fields.Enum(
        ExportFormatOptions, by_value=True, data_key="format", load_default=ExportFormatOptions.CSV
    )


@sessions.get("/current")
@sessions.response(200, CurrentSessionAnswer)
@sessions.tells(403)
@open_to_expired_sessions
def get_current_session() -> Response:
    """Get the information about the current session.

    Returns a JSON response with the session ID and validity.
    """
    visitor = verify_logged_in()
    return jsonify(sessionId=current_session_id(), valid=visitor_passes(visitor))


@sessions.get("/state")
@sessions.response(200, StateAnswer)
@open_to_expired_sessions
def get_state() -> Response:
    """Get who is logged in, and how it stands with their session.

    Pages that are open ask for it all the time. It is answered with 200 whoever asks, so that what
    anybody else answers in this site's place says nothing.
    """
    visitor = current_visitor()
    return jsonify(
        username=visitor and visitor.name,
        sessionId=current_session_id(),
        standing=current_standing().value,
        attemptedAt=visitor and visitor.attempted_at,
        exams=current_guard().running_exams.mark(),
    )


@sessions.get("/all")
@sessions.arguments(_ExportArgs, location="query", as_kwargs=True)
@sessions.tells(200, ANY_ROWS, EXPORTED, content_type="application/json", headers=ROW_COUNT)
@sessions.tells(200, ANY_TEXT, EXPORTED, content_type="text/csv", headers=ROW_COUNT)
@sessions.tells(403)
@sessions.tells(404)
@asks_again(takes_proof=False)
@open_to_tokens(TokenScope.READ)
def get_all_sessions(
    state: SessionStateFilterOptions = SessionStateFilterOptions.ALL,
    user: str | None = None,
    export_format: ExportFormatOptions = ExportFormatOptions.CSV,
) -> Response:
    """Get all sessions information.

    Only accessible to administrators. `state` is the session state and `user` the username to
    filter by; `export_format` (``format`` in the address) is the format to use.

    Returns user, session id, origin, time of login and time of expiry of each session. The
    answer is streamed; the header X-Row-Count says how many sessions belong to it.
    """
    verify_admin()
    user_id = None if user is None else require_user(db, user).id
    which = SessionFilter(states=state.states, user_id=user_id, clocks=current_clocks())
    return download(reference_table(which), export_format)


@sessions.post("/verifyAll")
@sessions.response(200, StatusAnswer)
@sessions.tells(403)
@asks_again(takes_proof=False)
@open_to_tokens(TokenScope.ADMIN)
def validate_all() -> Response:
    """Validate all latest sessions."""
    verify_admin()
    return _applied(Change(Action.VERIFY, Everybody(), current_actor()))


@sessions.post("/invalidateAll")
@sessions.response(200, StatusAnswer)
@sessions.tells(403)
@asks_again(takes_proof=False)
@open_to_tokens(TokenScope.ADMIN)
def invalidate_all() -> Response:
    """Invalidate all sessions."""
    verify_admin()
    return _applied(Change(Action.INVALIDATE, Everybody(), current_actor()))


@sessions.post("/<name:user>/verify")
@sessions.arguments(SessionArgs, location="query", as_kwargs=True)
@sessions.arguments(SessionArgs, location="body", as_kwargs=True, required=False)
@sessions.response(200, StatusAnswer)
@sessions.tells(403)
@sessions.tells(404)
@sessions.tells(409)
@open_to_tokens(TokenScope.VERIFY)
def validate_session(user: str, session_id: str | None = None) -> Response:
    """Validate a session.

    A validated session will be unexpired while all other sessions will be expired. Only
    accessible to administrators. `user` is the username; if `session_id` is not specified, the
    latest session will be validated.
    """
    verify_admin()
    return _change_here(Action.VERIFY, user, session_id)


@sessions.post("/<name:user>/invalidate")
@sessions.arguments(SessionArgs, location="query", as_kwargs=True)
@sessions.arguments(SessionArgs, location="body", as_kwargs=True, required=False)
@sessions.response(200, StatusAnswer)
@sessions.tells(403)
@sessions.tells(404)
@open_to_tokens(TokenScope.VERIFY)
def invalidate_session(user: str, session_id: str | None = None) -> Response:
    """Invalidate a session.

    Only accessible to administrators. `user` is the username; if `session_id` is not specified,
    all sessions will be invalidated.
    """
    verify_admin()
    return _change_here(Action.INVALIDATE, user, session_id)


@sessions.post("/<name:user>/end")
@sessions.arguments(SessionArgs, location="query", as_kwargs=True)
@sessions.arguments(SessionArgs, location="body", as_kwargs=True, required=False)
@sessions.response(200, StatusAnswer)
@sessions.tells(403)
@sessions.tells(404)
@open_to_tokens(TokenScope.VERIFY)
def end_session(user: str, session_id: str | None = None) -> Response:
    """End a session for good.

    It is as logged out: nobody can use it or verify it any more, administrators and supervisors
    included. It counts as an invalidation where an active one is ended, and settles the login where
    a blocked one is. Only accessible to administrators. `user` is the username; if `session_id` is
    not specified, all sessions will be ended.
    """
    verify_admin()
    return _change_here(Action.END, user, session_id)


@sessions.post("/<name:user>/pause")
@sessions.response(200, StatusAnswer)
@sessions.tells(403)
@sessions.tells(404)
@open_to_tokens(TokenScope.VERIFY)
def pause_person(user: str) -> Response:
    """Note that somebody has left the room.

    All their sessions expire, and whoever logs in as them is blocked, whatever the policy says,
    until a session of theirs is verified. Repeated, it changes nothing. Only accessible to
    administrators. `user` is the username.
    """
    verify_admin()
    return _change_here(Action.PAUSE, user, None)


@sessions.post("/verify")
@sessions.arguments(SessionArgs, location="query", as_kwargs=True)
@sessions.arguments(RemoteSessionArgs, location="body", as_kwargs=True)
@sessions.response(200, HostStatusAnswer)
@sessions.tells(400, ErrorAnswer, "Wrong secret, or none configured.")
@sessions.tells(403)
@sessions.tells(404)
@sessions.tells(409)
@sessions.tells(429)
@csrf.exempt
@open_to_expired_sessions
@open_to_tokens(TokenScope.VERIFY)
def validate_remote_session(
    username: str, session_id: str | None = None, secret: str | None = None
) -> Response:
    """Validate a session.

    A validated session will be unexpired while all other sessions will be expired, also if the
    validated one is on another host. If `session_id` is not specified, the latest session will be
    validated. Without the `secret` (timApp.defaultconfig.DIST_RIGHTS_RECEIVE_SECRET), the caller
    must be an administrator.
    """
    return _change_for_host(Action.VERIFY, username, session_id, secret)


@sessions.post("/invalidate")
@sessions.arguments(SessionArgs, location="query", as_kwargs=True)
@sessions.arguments(RemoteSessionArgs, location="body", as_kwargs=True)
@sessions.response(200, HostStatusAnswer)
@sessions.tells(400, ErrorAnswer, "Wrong secret, or none configured.")
@sessions.tells(403)
@sessions.tells(404)
@sessions.tells(409)
@sessions.tells(429)
@csrf.exempt
@open_to_expired_sessions
@open_to_tokens(TokenScope.VERIFY)
def invalidate_remote_session(
    username: str, session_id: str | None = None, secret: str | None = None
) -> Response:
    """Invalidate a session.

    If `session_id` is not specified, all sessions of the user will be invalidated. Without the
    `secret` (timApp.defaultconfig.DIST_RIGHTS_RECEIVE_SECRET), the caller must be an
    administrator.
    """
    return _change_for_host(Action.INVALIDATE, username, session_id, secret)


def _change_here(action: Action, username: str, session_id: str | None) -> Response:
    """Change sessions that have to be on this server."""
    user = require_user(db, username)
    scope = OnePerson(user.name, user.id, session_id, must_be_here=True)
    return _applied(Change(action, scope, current_actor()))


def _change_for_host(
    action: Action, username: str, session_id: str | None, secret: str | None
) -> Response:
    """Change sessions as another host has, when it says it did; here and now if it does not say."""
    caller = current_site().verify_host_or_admin(secret)
    user = User.get_by_name(db, username)
    if user is None and not caller.is_host:
        user = require_user(db, username, "username")
    scope = (
        OnePerson(username, None, session_id)
        if user is None
        else OnePerson(user.name, user.id, session_id)
    )
    note = caller.note
    reason, stamp = ("", None) if note is None else (note.reason, note.stamp)
    answer = _applied(Change(action, scope, current_actor(), reason, stamp))
    # A host that broadcasts need not know who has an account where.
    return jsonify(status="ok", known=False) if user is None and caller.signs else answer


def _applied(change: Change) -> Response:
    current_guard().apply(change, db)
    db.session.commit()
    return jsonify(status="ok")
