"""Changes of several sessions at once: those that somebody picked, or that a filter means."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from itertools import groupby

import sqlalchemy as sa

from timApp.database.patience import longer_patience
from timApp.database.work import UnitOfWork
from timApp.guard.changes.change import Change, Matching, Picked, Receipt
from timApp.guard.changes.copied import end_twins
from timApp.guard.changes.hold import SESSION_KEY_OF_HOLD, note_ends, settle, settle_logins
from timApp.guard.changes.lock import lock_people
from timApp.guard.changes.move import move
from timApp.guard.changes.order import place_changes
from timApp.guard.changes.record import Entry, record
from timApp.guard.reading.sessions import LATEST_FIRST
from timApp.guard.rules.clocks import Clocks
from timApp.guard.rules.lifetime import FOR_THE_OTHERS, Event
from timApp.guard.rules.verification import (
    FoundSession,
    LeftOut,
    Overtaken,
    require_some,
    sort_out,
)
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.state import state_of
from timApp.guard.vocabulary import Action, SessionKey, State
from timApp.guard.waiting.codes import stop_waiting
from timApp.user.user import User
from timApp.util.clock import now
from timApp.util.errors import NotFound
from timApp.util.text import storable
from timApp.util.turns import turn_given

#: So many are changed by one round of statements: databases take no longer lists of parameters.
_BATCH = 1000
_key = sa.tuple_(UserSession.user_id, UserSession.session_id)


def change_several(
    work: UnitOfWork, change: Change, scope: Picked | Matching, clocks: Clocks
) -> Receipt:
    """Verify, invalidate or end the sessions; those that cannot be are left out (`sort_out`).

    `BadInput`, `NotFound` or `Conflict` if none is left (`require_some`); of a filter `NotFound` if
    it means none, and `Overtaken` if it means more than whoever asks has seen.
    """
    if isinstance(scope, Matching):
        return _change(work, change, _matching_under_lock(work, scope), clocks)
    chosen = {(user_id, storable(one)) for user_id, one in scope.sessions}
    lock_people(work, {user_id for user_id, _ in chosen})
    return _change(work, change, chosen, clocks)


def _matching_under_lock(work: UnitOfWork, scope: Matching) -> set[SessionKey]:
    with longer_patience(), turn_given():  # all sessions may have to be looked at
        before = _meant(work, scope)
    owners = lock_people(work, {user_id for user_id, _ in before})
    # As they are under the lock. Those of others were not meant a moment ago.
    chosen = _meant(work, scope, UserSession.user_id.in_(owners))
    if not chosen:
        raise NotFound("There is no such session any more. Nothing was changed.")
    return chosen


def _meant(work: UnitOfWork, scope: Matching, *which: sa.ColumnElement[bool]) -> set[SessionKey]:
    query = sa.select(UserSession.user_id, UserSession.session_id).where(
        *scope.which.conditions(), *which
    )
    found = work.session.execute(query.limit(scope.at_most + 1)).all()
    if len(found) > scope.at_most:
        raise Overtaken(
            "Nothing was changed, as more sessions are meant by now than you have been told. Look"
            " again, then decide."
        )
    return {(user_id, session_id) for user_id, session_id in found}


def _change(
    work: UnitOfWork, change: Change, wanted: Collection[SessionKey], clocks: Clocks
) -> Receipt:
    """Change the sessions of people who are locked."""
    do = _end_batch if change.action is Action.END else _change_batch
    left_out: list[LeftOut] = []
    receipts: list[Receipt] = []
    picked = 0
    for batch in _batches(wanted, of_people=change.action is Action.VERIFY):
        found = _all_found(work, batch, clocks)
        chosen, others = sort_out(change.action, batch, found)
        left_out += others
        picked += len(chosen)
        if chosen:
            changeable = [one for one in found if (one.user_id, one.session_id) in chosen]
            receipts.append(do(work, change, chosen, changeable, clocks))
    require_some(picked, left_out)
    return Receipt(
        change,
        receipts[-1].stamp,
        changed=sum(one.changed for one in receipts),
        activated=sum(one.activated or 0 for one in receipts),
        picked=picked,
        left_out=left_out,
    )


def _batches(keys: Iterable[SessionKey], *, of_people: bool) -> Iterator[set[SessionKey]]:
    """Yield the keys some at a time; with `of_people` all those of a person at once."""
    batch: set[SessionKey] = set()
    for _, some in groupby(sorted(keys), lambda key: key[0] if of_people else key):
        more = set(some)
        if batch and len(batch) + len(more) > _BATCH:
            yield batch
            batch = set()
        batch |= more
    if batch:
        yield batch


def _change_batch(
    work: UnitOfWork,
    change: Change,
    chosen: set[SessionKey],
    found: list[FoundSession],
    clocks: Clocks,
) -> Receipt:
    """Verify or invalidate these sessions."""
    owners = sorted({user_id for user_id, _ in chosen})
    stamp = place_changes(work, change.action, chosen)
    moment = now()
    counts: Counter[SessionKey] = Counter()
    activated = 0
    if change.action is Action.VERIFY:
        is_other = sa.and_(UserSession.user_id.in_(owners), _key.not_in(chosen))
        others = move(work, clocks, FOR_THE_OTHERS[Event.VERIFIED], moment, is_other)
        verified = move(work, clocks, Event.VERIFIED, moment, _key.in_(chosen))
        ended = end_twins(work, clocks, moment, owners)
        settle(work, owners)
        stop_waiting(work, owners)
        activated = len(verified)
        of_owner = Counter(others + verified + ended)
        counts.update({key: of_owner[key[0]] for key in chosen})
    else:
        before = {(one.user_id, one.session_id) for one in found if one.state is State.ACTIVE}
        move(work, clocks, Event.INVALIDATED, moment, _key.in_(chosen))
        note_ends(work, moment, owners)
        counts.update(before)
    entries = [Entry(*key, counts[key]) for key in sorted(chosen)]
    record(work, change, change.action, moment, entries)
    return Receipt(change, stamp, changed=counts.total(), activated=activated)


def _end_batch(
    work: UnitOfWork,
    change: Change,
    chosen: set[SessionKey],
    found: list[FoundSession],
    clocks: Clocks,
) -> Receipt:
    """End these sessions for good."""
    moment = now()
    settle_logins(work, SESSION_KEY_OF_HOLD.in_(chosen))
    note_ends(work, moment, [one.user_id for one in found if one.state is State.ACTIVE])
    move(work, clocks, Event.ENDED, moment, _key.in_(chosen))
    ended = [one for one in found if one.state is not State.LOGGED_OUT]
    stop_waiting(work, {one.user_id for one in ended})
    entries = [Entry(one.user_id, one.session_id, 1) for one in ended]
    record(work, change, change.action, moment, entries)
    return Receipt(change, changed=len(ended))


def _all_found(work: UnitOfWork, keys: set[SessionKey], clocks: Clocks) -> list[FoundSession]:
    """Return those that there are, of each person the latest first."""
    query = (
        sa.select(UserSession, User.name)
        .join(User, User.id == UserSession.user_id)
        .where(_key.in_(keys))
        .order_by(UserSession.user_id, *LATEST_FIRST)
        .execution_options(populate_existing=True)
    )
    return [
        FoundSession(session.user_id, session.session_id, name, state_of(session, clocks))
        for session, name in work.session.execute(query)
    ]
