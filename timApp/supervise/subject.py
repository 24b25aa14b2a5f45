"""Whom and what a supervisor's form is about: a session, here or on another host."""

from collections.abc import Iterable
from dataclasses import dataclass

from flask import request
from flask_babel import gettext

from timApp.auth.session.beginning import SESSION_ID_MAX_LENGTH
from timApp.auth.session.lookup import require_session, require_verifiable
from timApp.auth.session.transition import invalidate_sessions, verify_session
from timApp.hosts.network import Host, current_network
from timApp.user.user import NAME_MAX_LENGTH, User, require_user
from timApp.util.errors import BadInput
from timApp.util.stamp import Stamp, next_stamp
from timApp.util.text import fits


@dataclass(frozen=True)
class Subject:
    """A session that a supervisor has looked at."""

    user_name: str
    #: Empty for a person whom this server does not know.
    real_name: str
    session_id: str
    #: The person on this server; None if it does not know them.
    user_id: int | None
    #: The host that the session is on; None for this server.
    home: Host | None

    def with_home(self, hosts: Iterable[Host]) -> list[Host]:
        """Return these hosts and the session's, which must be told whatever was chosen."""
        return list(dict.fromkeys([*([self.home] if self.home else []), *hosts]))


def read_subject() -> Subject:
    """Return what the request's form is about.

    `BadInput` (field ``session_id`` or ``home``) if it names no session, or a host that is in no
    target; `NotFound` if nobody has the name, unless the session is on another host.
    """
    name, session_id = request.form.get("user", ""), request.form.get("session_id", "")
    home = _read_home(request.form.get("home", ""))
    if home is None:
        user: User | None = require_user(name)
    else:
        user = User.get_by_name(name)
        if not fits(name, NAME_MAX_LENGTH):
            raise BadInput(gettext("Choose a person."), field="user")
    if not fits(session_id, SESSION_ID_MAX_LENGTH):
        raise BadInput(gettext("Choose a session."), field="session_id")
    return Subject(
        user_name=name,
        real_name=user.real_name if user else "",
        session_id=session_id,
        user_id=user and user.id,
        home=home,
    )


def verify_here(subject: Subject, reason: str) -> Stamp:
    """Verify the session, which expires the person's others on this server; no commit.

    A session on another host makes nothing active here, and nothing changes for a person who is not
    known here. Returns the stamp under which the hosts are to be told. `NotFound` or `Conflict` for
    a session of this server that cannot be verified.
    """
    if subject.home is None:
        require_verifiable(subject.user_name, subject.session_id)
    if subject.user_id is None:
        return next_stamp(None)
    return verify_session(subject.user_id, subject.session_id, reason)


def invalidate_here(subject: Subject, reason: str) -> Stamp:
    """Invalidate the session if it is on this server; no commit.

    Returns the stamp under which the hosts are to be told. `NotFound` if there is no such session
    though it should be here.
    """
    if subject.home is None:
        require_session(require_user(subject.user_name), subject.session_id)
    if subject.user_id is None:
        return next_stamp(None)
    return invalidate_sessions(subject.user_id, subject.session_id, reason)


def _read_home(url: str) -> Host | None:
    if not url:
        return None
    found = current_network().find([url])
    if not found:
        raise BadInput(gettext("Nothing was changed: there is no such server."), field="home")
    return found[0]
