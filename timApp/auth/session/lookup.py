"""Finds sessions that somebody named, or says that they are not there."""

from flask_babel import gettext

from timApp.auth.session.beginning import SESSION_ID_MAX_LENGTH
from timApp.auth.session.model import UserSession
from timApp.auth.session.transition import latest_session_id
from timApp.timdb.sqa import db
from timApp.user.user import User, require_user
from timApp.util.errors import Conflict, NotFound
from timApp.util.text import fits, quoted


def require_user_and_session(username: str, session_id: str | None) -> User:
    """Return the user, if they exist and have the session (None: any or none will do).

    `NotFound` (field ``user`` or ``session_id``) otherwise.
    """
    user = require_user(username)
    if session_id is not None:
        require_session(user, session_id)
    return user


def find_session(user: User, session_id: str) -> UserSession | None:
    """Return the user's session of that id, or None, also for what is no id at all."""
    if not fits(session_id, SESSION_ID_MAX_LENGTH):
        return None
    return db.session.get(UserSession, (user.id, session_id))


def require_session(user: User, session_id: str) -> UserSession:
    """Return the user's session of that id; `NotFound` (field ``session_id``) if there is none."""
    found = find_session(user, session_id)
    if found is None:
        msg = gettext(
            "%(name)s has no session %(session)s.",
            name=quoted(user.name),
            session=quoted(session_id),
        )
        raise NotFound(msg, field="session_id")
    return found


def require_verifiable(username: str, session_id: str | None) -> None:
    """Check that the session can be made active again; with None, that the user has one that can.

    `NotFound` (field ``user`` or ``session_id``) if there is none; `Conflict` if it is logged out.
    """
    user = require_user(username)
    if session_id is None:
        if latest_session_id(user.id) is None:
            msg = gettext(
                "%(name)s has no session to verify: they have to log in first.",
                name=quoted(user.name),
            )
            raise NotFound(msg, field="session_id")
    elif require_session(user, session_id).logged_out_at is not None:
        msg = gettext(
            "The session %(session)s is logged out; %(name)s has to log in again.",
            name=quoted(user.name),
            session=quoted(session_id),
        )
        raise Conflict(msg, field="session_id")
