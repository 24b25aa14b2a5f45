"""How sessions begin: counting the active ones, adding and recording, as one step a person.

Sessions that begin at the same time are written together (`timApp.database.driver.groupcommit`),
by the same statements on both databases. Whether one may be active is decided by
`timApp.guard.rules.admission`, between what is read under the lock and what is written.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import sqlalchemy as sa

from timApp.database.driver.batch import BatchStatement, sent_together
from timApp.database.driver.connections import use_driver
from timApp.database.driver.groupcommit import PASSED_OVER, GroupCommit, PassedOver
from timApp.database.driver.statement import sqlalchemys_error
from timApp.database.engine import begin_write
from timApp.database.work import UnitOfWork
from timApp.guard.changes.beginning import (
    ADD_CHANGE,
    ADD_SESSION,
    BEGAN,
    LOCK,
    LOCK_FREE,
    LOOK,
    MOMENTS,
    Beginning,
    change_of,
    session_of,
)
from timApp.guard.rules.admission import admitted
from timApp.guard.vocabulary import SESSION_ID_MAX_LENGTH, State
from timApp.util.errors import BadInput
from timApp.util.stamp import moment_since
from timApp.util.text import fits, quoted

__all__ = ["Beginning", "begin_session"]

_Result = TypeVar("_Result")


def begin_session(work: UnitOfWork, beginning: Beginning) -> State:
    """Add a session; return whether it is active, or expired from birth: over the limit.

    It is part of the work's transaction if that is in one; otherwise it is a transaction of its
    own, which locks the person for as short as can be. `BadInput` (field ``session_id``) for an
    empty or overlong id, and for one that the person has had before. Where the connection breaks at
    the commit, another look tells whether the session has begun.
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
        state = _together.write(work.engine, replace(beginning))  # the tries are this call's own
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
    return _in_transaction(engine, beginnings, LOCK_FREE)


def _transact_one(engine: sa.Engine, beginning: Beginning) -> State | None:
    """Let a session begin in a transaction of its own, after whoever has locked the person."""
    (state,) = _in_transaction(engine, [beginning], LOCK)
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
        (state,) = _begin(engine, driver, [replace(beginning)], LOCK)
    return _known(state)


def _known(state: State | PassedOver | None) -> State | None:
    assert not isinstance(state, PassedOver)  # noqa: S101 - `LOCK` waits for everybody
    return state


def _begin(
    engine: sa.Engine, driver: Any, beginnings: Sequence[Beginning], lock: BatchStatement
) -> Sequence[State | PassedOver | None]:
    """Let the sessions begin; return the state of each, or None for an id that was used before.

    `PASSED_OVER` stands for those whom `LOCK_FREE` leaves out. The people are locked in the
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
        passed_over = set(most) if lock is LOCK_FREE else set()
    # Each person's sessions are counted once: with the first of those that begin.
    found = LOOK.first_rows(
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
            states.append(_begun_before(engine, driver, one))
            continue
        known = latest.get(one.user_id) or MOMENTS.process_result_value(last_began, engine.dialect)
        moment = latest[one.user_id] = moment_since(known)
        state = admitted(active[one.user_id], one.limit)
        active[one.user_id] += state is State.ACTIVE
        one.tries.written = moment, state
        begun.add(key)
        states.append(state)
        sessions.append(session_of(one, state, moment))
        changes.append(change_of(one, state, moment))
    if sessions:
        ADD_SESSION.execute(engine, driver, sessions)
        ADD_CHANGE.execute(engine, driver, changes)
    return states


def _begun_before(engine: sa.Engine, driver: Any, one: Beginning) -> State | None:
    """Return the state of a session that an earlier try has committed; None for another's id."""
    if one.tries.written is None:
        return None
    asked = {"person": one.user_id, "used_session": one.session_id}
    (row,) = BEGAN.first_rows(engine, driver, [asked])
    began = MOMENTS.process_result_value(row and row[0], engine.dialect)
    return one.tries.written[1] if one.tries.have_written(began) else None


def _guarded(engine: sa.Engine, work: Callable[[], _Result]) -> _Result:
    """Return what the work returns; errors of the driver become those of SQLAlchemy."""
    try:
        return work()
    except engine.dialect.loaded_dbapi.Error as error:
        raise sqlalchemys_error(error, "begin sessions", engine.dialect) from error
