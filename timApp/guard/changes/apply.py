"""The one operation that changes sessions: lock, look, decide, write, record."""

import sqlalchemy as sa

from timApp.database.work import UnitOfWork
from timApp.guard.changes.account import change_account, delete_account
from timApp.guard.changes.change import (
    AllButOne,
    Change,
    Everybody,
    Matching,
    OnePerson,
    Picked,
    Receipt,
)
from timApp.guard.changes.copied import end_twins
from timApp.guard.changes.end import end_all_but_one, end_one, find_session
from timApp.guard.changes.everybody import change_everybody
from timApp.guard.changes.hold import note_ends, settle
from timApp.guard.changes.lock import lock_people
from timApp.guard.changes.move import move
from timApp.guard.changes.order import next_stamp_of, place_change
from timApp.guard.changes.pause import pause
from timApp.guard.changes.picked import change_several
from timApp.guard.changes.record import Entry, record
from timApp.guard.changes.undo import keep, look_before
from timApp.guard.reading.decision import last_decision
from timApp.guard.reading.sessions import latest_session_id
from timApp.guard.rules.clocks import Clocks
from timApp.guard.rules.lifetime import FOR_THE_OTHERS, Event
from timApp.guard.rules.verification import Overtaken, require_changeable
from timApp.guard.tables.session import UserSession
from timApp.guard.vocabulary import Action
from timApp.guard.waiting.codes import stop_waiting
from timApp.util.clock import now
from timApp.util.errors import BadInput
from timApp.util.text import quoted, storable

_EVENTS = {
    Action.VERIFY: Event.VERIFIED,
    Action.INVALIDATE: Event.INVALIDATED,
}
#: What is done to one person's sessions, as no other host is told of it.
_TO_ONE_PERSON = {
    Action.LOGOUT: end_one,
    Action.END: end_one,
    Action.PAUSE: pause,
    Action.DISABLE: change_account,
    Action.ENABLE: change_account,
    Action.DELETE: delete_account,
}
_OF_SEVERAL = frozenset({Action.VERIFY, Action.INVALIDATE, Action.END})


def apply(work: UnitOfWork, change: Change, clocks: Clocks) -> Receipt:
    """Make the change in the work's transaction, and return what it came to.

    Whatever is looked up is looked up after the lock, so the receipt says what is true when the
    change is committed. A change that was asked for as it cannot be made is refused, and nothing is
    changed: see `timApp.guard.rules.verification`; of several sessions those that cannot be changed
    are left out. Repeating a change changes nothing. A change of
    another host (one with a stamp) does nothing if it has arrived before, or if a later one has
    overwritten it; nor does the session become active that a later change has invalidated.
    `Overtaken` if somebody has decided about the person since whoever asks has looked, where they
    say what they have seen, and `BadInput` (field ``seen``) for the number of a decision that there
    is not. `ValueError` for an action that the scope does not have.
    """
    if change.seen is not None and isinstance(change.scope, OnePerson):
        _require_seen(work, change.scope, change.seen)
    scope = change.scope
    if not change.can_be_undone or not isinstance(scope, OnePerson) or scope.user_id is None:
        return _apply(work, change, clocks)
    lock_people(work, [scope.user_id])
    former = look_before(work, scope.user_id)
    receipt = _apply(work, change, clocks)
    if receipt.number is not None:
        keep(work, receipt.number, scope.user_id, former)
    return receipt


def _apply(work: UnitOfWork, change: Change, clocks: Clocks) -> Receipt:
    match change.scope:
        case OnePerson() if change.action in _TO_ONE_PERSON:
            return _TO_ONE_PERSON[change.action](work, change, change.scope, clocks)
        case AllButOne() if change.action in {Action.LOGOUT, Action.NEW_CREDENTIALS}:
            return end_all_but_one(work, change, change.scope, clocks)
        case OnePerson() if change.action in {Action.VERIFY, Action.INVALIDATE}:
            return _change_one(work, change, change.scope, clocks)
        case Picked() | Matching() if change.action in _OF_SEVERAL:
            return change_several(work, change, change.scope, clocks)
        case Everybody() if change.action in {Action.VERIFY, Action.INVALIDATE}:
            return change_everybody(work, change, clocks)
    msg = f"{change.action.value} cannot be done to {type(change.scope).__name__}."
    raise ValueError(msg)


def _require_seen(work: UnitOfWork, scope: OnePerson, seen: int) -> None:
    user_id = scope.user_id
    if user_id is None or not lock_people(work, [user_id]):
        return
    last = last_decision(work, user_id)
    if last is not None and last.number > seen:
        raise Overtaken(
            "Nothing was changed, as %(actor)s has decided about %(name)s since you looked. Look"
            " again, then decide.",
            actor=quoted(last.actor),
            name=quoted(scope.name),
        )
    if seen > (0 if last is None else last.number):
        raise BadInput(
            "Nothing was changed: there is no decision %(number)s about %(name)s.",
            field="seen",
            number=str(seen),
            name=quoted(scope.name),
        )


def _change_one(work: UnitOfWork, change: Change, scope: OnePerson, clocks: Clocks) -> Receipt:
    named = storable(scope.session_id) if scope.session_id is not None else None
    user_id = scope.user_id
    if user_id is None or not lock_people(work, [user_id]):
        stamp = change.stamp or next_stamp_of(work, None)
        return Receipt(change, stamp, session_id=named, takes_effect=False)
    chosen = named
    if chosen is None and change.action is Action.VERIFY:
        chosen = latest_session_id(work, user_id)
    if scope.must_be_here:
        found = None if chosen is None else find_session(work, user_id, chosen, scope.name, clocks)
        require_changeable(change.action, scope.name, named, found)
    placement = place_change(work, user_id, change.action, chosen, change.stamp)
    receipt = Receipt(
        change, placement.stamp, session_id=chosen, takes_effect=placement.takes_effect
    )
    # With nothing to verify, whatever sessions there are, they are logged out.
    has_nothing = chosen is None and change.action is Action.VERIFY
    if not placement.takes_effect or has_nothing:
        return receipt
    event, moment = _EVENTS[change.action], now()
    is_owned = UserSession.user_id == user_id
    is_chosen = sa.true() if chosen is None else UserSession.session_id == chosen
    changed = 0
    if event in FOR_THE_OTHERS:
        others = move(work, clocks, FOR_THE_OTHERS[event], moment, is_owned, ~is_chosen)
        changed += len(others)
        settle(work, [user_id])
    activated = 0
    if event is not Event.VERIFIED:
        changed += len(move(work, clocks, event, moment, is_owned, is_chosen))
        note_ends(work, moment, [user_id])
    elif placement.may_activate:
        activated = len(move(work, clocks, event, moment, is_owned, is_chosen))
        changed += activated + len(end_twins(work, clocks, moment, [user_id]))
        stop_waiting(work, [user_id])
    entry = Entry(user_id, chosen, changed)
    number = record(work, change, change.action, moment, [entry])
    return Receipt(change, placement.stamp, chosen, changed, activated, number)
