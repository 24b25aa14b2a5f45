"""Passkeys are added and taken away, and it is recorded."""

from timApp.auth.site import db
from timApp.auth.visitor import current_actor
from timApp.guard.changes.record import record_of_people
from timApp.guard.vocabulary import Action
from timApp.user.factor.passkey import (
    NewPasskey,
    add_passkey,
    remove_passkeys,
    require_passkey,
)
from timApp.util.clock import now


def add(user_id: int, made: NewPasskey, name: str) -> None:
    """Add a passkey of a person's, as `add_passkey`. Nothing is committed."""
    add_passkey(db, user_id, made, name)
    _record(Action.ADD_PASSKEY, user_id, name)


def remove_one(user_id: int, credential_id: str) -> str:
    """Remove a passkey; return its name. `NotFound` if it is none of the person's.

    Nothing is committed.
    """
    name = require_passkey(db, user_id, credential_id).name
    remove_passkeys(db, user_id, credential_id)
    _record(Action.REMOVE_PASSKEYS, user_id, name)
    return name


def remove_all(user_id: int) -> int:
    """Remove all of a person's passkeys; return how many there were. Nothing is committed."""
    removed = remove_passkeys(db, user_id)
    if removed:
        _record(Action.REMOVE_PASSKEYS, user_id, "")
    return removed


def _record(action: Action, user_id: int, reason: str) -> None:
    record_of_people(db, current_actor(), action, [user_id], reason, now())
