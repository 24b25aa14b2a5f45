"""The steps of a login: the password, the passkey of whoever has one, and the session."""

from flask import g, request, session
from flask_login import login_user

from timApp.auth.authenticate import authenticate, with_hash_of_now
from timApp.auth.browser import current_device, current_place
from timApp.auth.factor.pending import PasskeyNeeded
from timApp.auth.factor.proof import remember_proof
from timApp.auth.seat import current_seat
from timApp.auth.site import current_guard, db
from timApp.auth.visitor import Visitor, current_claims
from timApp.database.engine import begin_write
from timApp.guard.cookie import Claims
from timApp.guard.logins.outcome import PasswordChanged
from timApp.guard.verdict import Begun
from timApp.guard.vocabulary import Actor, ActorKind, State
from timApp.user.federated import Word, note_login
from timApp.user.people import Person


def log_in_with_password(username: str, password: str) -> Begun:
    """Log in here and in the database; return the new session.

    `PasskeyNeeded` for somebody who has a passkey: then no session begins.
    """
    person = authenticate(username, password)
    if person.has_passkey:
        if db.is_in_transaction():
            db.session.commit()
        raise PasskeyNeeded(
            "This account has a passkey beside its password, so it logs in with a browser.", person
        )
    try:
        return begin_login(person)
    except PasswordChanged:
        db.session.rollback()
        person_now = with_hash_of_now(person, password)
        if person_now is None:
            raise
        return begin_login(person_now)


def begin_login(person: Person, *, with_passkey: bool = False, word: Word | None = None) -> Begun:
    """Let a session of somebody begin who has proved who they are, and log them in here.

    `word` is somebody else's by which they have, who may end the session later: both are noted or
    neither. Commits it. `AccountClosed` and `PasswordChanged` as `timApp.guard.Guard.begin`.
    """
    if word is not None:
        begin_write(db.session.connection())
    begun = _begin(person)
    if word is not None:
        note_login(db, person.id, begun.session_id, word)
    if person.is_admin or with_passkey or _is_to_have_passkey(person):
        remember_proof(person.id, begun.session_id)
    if db.is_in_transaction():
        db.session.commit()
    session.clear()  # nothing of the time before the login, the CSRF token least of all, stays
    g.pop("csrf_token", None)
    login_user(
        Visitor(
            person.id,
            person.name,
            person.real_name,
            person.email,
            person.groups,
            begun.session_id if current_guard().options.tracks_sessions else None,
            begun.state is State.ACTIVE,
        )
    )
    session.renew(  # type: ignore[attr-defined]
        Claims(begun.person.id, begun.session_id, begun.token)
    )
    return begun


def _is_to_have_passkey(person: Person) -> bool:
    groups = current_guard().options.second_factor_groups
    return not groups.isdisjoint(person.groups)


def _begin(person: Person) -> Begun:
    return current_guard().begin(
        person,
        current_place().origin,
        actor=Actor(ActorKind.USER, person.name, request.remote_addr),
        former=current_claims(),
        device=current_device(),
        seat=current_seat(),
        proof=person.password_hash,
        work=db,
    )
