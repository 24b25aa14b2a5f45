"""How a session begins: counting the active ones, adding it and recording it, as one step.

On PostgreSQL that is a function of the database, `begin_session` of the migrations, and so one
round trip; on SQLite, which has none, it is two statements of the one who may write.
"""

import sqlite3
from collections import deque
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from dataclasses import dataclass
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from flask import current_app

from timApp.auth.session.change import Action
from timApp.auth.session.policy import limit_of
from timApp.auth.sessioninfo import current_actor
from timApp.timdb.keptconnection import are_kept, kept_connections
from timApp.timdb.quickread import QuickRead
from timApp.timdb.sqa import begin_write, db
from timApp.timdb.types import UTCDateTime
from timApp.util.clock import now
from timApp.util.errors import BadInput
from timApp.util.text import fits, storable

#: Longest session id, in characters.
SESSION_ID_MAX_LENGTH = 255
#: An origin is cut off behind so many characters: browsers choose theirs freely.
ORIGIN_MAX_LENGTH = 1000

# What the database answers.
_ACTIVE, _BLOCKED = "active", "blocked"
#: The user has had a session of that id before.
_USED = "used"
#: Others were faster, and nothing was done.
_AGAIN = "again"

_begin_on_postgresql = QuickRead(
    sa.select(
        sa.func.begin_session(
            sa.bindparam("user_id", type_=sa.Integer()),
            sa.bindparam("session_id", type_=sa.Text()),
            sa.bindparam("origin", type_=sa.Text()),
            sa.bindparam("moment", type_=UTCDateTime()),
            sa.bindparam("limit", type_=sa.Integer()),
            sa.bindparam("actor_kind", type_=sa.Text()),
            sa.bindparam("actor", type_=sa.Text()),
            sa.bindparam("address", type_=sa.Text()),
            type_=sa.Text(),
        ).label("outcome")
    )
)

# Without a limit the comparison gives NULL, and the session is active. No more active ones are
# looked for than are allowed.
_ADD_ON_SQLITE = """
    INSERT INTO usersession (user_id, session_id, logged_in_at, expired_at, origin)
    VALUES (:user_id, :session_id, :moment, CASE WHEN :limit <= (
        SELECT count(*) FROM (
            SELECT 1 FROM usersession WHERE user_id = :user_id AND expired_at IS NULL
            LIMIT coalesce(:limit, 0)
        )
    ) THEN :moment END, :origin)
    ON CONFLICT (user_id, session_id) DO NOTHING RETURNING expired_at
"""
_RECORD_ON_SQLITE = """
    INSERT INTO sessionchange
        (at, actor_kind, actor, address, action, user_id, session_id, session_count)
    VALUES (:moment, :actor_kind, :actor, :address, :action, :user_id, :session_id, 1)
"""


@dataclass
class _Login:
    values: dict[str, object]
    #: None until it is committed.
    outcome: str | None = None


# One at a time writes to SQLite, and most of the time that takes goes into the commit. So whoever
# has the turn in this process takes along all who wait for theirs; a commit is enough for them all.
_turn_on_sqlite = Lock()
_waiting_on_sqlite: WeakKeyDictionary[sa.Engine, "deque[_Login]"] = WeakKeyDictionary()


def begin_session(
    user_id: int, name: str, groups: Collection[str], session_id: str, origin: str
) -> bool:
    """Add a session for the user of that id, name and groups; return whether it is active.

    Does what `timApp.auth.session.util.add_user_session` says, and is part of the transaction of
    `db.session` if that is in one; the user should be locked by then. Otherwise it is a transaction
    of its own, which locks the user for as short as can be.
    """
    config = current_app.config
    if not config["SESSIONS_ENABLE"]:
        return False
    if not fits(session_id, SESSION_ID_MAX_LENGTH):
        msg = f"A session id has 1 to {SESSION_ID_MAX_LENGTH} characters, none of them NUL."
        raise BadInput(msg, field="session_id")
    actor, moment = current_actor(), now()
    values: dict[str, object] = {
        "user_id": user_id,
        "session_id": session_id,
        "origin": storable(origin)[:ORIGIN_MAX_LENGTH],
        "moment": moment,
        "limit": limit_of(
            groups,
            config["SESSIONS_MAX_CONCURRENT_SESSIONS_PER_GROUP"],
            config["SESSIONS_MAX_CONCURRENT_SESSIONS_PER_USER"],
        ),
        "actor_kind": actor.kind.value,
        "actor": actor.name,
        "address": actor.address,
    }
    if db.is_in_transaction():
        db.session.flush()  # what was done before stands before it in the record, too
    if db.engine.dialect.name == "sqlite":
        values["moment"] = UTCDateTime().process_bind_param(moment, db.engine.dialect)
        outcome = _on_sqlite(values)
    else:
        outcome = _on_postgresql(values)
    if outcome == _USED:
        msg = f"{name!r} has had a session {session_id!r} before; ids are not used again."
        raise BadInput(msg, field="session_id")
    return outcome == _ACTIVE


def _on_postgresql(values: dict[str, object]) -> str:
    while True:
        outcome: str = _begin_on_postgresql.first(values).outcome
        if outcome != _AGAIN:
            return outcome


def _on_sqlite(values: dict[str, object]) -> str:
    if db.is_in_transaction():
        connection = db.session.connection()
        begin_write(connection)
        return _add_on_sqlite(connection.exec_driver_sql, values)
    engine, login = db.engine, _Login(values)
    waiting = _waiting_on_sqlite.setdefault(engine, deque())
    waiting.append(login)
    with _turn_on_sqlite:
        if login.outcome is None:  # nobody has taken it along
            try:
                _transact_on_sqlite(engine, [login, *_others(waiting, login)])
            except sqlite3.Error:
                try:
                    _transact_on_sqlite(engine, [login])  # it may have been the others' fault
                except sqlite3.Error as error:
                    raise sa.exc.DBAPIError.instance(
                        _ADD_ON_SQLITE, None, error, sqlite3.Error, dialect=engine.dialect
                    ) from error
    assert login.outcome is not None  # noqa: S101 - narrows the type for mypy
    return login.outcome


def _others(waiting: "deque[_Login]", login: "_Login") -> list["_Login"]:
    """Return the logins that wait for their turn beside this one; they wait no more."""
    found = []
    while waiting:
        other = waiting.popleft()
        if other is not login and other.outcome is None:
            found.append(other)
    return found


def _transact_on_sqlite(engine: sa.Engine, logins: Sequence["_Login"]) -> None:
    """Let the sessions begin in one transaction."""

    # SQLAlchemy takes longer to hand statements over than the driver takes to execute them.
    def transact(driver: Any) -> list[str]:
        driver.execute("BEGIN IMMEDIATE")
        outcomes = [_add_on_sqlite(driver.execute, login.values) for login in logins]
        driver.commit()
        return outcomes

    if are_kept(engine):
        outcomes = kept_connections(engine).use(engine, transact)
    else:
        with closing(engine.raw_connection()) as pooled:
            outcomes = transact(pooled.driver_connection)
    for login, outcome in zip(logins, outcomes, strict=True):
        login.outcome = outcome


def _add_on_sqlite(execute: Callable[..., Any], values: dict[str, object]) -> str:
    row = execute(_ADD_ON_SQLITE, values).fetchone()
    if row is None:
        return _USED
    is_active = row[0] is None
    values["action"] = (Action.LOGIN if is_active else Action.BLOCKED_LOGIN).value
    execute(_RECORD_ON_SQLITE, values)
    return _ACTIVE if is_active else _BLOCKED
