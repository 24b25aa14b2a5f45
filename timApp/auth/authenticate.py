"""Who somebody is, as their password says it."""

import logging
from dataclasses import replace

import sqlalchemy as sa
from flask import request

from timApp.auth.browser import current_device
from timApp.auth.site import current_site, db
from timApp.guard.logins.devices import has_had_session_in
from timApp.user.attempts.failed import record_failed_login
from timApp.user.attempts.place import place_of_address, place_of_browser
from timApp.user.attempts.throttle import Attempt, Throttle
from timApp.user.password import hash_is_outdated, hash_password, password_matches
from timApp.user.people import Person, find_person
from timApp.user.user import User
from timApp.util.clock import now
from timApp.util.errors import AccessDenied
from timApp.util.text import one_line, quoted

_log = logging.getLogger(__name__)

#: The number of somebody whom there is not.
_NOBODY = 0


class WrongCredentials(AccessDenied):
    """There is no user of that name with that password."""


def authenticate(username: str, password: str) -> Person:
    """Return the person; `WrongCredentials` if the name or the password is wrong.

    Takes as long for an unknown name, and for somebody who has no password here, as for a wrong
    password. Holds no connection while it computes the hash. A hash made with outdated parameters
    is replaced. `TooManyFailures`, a hash not computed, if wrong ones came for the name from here
    before; what is wrong is recorded and logged. `Busy` if too many wait for a hash already.
    """
    person = find_person(db, username)
    known_hash = person.password_hash if person else None

    def is_right(had_failures: bool) -> bool:
        is_theirs = password_matches(known_hash, password, goes_behind=had_failures)
        return is_theirs and known_hash is not None

    throttle = current_site().throttle
    tried = _attempt(throttle, person, username)
    if not throttle.attempt(db, tried, is_right) or person is None or known_hash is None:
        _tell(tried.address, None if person is None else person.name)
        raise WrongCredentials("Wrong user name or password.")
    if not hash_is_outdated(known_hash):
        return person
    new_hash = hash_password(password)
    db.session.execute(
        sa.update(User)
        # Not if the password was changed meanwhile.
        .where(User.id == person.id, User.password_hash == known_hash)
        .values(password_hash=new_hash)
    )
    return replace(person, password_hash=new_hash)


def with_hash_of_now(person: Person, password: str) -> Person | None:
    """Return somebody who has proved who they are, if the hash of now is of that password, too.

    It may be another one because it was made anew, of the same password: by a login at the same
    time, say. None if the password is another one by now.
    """
    found = find_person(db, person.name)
    if found is None or found.id != person.id or found.password_hash is None:
        return None
    return found if password_matches(found.password_hash, password) else None


def _attempt(throttle: Throttle, person: Person | None, username: str) -> Attempt:
    user_id = None if person is None else person.id
    device = current_device()
    return Attempt(
        throttle.subject(user_id, username),
        user_id,
        request.remote_addr,
        place_of_address(request.remote_addr),
        None if device is None else place_of_browser(device),
        lambda: device is not None and has_had_session_in(db, user_id or _NOBODY, device),
    )


def note_failure(user_id: int, user_name: str) -> None:
    """Record and log that somebody has failed to prove that they are that person.

    That is what is done of each wrong password. Nothing is committed.
    """
    record_failed_login(db.session.connection(), user_id, request.remote_addr, now())
    _tell(request.remote_addr, user_name)


def _tell(from_address: str | None, user_name: str | None) -> None:
    """Write a line to the log that fail2ban can read, see docs/keeping.md.

    What stands before the name is not for anybody to choose. A name that is nobody's is not told,
    as it may be a password.
    """
    whose = "an unknown user" if user_name is None else quoted(user_name)
    address = one_line(from_address or "").replace(" ", "") or "nowhere"
    _log.warning("Failed login from %s as %s", address, whose)
