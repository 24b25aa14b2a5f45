"""How sessions begin: counting the active ones, adding and recording, as one step a person.

Sessions that begin at the same time are written together (`timApp.database.driver.groupcommit`),
by the same statements on both databases. Whether one may be active is decided by
`timApp.guard.rules.admission`, between what is read under the lock and what is written.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from timApp.database.dialects.types import UTCDateTime
from timApp.database.driver.batch import BatchStatement, sent_together
from timApp.database.driver.connections import use_driver
from timApp.database.driver.groupcommit import PASSED_OVER, GroupCommit, PassedOver
from timApp.database.driver.statement import sqlalchemys_error
from timApp.database.engine import begin_write
from timApp.database.work import UnitOfWork
from timApp.guard.reading.sessions import LATEST_FIRST
from timApp.guard.rules.admission import admitted
from timApp.guard.tables.change import SessionChange
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.state import is_active
from timApp.guard.vocabulary import (
    ORIGIN_MAX_LENGTH,
    SESSION_ID_MAX_LENGTH,
    Action,
    Actor,
    State,
)
from timApp.user.user import User
from timApp.util.errors import BadInput
from timApp.util.stamp import moment_since
from timApp.util.text import fits, quoted, storable

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Beginning:
    """A session that is to begin."""

    user_id: int
    user_name: str
    session_id: str
    #: Where it comes from; cut off after `ORIGIN_MAX_LENGTH` characters.
    origin: str
    #: How many active sessions the person may have; None means any number.
    limit: int | None
    actor: Actor


def begin_session(work: UnitOfWork, beginning: Beginning) -> State:
    """Add a session; return whether it is active, or expired from birth: over the limit.

    It is part of the work's transaction if that is in one; otherwise it is a transaction of its
    own, which locks the person for as short as can be. `BadInput` (field ``session_id``) for an
    empty or overlong id, and for one that the person has had before.
    """
    if not fits(beginning.session_id, SESSION_ID_MAX_LENGTH):
        msg = f"A session id has 1 to {SESSION_ID_MAX_LENGTH} characters, none of them NUL."
        raise BadInput(msg, field="session_id")
    if work.is_in_transaction():
        work.session.flush()  # what was done before stands before it in the record, too
        connection = work.session.connection()
        begin_write(connection)
        driver = connection.connection.driver_connection
        state = _guarded(work.engine, partial(_continue, work.engine, driver, beginning))
        work.session.expire_all()
    else:
        state = _together.write(work.engine, beginning)
    if state is None:
        raise BadInput(
            "%(name)s has had a session %(session)s before; ids are not used again.",
            field="session_id",
            name=quoted(beginning.user_name),
            session=quoted(beginning.session_id),
        )
    return state


def _transact(
    engine: sa.Engine, beginnings: Sequence[Beginning]
) -> Sequence[State | PassedOver | None]:
    """Let the sessions begin in one transaction; pass over people whom others have locked."""
    return _in_transaction(engine, beginnings, _lock_free)


def _transact_one(engine: sa.Engine, beginning: Beginning) -> State | None:
    """Let a session begin in a transaction of its own, after whoever has locked the person."""
    (state,) = _in_transaction(engine, [beginning], _lock)
    return _known(state)


def _in_transaction(
    engine: sa.Engine, beginnings: Sequence[Beginning], lock: BatchStatement
) -> Sequence[State | PassedOver | None]:
    """Let the sessions begin in one transaction, over a connection that is kept."""

    def work(driver: Any) -> Sequence[State | PassedOver | None]:
        # In words, and not the driver's own transaction, which would wait for an answer to each of
        # its steps. After an error the connection is given up.
        with sent_together(engine, driver):
            driver.execute(_BEGIN[engine.dialect.name])
            states = _begin(engine, driver, beginnings, lock)
            driver.execute("COMMIT")
        return states

    return _guarded(engine, partial(use_driver, engine, work))


_BEGIN = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "BEGIN"}
_together = GroupCommit(_transact, _transact_one)


def _continue(engine: sa.Engine, driver: Any, beginning: Beginning) -> State | None:
    """Let the session begin in the transaction that the connection is in."""
    with sent_together(engine, driver):
        (state,) = _begin(engine, driver, [beginning], _lock)
    return _known(state)


def _known(state: State | PassedOver | None) -> State | None:
    assert not isinstance(state, PassedOver)  # noqa: S101 - `_lock` waits for everybody
    return state


def _begin(
    engine: sa.Engine, driver: Any, beginnings: Sequence[Beginning], lock: BatchStatement
) -> Sequence[State | PassedOver | None]:
    """Let the sessions begin; return the state of each, or None for an id that was used before.

    `PASSED_OVER` stands for those whom `_lock_free` leaves out. The people are locked in the
    order of their numbers, in which everybody locks them, so never in a ring. What is read
    afterwards are statements of their own, which see what was committed before the lock was given.
    On SQLite the driver's connection is the writer by now.

    A session is not dated before another of the same person that has begun, though a clock was set
    back meanwhile, or another server's is ahead: the latest is always the one that began last.
    """
    latest: dict[int, datetime] = {}
    most = dict.fromkeys((one.user_id for one in beginnings), 0)
    for one in beginnings:
        most[one.user_id] = max(most[one.user_id], one.limit or 0)
    passed_over: set[int] = set()
    locked: Callable[[], Any] | None = None
    if engine.dialect.name != "sqlite":
        locked = lock.started(engine, driver, {"people": list(most)})
        passed_over = set(most) if lock is _lock_free else set()
    # Each person's sessions are counted once: with the first of those that begin.
    found = _look.first_rows(
        engine,
        driver,
        [
            {
                "person": one.user_id,
                "new_session": one.session_id,
                "most": most.pop(one.user_id, 0),
            }
            for one in beginnings
        ],
    )
    active: Counter[int] = Counter()
    begun: set[tuple[int, str]] = set()
    if locked is not None:
        passed_over -= set(locked()[0] or ())
    states: list[State | PassedOver | None] = []
    sessions, changes = [], []
    for one, (counted, was_used, last_began) in zip(beginnings, found, strict=True):
        if one.user_id in passed_over:
            states.append(PASSED_OVER)
            continue
        active[one.user_id] += counted
        key = one.user_id, one.session_id
        if was_used or key in begun:
            states.append(None)
            continue
        known = latest.get(one.user_id) or _moments.process_result_value(last_began, engine.dialect)
        moment = latest[one.user_id] = moment_since(known)
        state = admitted(active[one.user_id], one.limit)
        active[one.user_id] += state is State.ACTIVE
        begun.add(key)
        states.append(state)
        sessions.append(_session_of(one, state, moment))
        changes.append(_change_of(one, state, moment))
    if sessions:
        _add_session.execute(engine, driver, sessions)
        _add_change.execute(engine, driver, changes)
    return states


def _guarded(engine: sa.Engine, work: Callable[[], _Result]) -> _Result:
    """Return what the work returns; errors of the driver become those of SQLAlchemy."""
    try:
        return work()
    except engine.dialect.loaded_dbapi.Error as error:
        raise sqlalchemys_error(error, "begin sessions", engine.dialect) from error


def _locking(*, skip_locked: bool) -> BatchStatement:
    """Return what locks people, and says in one row who they are."""
    # With the names of its parameters, none of which is a column's. Sorted before they are locked.
    people = sa.bindparam("people", type_=postgresql.ARRAY(sa.Integer()))
    locked = (
        sa.select(User.id)
        .where(User.id == sa.any_(people))
        .order_by(User.id)
        .with_for_update(key_share=True, skip_locked=skip_locked)
        .subquery("locked")
    )
    return BatchStatement(sa.select(sa.func.array_agg(locked.c.id)))


_lock = _locking(skip_locked=False)
_lock_free = _locking(skip_locked=True)
# No more active ones are looked for than are allowed; newest first, where they are found soonest.
_active = (
    sa.select(sa.literal_column("1"))
    .select_from(UserSession)
    .where(UserSession.user_id == sa.bindparam("person"), is_active())
    .order_by(*LATEST_FIRST)
    .limit(sa.bindparam("most", type_=sa.Integer()))
    .subquery("active")
)
_look = BatchStatement(
    sa.select(
        sa.select(sa.func.count()).select_from(_active).scalar_subquery(),
        sa.exists().where(
            UserSession.user_id == sa.bindparam("person"),
            UserSession.session_id == sa.bindparam("new_session"),
        ),
        # As the driver gives it, see `_moments`. From the end of an index, and not a maximum.
        sa.select(UserSession.logged_in_at)
        .where(UserSession.user_id == sa.bindparam("person"))
        .order_by(*LATEST_FIRST)
        .limit(1)
        .scalar_subquery(),
    )
)
_moments = UTCDateTime()
_add_session = BatchStatement(
    sa.insert(UserSession).values(
        user_id=sa.bindparam("person"),
        session_id=sa.bindparam("new_session"),
        logged_in_at=sa.bindparam("moment", type_=UTCDateTime()),
        expired_at=sa.bindparam("ended", type_=UTCDateTime()),
        origin=sa.bindparam("came_from"),
    )
)
_add_change = BatchStatement(
    sa.insert(SessionChange)
    .values(
        at=sa.bindparam("moment", type_=UTCDateTime()),
        actor_kind=sa.bindparam("by_kind", type_=SessionChange.actor_kind.type),
        actor=sa.bindparam("by_name"),
        address=sa.bindparam("by_address"),
        action=sa.bindparam("what", type_=SessionChange.action.type),
        user_id=sa.bindparam("person"),
        session_id=sa.bindparam("new_session"),
        session_count=1,
    )
    .inline()  # nobody asks for the number of the entry
)


def _session_of(one: Beginning, state: State, moment: datetime) -> dict[str, object]:
    return {
        "person": one.user_id,
        "new_session": one.session_id,
        "moment": moment,
        "ended": None if state is State.ACTIVE else moment,
        "came_from": storable(one.origin)[:ORIGIN_MAX_LENGTH],
    }


def _change_of(one: Beginning, state: State, moment: datetime) -> dict[str, object]:
    return {
        "moment": moment,
        "by_kind": one.actor.kind,
        "by_name": storable(one.actor.name),
        "by_address": one.actor.address and storable(one.actor.address),
        "what": Action.LOGIN if state is State.ACTIVE else Action.BLOCKED_LOGIN,
        "person": one.user_id,
        "new_session": one.session_id,
    }
