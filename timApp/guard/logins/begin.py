"""How sessions begin: counting the active ones, adding and recording, as one step a person.

Sessions that begin at the same time are written together (`timApp.database.driver.groupcommit`),
by the same statements on both databases. Whether one may be active is decided by
`timApp.guard.rules.admission`, between what is read under the lock and what is written.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
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
from timApp.guard.logins.beginning import (
    ADD_CHANGE,
    ADD_HOLD,
    ADD_SESSION,
    BEGAN,
    MOMENTS,
    NOTE_ATTEMPT,
    SETTLE,
    Beginning,
    change_of,
    number_again,
    session_of,
)
from timApp.guard.logins.giveway import continue_sessions, expire_others
from timApp.guard.logins.look import LOCK, LOCK_FREE, Found, look
from timApp.guard.logins.outcome import Refusal, Started, require_started
from timApp.guard.rules.admission import Admission, admit
from timApp.guard.rules.policy import DeviceRule, OverLimit
from timApp.guard.vocabulary import SESSION_ID_MAX_LENGTH, State
from timApp.util.errors import BadInput
from timApp.util.stamp import moment_since
from timApp.util.text import fits

__all__ = ["Beginning", "Started", "begin_session"]

_Result = TypeVar("_Result")


def begin_session(work: UnitOfWork, beginning: Beginning) -> Started:
    """Add a session; return whether it is active, or expired from birth.

    If the same browser has begun one a moment ago, and does not show it, its answer is lost or on
    the way: then that is the session, and none is added.

    It is part of the work's transaction if that is in one; otherwise it is a transaction of its
    own, which locks the person for as short as can be. `BadInput` (field ``session_id``) for an
    empty or overlong id, and for one that the person has had before; `AccountClosed` for somebody
    whose account is closed, and `PasswordChanged` for one who has another password by now. Where
    the connection breaks at the commit, another look tells whether the session has begun.
    """
    if not fits(beginning.session_id, SESSION_ID_MAX_LENGTH):
        msg = f"A session id has 1 to {SESSION_ID_MAX_LENGTH} characters, none of them NUL."
        raise BadInput(msg, field="session_id")
    if work.is_in_transaction():
        work.session.flush()  # what was done before stands before it in the record, too
        connection = work.session.connection()
        begin_write(connection)
        driver = connection.connection.driver_connection
        started = _guarded(work.engine, partial(_continue, work.engine, driver, beginning))
        work.session.expire_all()
    else:
        started = _together.write(work.engine, replace(beginning))  # the tries are this call's own
    return require_started(beginning, started)


def _transact(
    engine: sa.Engine, beginnings: Sequence[Beginning]
) -> Sequence[Started | PassedOver | Refusal]:
    """Let the sessions begin in one transaction; pass over people whom others have locked."""
    return _in_transaction(engine, beginnings, LOCK_FREE)


def _transact_one(engine: sa.Engine, beginning: Beginning) -> Started | Refusal:
    """Let a session begin in a transaction of its own, after whoever has locked the person."""
    (started,) = _in_transaction(engine, [beginning], LOCK)
    return _known(started)


def _in_transaction(
    engine: sa.Engine, beginnings: Sequence[Beginning], lock: BatchStatement
) -> Sequence[Started | PassedOver | Refusal]:
    """Let the sessions begin in one transaction, over a connection that is kept."""

    def work(driver: Any) -> Sequence[Started | PassedOver | Refusal]:
        # In words, and not the driver's own transaction, which would wait for an answer to each of
        # its steps. After an error the connection is given up.
        with sent_together(engine, driver):
            driver.execute(_BEGIN[engine.dialect.name])
            started = _begin(engine, driver, beginnings, lock)
            driver.execute("COMMIT")
        return started

    return _guarded(engine, partial(use_driver, engine, work))


_BEGIN = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "BEGIN"}
_together = GroupCommit(_transact, _transact_one)


def _continue(engine: sa.Engine, driver: Any, beginning: Beginning) -> Started | Refusal:
    """Let the session begin in the transaction that the connection is in."""
    with sent_together(engine, driver):
        (started,) = _begin(engine, driver, [replace(beginning)], LOCK)
    return _known(started)


def _known(started: Started | PassedOver | Refusal) -> Started | Refusal:
    assert not isinstance(started, PassedOver)  # noqa: S101 - `LOCK` waits for everybody
    return started


def _begin(
    engine: sa.Engine, driver: Any, beginnings: Sequence[Beginning], lock: BatchStatement
) -> Sequence[Started | PassedOver | Refusal]:
    """Let the sessions begin; return each, or why it does not begin.

    `PASSED_OVER` stands for those whom `LOCK_FREE` leaves out. The people are locked in the
    order of their numbers, in which everybody locks them, so never in a ring. What is read
    afterwards are statements of their own, which see what was committed before the lock was given.
    On SQLite the driver's connection is the writer by now.

    A session is not dated before another of the same person that has begun, though a clock was set
    back meanwhile, or another server's is ahead: the latest is always the one that began last.
    """
    latest: dict[int, datetime] = {}
    people = {one.user_id for one in beginnings}
    passed_over: set[int] = set()
    locked: Callable[[], Any] | None = None
    if engine.dialect.name != "sqlite":
        locked = lock.started(engine, driver, {"people": list(people)})
        passed_over = people if lock is LOCK_FREE else set()
    all_found = look(engine, driver, beginnings)
    if locked is not None:
        passed_over = passed_over - set(locked()[0] or ())
    active: Counter[int] = Counter()
    blocked: set[int] = set()
    begun: set[tuple[int, str]] = set()
    browsers: set[tuple[int, str | None]] = set()
    started: list[Started | PassedOver | Refusal] = []
    admitted: list[_Admitted] = []
    for one, found in zip(beginnings, all_found, strict=True):
        browser = one.user_id, one.device
        is_second = one.user_id in latest
        if one.user_id in passed_over or (
            is_second and (browser in browsers or not _changes_nobody(found))
        ):
            started.append(PASSED_OVER)
            continue
        active.setdefault(one.user_id, found.active)
        key = one.user_id, one.session_id
        if found.refusal is not None or found.was_used or key in begun:
            started.append(found.refusal or _begun_before(engine, driver, one))
            continue
        known = latest.get(one.user_id) or found.last_began
        moment = latest[one.user_id] = moment_since(known)
        situation = found.situation(one, active[one.user_id])
        if one.user_id in blocked:
            situation = replace(situation, was_blocked=True)
        admission = admit(situation, found.policy)
        state = admission.state
        repeated = found.repeated(one, state)
        if repeated is not None:
            started.append(Started(state, repeated, number_again(engine, driver, one, repeated)))
            continue
        active[one.user_id] += state is State.ACTIVE
        if state is not State.ACTIVE:
            blocked.add(one.user_id)
        one.tries.written = moment, state
        begun.add(key)
        if one.device is not None:
            browsers.add(browser)
        started.append(Started(state, one.session_id))
        admitted.append(_Admitted(one, found, admission, moment, situation.has_ends))
    _write(engine, driver, admitted)
    return started


@dataclass(frozen=True)
class _Admitted:
    """A session that begins, and what has to be written for it."""

    beginning: Beginning
    found: Found
    admission: Admission
    moment: datetime
    #: Whether ends or blocked logins of before are not settled.
    has_ends: bool


def _changes_nobody(found: Found) -> bool:
    """Tell whether a login lets no other session of the person give way to it, nor moves a binding.

    Then many of one person may begin in one transaction, each in a browser of its own: what was
    found of them before they began holds for all.
    """
    gives_no_way = found.policy.over_limit in {OverLimit.BLOCK_NEW, OverLimit.OBSERVE}
    return gives_no_way and found.policy.device is DeviceRule.ANY and not found.own


def _write(engine: sa.Engine, driver: Any, admitted: Sequence[_Admitted]) -> None:
    """Write sessions that begin, after what becomes of others by that; nothing for none."""

    def executed(statement: BatchStatement, rows: list[dict[str, object]]) -> None:
        if rows:
            statement.execute(engine, driver, rows)

    continued = [(one.beginning, one.moment) for one in admitted if one.found.own]
    if continued:
        continue_sessions(engine, driver, continued)
    displacing = [
        (one.beginning, one.admission, one.moment) for one in admitted if one.admission.others
    ]
    if displacing:
        expire_others(engine, driver, displacing)
    settled = [one for one in admitted if one.admission.settles and one.has_ends]
    executed(
        SETTLE,
        [
            {
                "person": one.beginning.user_id,
                "outside": one.found.exam is None,
                "of_exam": one.found.exam_id,
            }
            for one in settled
        ],
    )
    written = [
        (one, session_of(one.beginning, one.admission, one.moment, one.found.seating))
        for one in admitted
    ]
    executed(ADD_SESSION, [row for _, row in written])
    executed(ADD_CHANGE, [change_of(one.beginning, one.admission, one.moment) for one in admitted])
    blocked = [(one, row) for one, row in written if one.admission.state is not State.ACTIVE]
    executed(NOTE_ATTEMPT, [row for _, row in blocked])
    held = [
        row | {"of_exam": one.found.exam_id}
        for one, row in blocked
        if one.found.policy.counts_blocked_logins
    ]
    executed(ADD_HOLD, held)


def _begun_before(engine: sa.Engine, driver: Any, one: Beginning) -> Started | Refusal:
    """Return the session that an earlier try has committed; None for another's id."""
    if one.tries.written is None:
        return Refusal.USED_ID
    asked = {"person": one.user_id, "used_session": one.session_id}
    (row,) = BEGAN.first_rows(engine, driver, [asked])
    began = MOMENTS.process_result_value(row and row[0], engine.dialect)
    if not one.tries.have_written(began):
        return Refusal.USED_ID
    return Started(one.tries.written[1], one.session_id)


def _guarded(engine: sa.Engine, work: Callable[[], _Result]) -> _Result:
    """Return what the work returns; errors of the driver become those of SQLAlchemy."""
    try:
        return work()
    except engine.dialect.loaded_dbapi.Error as error:
        raise sqlalchemys_error(error, "begin sessions", engine.dialect) from error
