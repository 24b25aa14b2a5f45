"""Whom and what a supervisor's form is about: a session, here or on another host."""

from collections.abc import Iterable
from dataclasses import dataclass

from flask import request

from timApp.auth.site import current_site, db
from timApp.guard.changes.change import OnePerson
from timApp.guard.vocabulary import SESSION_ID_MAX_LENGTH
from timApp.net.network import Host
from timApp.user.user import User, require_user
from timApp.util.errors import BadInput
from timApp.util.text import NAME_MAX_LENGTH, fits

#: What a form has that is about a session, for `read_subject`.
SUBJECT_FIELDS = frozenset({"user", "session_id", "home"})


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

    @property
    def scope(self) -> OnePerson:
        """What is to be changed on this server; a session of it has to be here for that."""
        return OnePerson(
            self.user_name, self.user_id, self.session_id, must_be_here=self.home is None
        )

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
        user: User | None = require_user(db, name)
    else:
        user = User.get_by_name(db, name)
        if not fits(name, NAME_MAX_LENGTH):
            raise BadInput("Choose a person.", field="user")
    if not fits(session_id, SESSION_ID_MAX_LENGTH):
        raise BadInput("Choose a session.", field="session_id")
    return Subject(
        user_name=user.name if user else name,
        real_name=user.real_name if user else "",
        session_id=session_id,
        user_id=user.id if user else None,
        home=home,
    )


def _read_home(url: str) -> Host | None:
    if not url:
        return None
    found = current_site().network.find([url])
    if not found:
        raise BadInput("Nothing was changed: there is no such server.", field="home")
    return found[0]
