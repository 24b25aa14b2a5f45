"""Closes a person's account, opens it again, or deletes it: what that does to their sessions."""

from datetime import datetime

import sqlalchemy as sa

from timApp.database.dialects.types import UTCDateTime
from timApp.database.work import UnitOfWork, rows_changed
from timApp.guard.changes.change import Change, OnePerson, Receipt
from timApp.guard.changes.lock import lock_people
from timApp.guard.changes.move import move
from timApp.guard.changes.record import Entry, record
from timApp.guard.rules.clocks import Clocks
from timApp.guard.rules.lifetime import Event
from timApp.guard.tables.session import UserSession
from timApp.guard.vocabulary import Action
from timApp.guard.waiting.codes import stop_waiting
from timApp.user.user import User
from timApp.util.clock import now


def change_account(work: UnitOfWork, change: Change, scope: OnePerson, clocks: Clocks) -> Receipt:
    """Close the account, by which all of the person's sessions end for good, or open it.

    While it is closed no session of theirs begins: a login that is under way finds that out under
    the lock. It is recorded, also if there was no session. Whose account is closed, or open,
    already, stays so, and nothing changes; a deleted one stays closed.
    """
    user_id = scope.user_id
    if user_id is None or not lock_people(work, [user_id]):
        return Receipt(change, takes_effect=False)
    moment = now()
    closes = change.action is Action.DISABLE
    is_closed = User.disabled_at.is_not(None)
    statement = (
        sa.update(User)
        .where(User.id == user_id, User.deleted_at.is_(None), ~is_closed if closes else is_closed)
        .values(disabled_at=moment if closes else None)
    )
    if not rows_changed(work, statement):
        return Receipt(change, takes_effect=False)
    ended = _end_all(work, user_id, moment, clocks) if closes else 0
    return _recorded(work, change, user_id, moment, ended)


def delete_account(work: UnitOfWork, change: Change, scope: OnePerson, clocks: Clocks) -> Receipt:
    """Delete the account: what a login needs of it, so that none succeeds; and all sessions end.

    The name, and the real name, stay for what is recorded of the person. It is recorded. Whose
    account is deleted already, stays so, and nothing changes.
    """
    user_id = scope.user_id
    if user_id is None or not lock_people(work, [user_id]):
        return Receipt(change, takes_effect=False)
    moment = now()
    statement = (
        sa.update(User)
        .where(User.id == user_id, User.deleted_at.is_(None))
        .values(
            deleted_at=moment,
            disabled_at=sa.func.coalesce(User.disabled_at, sa.literal(moment, UTCDateTime())),
            password_hash=None,
            email="",
        )
    )
    if not rows_changed(work, statement):
        return Receipt(change, takes_effect=False)
    return _recorded(work, change, user_id, moment, _end_all(work, user_id, moment, clocks))


def _recorded(
    work: UnitOfWork, change: Change, user_id: int, moment: datetime, ended: int
) -> Receipt:
    """Record the change, also if no session has ended by it."""
    entry = Entry(user_id, None, ended, stands_alone=True)
    number = record(work, change, change.action, moment, [entry])
    return Receipt(change, changed=ended, number=number)


def _end_all(work: UnitOfWork, user_id: int, moment: datetime, clocks: Clocks) -> int:
    """End all sessions of a person who is locked; return how many were not over yet."""
    ended = move(work, clocks, Event.DISABLED, moment, UserSession.user_id == user_id)
    stop_waiting(work, [user_id])
    return len(ended)
