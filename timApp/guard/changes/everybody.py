"""Changes of everybody's sessions at once: a fixed number of statements however many there are."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects import postgresql

from timApp.database.patience import longer_patience
from timApp.database.work import UnitOfWork, rows_changed
from timApp.guard.changes.change import Change, Receipt
from timApp.guard.changes.copied import end_twins
from timApp.guard.changes.hold import note_ends_of_all, settle
from timApp.guard.changes.lock import lock_everybody
from timApp.guard.changes.move import moves
from timApp.guard.changes.order import place_change_of_everybody
from timApp.guard.changes.record import Entry, record
from timApp.guard.reading.sessions import LATEST_FIRST
from timApp.guard.rules.clocks import Clocks
from timApp.guard.rules.lifetime import FOR_THE_OTHERS, Event
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.state import columns_of, is_active, is_open
from timApp.guard.vocabulary import Action, State
from timApp.guard.waiting.codes import stop_waiting
from timApp.util.clock import now
from timApp.util.turns import turn_given

#: Memory in which PostgreSQL puts everybody's sessions in order: enough for a million in one go.
_SORT_MEMORY = "128MB"

#: How a change of everybody's sessions is recorded and ordered.
RECORDED_AS = {Action.VERIFY: Action.VERIFY_ALL, Action.INVALIDATE: Action.INVALIDATE_ALL}


@dataclass(frozen=True)
class Effect:
    """How many sessions become active and expire by a change, and how many people have them."""

    activated: int
    expired: int
    people: int


def change_everybody(work: UnitOfWork, change: Change, clocks: Clocks) -> Receipt:
    """Make each person's latest session active and expire the others, or expire all.

    The latest is that by ``(logged_in_at, session_id)`` that is not logged out. Sessions that are
    as they should be are not written, so a second run changes and records nothing.
    """
    moment = now()
    lock_everybody(work)
    action = RECORDED_AS[change.action]
    stamp = place_change_of_everybody(work, action)
    if change.action is Action.VERIFY:
        changed = _put_in_place(work, clocks, moment)
        changed += len(end_twins(work, clocks, moment))
        settle(work)
        stop_waiting(work)
    else:
        note_ends_of_all(work, moment, is_active(clocks))
        changed = sum(
            _update(work, which, **values)
            for values, which in moves(clocks, Event.INVALIDATED, moment)
        )
    work.session.expire_all()
    record(work, change, action, moment, [Entry(None, None, changed)])
    return Receipt(change, stamp, changed=changed, activated=None)


def effect_on_everybody(work: UnitOfWork, action: Action, clocks: Clocks) -> Effect:
    """Return what a change of everybody's sessions would come to now; nothing changes."""
    which = _is_out_of_place(work, clocks) if action is Action.VERIFY else is_active(clocks)
    total, expired, people = work.session.execute(
        sa.select(
            sa.func.count(),
            sa.func.count().filter(is_active(clocks)),
            sa.func.count(UserSession.user_id.distinct()),
        ).where(which)
    ).one()
    return Effect(activated=total - expired, expired=expired, people=people)


def _put_in_place(work: UnitOfWork, clocks: Clocks, moment: datetime) -> int:
    """Verify each person's latest session; return how many sessions changed.

    One statement for what the table of `timApp.guard.rules.lifetime` says of the latest and of the
    others: each session that is out of place takes the other of the two states.
    """
    expired = columns_of(State.EXPIRED, FOR_THE_OTHERS[Event.VERIFIED], moment)
    active = columns_of(State.ACTIVE, Event.VERIFIED, moment)
    is_now_active = is_active(clocks)
    other_state = {
        name: sa.case((is_now_active, _value(name, expired)), else_=_value(name, active))
        for name in expired.keys() | active.keys()
    }
    return _update(work, _is_out_of_place(work, clocks), **other_state)


def _value(name: str, values: Mapping[str, Any]) -> sa.ColumnElement[Any]:
    """Return the value that a column of the sessions is given, or keeps."""
    column = UserSession.__table__.c[name]
    return sa.literal(values[name], column.type) if name in values else column


def _is_out_of_place(work: UnitOfWork, clocks: Clocks) -> sa.ColumnElement[bool]:
    """Return whether a session's state is not that which a verification of all gives it.

    That is a session that is active though it is not its user's latest, or the other way round; a
    session that is logged out is expired, and stays so. Each database has the form that it answers
    fastest.
    """
    if work.engine.dialect.name == "postgresql":
        work.session.execute(sa.text(f"SET LOCAL work_mem = '{_SORT_MEMORY}'"))
        latest = (
            sa.select(UserSession.user_id, UserSession.session_id)
            .where(is_open())
            .ext(postgresql.distinct_on(UserSession.user_id))
            .order_by(UserSession.user_id, *LATEST_FIRST)
            .subquery("latest")
        )
        is_latest = UserSession.session_id == latest.c.session_id
        is_misplaced = is_latest == sa.not_(is_active(clocks))
        return sa.and_(UserSession.user_id == latest.c.user_id, is_open(), is_misplaced)
    newer = orm.aliased(UserSession)
    has_newer = sa.exists().where(
        newer.user_id == UserSession.user_id,
        is_open(newer),
        sa.tuple_(newer.logged_in_at, newer.session_id)
        > sa.tuple_(UserSession.logged_in_at, UserSession.session_id),
    )
    return sa.and_(is_open(), is_active(clocks) == has_newer)


def _update(work: UnitOfWork, which: sa.ColumnElement[bool], **values: object) -> int:
    statement = sa.update(UserSession).where(which).values(values)
    # SQLite copies each page before such a statement changes it, so that a failure halfway would
    # undo this statement alone; nothing here goes on after a failure. Source: SQLite's "Temporary
    # Files Used By SQLite", section 2.5, Statement Journal Files.
    statement = statement.prefix_with("OR ROLLBACK", dialect="sqlite")
    with longer_patience(), turn_given():  # it may take many seconds
        return rows_changed(work, statement, synchronize_session=False)
