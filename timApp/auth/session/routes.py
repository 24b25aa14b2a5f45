"""Routes for managing user sessions."""

from enum import Enum

from flask import Response, jsonify
from marshmallow import Schema, fields

from timApp.auth.accesshelper import (
    open_to_expired_sessions,
    session_is_valid,
    verify_admin,
    verify_logged_in,
)
from timApp.auth.csrf import csrf
from timApp.auth.hostaccess import verify_host_or_admin
from timApp.auth.session.bulk import invalidate_all_sessions, verify_all_sessions
from timApp.auth.session.download import download
from timApp.auth.session.export import ExportFormat
from timApp.auth.session.filter import SessionFilter
from timApp.auth.session.lookup import require_user_and_session, require_verifiable
from timApp.auth.session.schemas import (
    CurrentSessionAnswer,
    ErrorAnswer,
    RemoteSessionArgs,
    SessionArgs,
    SessionBlueprint,
    StatusAnswer,
    text_field,
)
from timApp.auth.session.transition import invalidate_sessions, verify_session
from timApp.auth.session.util import (
    current_session_id,
    invalidate_sessions_for,
    verify_session_for,
)
from timApp.hosts.changenote import ChangeNote
from timApp.timdb.sqa import db
from timApp.user.user import NAME_MAX_LENGTH, require_user
from timApp.util.stamp import Stamp

sessions = SessionBlueprint(
    "sessions",
    __name__,
    url_prefix="/user/sessions",
    description="Sessions of users: status, export, verification.",
)


class SessionStateFilterOptions(Enum):
    """Options for filtering the sessions by state."""

    #: Allow any session state.
    ALL = "all"
    #: Only allow active sessions.
    ACTIVE = "active"
    #: Only allow expired sessions.
    EXPIRED = "expired"

    @property
    def expired(self) -> bool | None:
        """What is asked of a session's `expired`; None when both will do."""
        return {"active": False, "expired": True}.get(self.value)


class ExportFormatOptions(Enum):
    """Options for session export format."""

    #: Export sessions as CSV.
    CSV = "csv"
    #: Export sessions as JSON.
    JSON = "json"


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
@sessions.alt_response(403, schema=ErrorAnswer, description="Nobody is logged in.")
@open_to_expired_sessions
def get_current_session() -> Response:
    """Get the information about the current session.

    Returns a JSON response with the session ID and validity.
    """
    verify_logged_in()
    return jsonify(sessionId=current_session_id(), valid=session_is_valid())


@sessions.get("/all")
@sessions.arguments(_ExportArgs, location="query", as_kwargs=True)
@sessions.alt_response(
    200, description="The sessions, as CSV or JSON; their number is in the X-Row-Count header."
)
@sessions.alt_response(403, schema=ErrorAnswer, description="Not an administrator.")
@sessions.alt_response(404, schema=ErrorAnswer, description="No such user.")
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
    user_id = None if user is None else require_user(user).id
    which = SessionFilter(expired=state.expired, user_id=user_id)
    return download(which, ExportFormat(export_format.value))


@sessions.post("/verifyAll")
@sessions.response(200, StatusAnswer)
@sessions.alt_response(403, schema=ErrorAnswer, description="Not an administrator.")
def validate_all() -> Response:
    """Validate all latest sessions."""
    verify_admin()
    verify_all_sessions()
    db.session.commit()
    return _ok()


@sessions.post("/invalidateAll")
@sessions.response(200, StatusAnswer)
@sessions.alt_response(403, schema=ErrorAnswer, description="Not an administrator.")
def invalidate_all() -> Response:
    """Invalidate all sessions."""
    verify_admin()
    invalidate_all_sessions()
    db.session.commit()
    return _ok()


@sessions.post("/<path:user>/verify")
@sessions.arguments(SessionArgs, location="body", as_kwargs=True, required=False)
@sessions.response(200, StatusAnswer)
@sessions.alt_response(403, schema=ErrorAnswer, description="Not an administrator.")
@sessions.alt_response(404, schema=ErrorAnswer, description="No such user or session.")
@sessions.alt_response(409, schema=ErrorAnswer, description="The session is logged out.")
def validate_session(user: str, session_id: str | None = None) -> Response:
    """Validate a session.

    A validated session will be unexpired while all other sessions will be expired. Only
    accessible to administrators. `user` is the username; if `session_id` is not specified, the
    latest session will be validated.
    """
    verify_admin()
    require_verifiable(user, session_id)
    verify_session_for(user, session_id)
    db.session.commit()
    return _ok()


@sessions.post("/<path:user>/invalidate")
@sessions.arguments(SessionArgs, location="body", as_kwargs=True, required=False)
@sessions.response(200, StatusAnswer)
@sessions.alt_response(403, schema=ErrorAnswer, description="Not an administrator.")
@sessions.alt_response(404, schema=ErrorAnswer, description="No such user or session.")
def invalidate_session(user: str, session_id: str | None = None) -> Response:
    """Invalidate a session.

    Only accessible to administrators. `user` is the username; if `session_id` is not specified,
    all sessions will be invalidated.
    """
    verify_admin()
    require_user_and_session(user, session_id)
    invalidate_sessions_for(user, session_id)
    db.session.commit()
    return _ok()


@sessions.post("/verify")
@sessions.arguments(RemoteSessionArgs, location="body", as_kwargs=True)
@sessions.response(200, StatusAnswer)
@sessions.alt_response(400, schema=ErrorAnswer, description="Wrong secret, or none configured.")
@sessions.alt_response(403, schema=ErrorAnswer, description="No secret, and no administrator.")
@sessions.alt_response(404, schema=ErrorAnswer, description="No such user.")
@csrf.exempt
@open_to_expired_sessions
def validate_remote_session(
    username: str, session_id: str | None = None, secret: str | None = None
) -> Response:
    """Validate a session.

    A validated session will be unexpired while all other sessions will be expired, also if the
    validated one is on another host. If `session_id` is not specified, the latest session will be
    validated. Without the `secret` (timApp.defaultconfig.DIST_RIGHTS_RECEIVE_SECRET), the caller
    must be an administrator.
    """
    note = verify_host_or_admin(secret)
    verify_session(require_user(username, "username").id, session_id, *_dated(note))
    db.session.commit()
    return _ok()


@sessions.post("/invalidate")
@sessions.arguments(RemoteSessionArgs, location="body", as_kwargs=True)
@sessions.response(200, StatusAnswer)
@sessions.alt_response(400, schema=ErrorAnswer, description="Wrong secret, or none configured.")
@sessions.alt_response(403, schema=ErrorAnswer, description="No secret, and no administrator.")
@sessions.alt_response(404, schema=ErrorAnswer, description="No such user.")
@csrf.exempt
@open_to_expired_sessions
def invalidate_remote_session(
    username: str, session_id: str | None = None, secret: str | None = None
) -> Response:
    """Invalidate a session.

    If `session_id` is not specified, all sessions of the user will be invalidated. Without the
    `secret` (timApp.defaultconfig.DIST_RIGHTS_RECEIVE_SECRET), the caller must be an
    administrator.
    """
    note = verify_host_or_admin(secret)
    invalidate_sessions(require_user(username, "username").id, session_id, *_dated(note))
    db.session.commit()
    return _ok()


def _dated(note: ChangeNote | None) -> tuple[str, Stamp | None]:
    """Return why and when a host has made a change; it is made here and now if it does not say."""
    return ("", None) if note is None else (note.reason, note.stamp)


def _ok() -> Response:
    return jsonify(status="ok")
