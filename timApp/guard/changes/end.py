"""Ends sessions for good: by a logout, by a new password, or by a supervisor."""

from collections.abc import Sequence

import sqlalchemy as sa

from timApp.database.work import UnitOfWork
from timApp.guard.changes.change import AllButOne, Change, OnePerson, Receipt
from timApp.guard.changes.hold import note_ends, settle_logins
from timApp.guard.changes.lock import lock_people
from timApp.guard.changes.move import move
from timApp.guard.changes.record import Entry, record
from timApp.guard.rules.clocks import Clocks
from timApp.guard.rules.lifetime import Event
from timApp.guard.rules.verification import FoundSession, require_changeable
from timApp.guard.tables.hold import SessionHold
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.state import is_active, state_of
from timApp.guard.vocabulary import SESSION_ID_MAX_LENGTH, Action
from timApp.guard.waiting.codes import stop_waiting
from timApp.util.clock import now
from timApp.util.text import fits, storable

_EVENTS = {
    Action.LOGOUT: Event.LOGGED_OUT,
    Action.END: Event.ENDED,
    Action.NEW_CREDENTIALS: Event.NEW_CREDENTIALS,
}


def end_one(work: UnitOfWork, change: Change, scope: OnePerson, clocks: Clocks) -> Receipt:
    """Log the person's named session out, or all of them; or end them, as a supervisor does.

    A logout settles nothing. An end settles the blocked logins that it ends, also those whose
    session is logged out by now, and holds like an invalidation where one was active.
    """
    user_id = scope.user_id
    named = storable(scope.session_id) if scope.session_id is not None else None
    if user_id is None or not lock_people(work, [user_id]):
        return Receipt(change, session_id=named)
    if scope.must_be_here and named is not None:
        found = find_session(work, user_id, named, scope.name, clocks)
        require_changeable(change.action, scope.name, named, found)
    is_meant = sa.true() if named is None else UserSession.session_id == named
    which = (UserSession.user_id == user_id, is_meant)
    if change.action is Action.END:
        is_named = sa.true() if named is None else SessionHold.session_id == named
        settle_logins(work, SessionHold.user_id == user_id, is_named)
        if work.session.scalar(sa.select(sa.exists().where(*which, is_active(clocks)))):
            note_ends(work, now(), [user_id])
    return _end(work, change, user_id, named, which, clocks)


def end_all_but_one(work: UnitOfWork, change: Change, scope: AllButOne, clocks: Clocks) -> Receipt:
    """End all of the person's sessions but one, by a logout or as they get a new password.

    The latter is recorded, whatever sessions there are; the password itself is not written here.
    """
    lock_people(work, [scope.user_id])
    is_meant = UserSession.session_id != storable(scope.kept or "")
    which = (UserSession.user_id == scope.user_id, is_meant)
    return _end(work, change, scope.user_id, None, which, clocks)


def find_session(
    work: UnitOfWork, user_id: int, session_id: str, name: str, clocks: Clocks
) -> FoundSession | None:
    """Return the session of the person of that name, as it is now, or None."""
    if not fits(session_id, SESSION_ID_MAX_LENGTH):
        return None
    session = work.session.scalar(
        sa.select(UserSession)
        .where(UserSession.user_id == user_id, UserSession.session_id == session_id)
        .execution_options(populate_existing=True)
    )
    if session is None:
        return None
    return FoundSession(user_id, session_id, name, state_of(session, clocks))


def _end(  # noqa: PLR0917 - of one change
    work: UnitOfWork,
    change: Change,
    user_id: int,
    named: str | None,
    which: Sequence[sa.ColumnElement[bool]],
    clocks: Clocks,
) -> Receipt:
    moment = now()
    ended = len(move(work, clocks, _EVENTS[change.action], moment, *which))
    stop_waiting(work, [user_id])
    entry = Entry(user_id, named, ended, stands_alone=change.action is Action.NEW_CREDENTIALS)
    number = record(work, change, change.action, moment, [entry])
    return Receipt(change, session_id=named, changed=ended, number=number)
