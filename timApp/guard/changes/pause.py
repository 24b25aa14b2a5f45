"""Pauses a person who leaves the room: nobody goes on as them until somebody verifies."""

from timApp.database.work import UnitOfWork
from timApp.guard.changes.change import Change, OnePerson, Receipt
from timApp.guard.changes.end import find_session
from timApp.guard.changes.hold import is_paused, note_pause
from timApp.guard.changes.lock import lock_people
from timApp.guard.changes.move import move
from timApp.guard.changes.order import place_change
from timApp.guard.changes.record import Entry, record
from timApp.guard.rules.clocks import Clocks
from timApp.guard.rules.lifetime import Event
from timApp.guard.rules.verification import require_changeable
from timApp.guard.tables.session import UserSession
from timApp.guard.vocabulary import Action
from timApp.util.clock import now
from timApp.util.text import storable


def pause(work: UnitOfWork, change: Change, scope: OnePerson, clocks: Clocks) -> Receipt:
    """Let all active sessions of the person expire, and hold their logins whatever the policy says.

    A person without sessions is held, too. Whoever is paused already stays so, and nothing changes.
    A session that is named is the one that somebody looked at, for the record. Among the changes
    that hosts order it counts as an invalidation of all: an older one that comes late is void.
    """
    user_id = scope.user_id
    named = storable(scope.session_id) if scope.session_id is not None else None
    if user_id is None or not lock_people(work, [user_id]):
        return Receipt(change, session_id=named, takes_effect=False)
    if scope.must_be_here and named is not None:
        found = find_session(work, user_id, named, scope.name, clocks)
        require_changeable(change.action, scope.name, named, found)
    moment = now()
    was_paused = is_paused(work, moment, user_id)
    changed = len(move(work, clocks, Event.PAUSED, moment, UserSession.user_id == user_id))
    if was_paused and not changed:
        return Receipt(change, session_id=named, takes_effect=False)
    place_change(work, user_id, Action.INVALIDATE, None, None)
    note_pause(work, moment, user_id)
    entry = Entry(user_id, named, changed, stands_alone=True)
    number = record(work, change, change.action, moment, [entry])
    return Receipt(change, session_id=named, changed=changed, number=number)
