"""How a session begins: counting the active ones, adding it and recording it, as one step.

Sessions that begin at the same time are written together. On PostgreSQL that is a function of the
database, `begin_sessions` of the migrations, and so one round trip; on SQLite, which has none, it
is two statements a session of the one who may write.
"""

import sqlite3
from collections.abc import Callable, Collection, Sequence
from typing import Any

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

from timApp.auth.session.change import Action
from timApp.auth.session.policy import limit_of
from timApp.auth.sessioninfo import current_actor
from timApp.timdb.driverstatement import sqlalchemys_error
from timApp.timdb.groupcommit import GroupCommit
from timApp.timdb.keptconnection import use_driver
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

#: What is written of a session that begins, by name.
_Login = dict[str, Any]


def _all(name: str, kind: TypeEngine[Any]) -> sa.BindParameter[Any]:
    return sa.bindparam(name, type_=postgresql.ARRAY(kind))


_begin_on_postgresql = QuickRead(
    sa.select(
        sa.func.begin_sessions(
            _all("user_id", sa.Integer()),
            _all("session_id", sa.Text()),
            _all("origin", sa.Text()),
            _all("moment", UTCDateTime()),
            _all("limit", sa.Integer()),
            _all("actor_kind", sa.Text()),
            _all("actor", sa.Text()),
            _all("address", sa.Text()),
            type_=postgresql.ARRAY(sa.Text()),
        ).label("outcomes")
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
    login: _Login = {
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
    engine = db.engine
    if engine.dialect.name == "sqlite":
        login["moment"] = UTCDateTime().process_bind_param(moment, engine.dialect)
    outcome = _AGAIN
    while outcome == _AGAIN:
        if db.is_in_transaction():
            db.session.flush()  # what was done before stands before it in the record, too
            (outcome,) = _begin(engine, [login])
        else:
            outcome = _together.write(engine, login)
    if outcome == _USED:
        msg = f"{name!r} has had a session {session_id!r} before; ids are not used again."
        raise BadInput(msg, field="session_id")
    return outcome == _ACTIVE


def _begin(engine: sa.Engine, logins: Sequence[_Login]) -> Sequence[str]:
    """Let the sessions begin; return what the database answers for each.

    That is one transaction, or part of the one that `db.session` is in.
    """
    if engine.dialect.name == "postgresql":
        return _begin_all_on_postgresql(logins)
    if db.is_in_transaction():
        connection = db.session.connection()
        begin_write(connection)
        return [_add_on_sqlite(connection.exec_driver_sql, login) for login in logins]
    # SQLAlchemy takes longer to hand statements over than the driver takes to execute them.
    try:
        return use_driver(engine, _begin_all_on_sqlite, logins)
    except sqlite3.Error as error:
        raise sqlalchemys_error(error, _ADD_ON_SQLITE, engine.dialect) from error


_together = GroupCommit(_begin)


def _begin_all_on_postgresql(logins: Sequence[_Login]) -> Sequence[str]:
    # Everybody locks people in the order of their numbers.
    order = sorted(range(len(logins)), key=lambda number: logins[number]["user_id"])
    columns = {name: [logins[number][name] for number in order] for name in logins[0]}
    answers = _begin_on_postgresql.first(columns).outcomes
    outcomes = dict(zip(order, answers, strict=True))
    return [outcomes[number] for number in range(len(logins))]


def _begin_all_on_sqlite(driver: Any, logins: Sequence[_Login]) -> Sequence[str]:
    driver.execute("BEGIN IMMEDIATE")
    outcomes = [_add_on_sqlite(driver.execute, login) for login in logins]
    driver.commit()
    return outcomes


def _add_on_sqlite(execute: Callable[..., Any], login: _Login) -> str:
    row = execute(_ADD_ON_SQLITE, login).fetchone()
    if row is None:
        return _USED
    is_active = row[0] is None
    action = Action.LOGIN if is_active else Action.BLOCKED_LOGIN
    execute(_RECORD_ON_SQLITE, {**login, "action": action.value})
    return _ACTIVE if is_active else _BLOCKED
