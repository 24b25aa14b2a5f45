"""The guard in this process, and the look-up of the driver that is its floor."""

import random
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import sqlalchemy as sa
from flask import g, session
from sqlalchemy.engine import make_url

from bench.people import active_session_of, raw_postgresql
from timApp.app import create_app
from timApp.auth.session.util import has_valid_session
from timApp.auth.sessioninfo import SESSION_ID_KEY, Visitor, load_visitor
from timApp.timdb.sqa import db

#: The id of a person and of their session.
Key = tuple[int, str]
#: Raises an error if the session is not active.
LookUp = Callable[[Key], None]

_RAW = "SELECT session_id FROM usersession WHERE user_id = {0} AND session_id = {0} AND {1}"
_ACTIVE = "expired_at IS NULL"


def keys_of(people: int, count: int) -> list[Key]:
    """Return people, chosen at random but alike in each run, and their active sessions."""
    chosen = random.Random(1)
    some = (chosen.randint(1, people) for _ in range(count))
    return [(person, active_session_of(person)) for person in some]


@contextmanager
def raw_look_up(database_url: str) -> Iterator[LookUp]:
    """Yield the look-up as the driver does it: prepared, on a connection that is held."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(str(url.database))) as connection:
            yield _SQLiteLookUp(connection)
    else:
        with raw_postgresql(database_url) as connection:
            yield _PostgreSQLLookUp(connection)


@dataclass(frozen=True)
class _SQLiteLookUp:
    connection: sqlite3.Connection

    def __call__(self, key: Key) -> None:
        if self.connection.execute(_SQLITE_RAW, key).fetchone() is None:
            raise LookupError


@dataclass(frozen=True)
class _PostgreSQLLookUp:
    connection: psycopg.Connection

    def __call__(self, key: Key) -> None:
        if self.connection.execute(_POSTGRESQL_RAW, key, prepare=True).fetchone() is None:
            raise LookupError


_SQLITE_RAW = _RAW.format("?", _ACTIVE)
_POSTGRESQL_RAW = _RAW.format("%s", _ACTIVE).encode()


@dataclass(frozen=True)
class Guard:
    """The two ways in which a request asks for the session, inside of a request."""

    #: `has_valid_session` for a visitor that is known already.
    has_valid_session: LookUp
    #: What comes first in each request: who the visitor is, and whether the session is active.
    load_visitor: LookUp


@contextmanager
def guard(database_url: str, folder: Path) -> Iterator[Guard]:
    """Yield the guard of an application on the database."""
    app = create_app(
        {"DATABASE_URL": database_url, "INSTANCE_PATH": str(folder), "SECRET_KEY": "a key"}
    )
    with app.test_request_context():
        context = g._get_current_object()
        cookie = session._get_current_object()  # type: ignore[attr-defined]
        visitors: dict[int, Visitor] = {}

        def check(key: Key) -> None:
            person, cookie[SESSION_ID_KEY] = key
            visitor = visitors.get(person)
            if visitor is None:
                visitor = visitors[person] = Visitor(person, "", "", False, False, True, True)
            context._login_user = visitor
            if not has_valid_session():
                raise LookupError

        def load(key: Key) -> None:
            person, cookie[SESSION_ID_KEY] = key
            visitor = load_visitor(str(person))
            if visitor is None or not visitor.session_is_active:
                raise LookupError

        yield Guard(check, load)
        db.engine.dispose()


@dataclass(frozen=True)
class Asked:
    """What a look-up asked of the database."""

    statements: int
    #: Only known for PostgreSQL.
    round_trips: int | None


def what_is_asked(look_up: LookUp, key: Key) -> Asked:
    """Return what one look-up asks of the database of the current application."""
    statements: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    look_up(key)
    sa.event.listen(db.engine, "before_cursor_execute", count)
    try:
        if db.engine.dialect.name == "sqlite":
            look_up(key)
            return Asked(len(statements), None)
        round_trips = _round_trips(look_up, key)
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", count)
    return Asked(len(statements), round_trips)


def _round_trips(look_up: LookUp, key: Key) -> int:
    """Count how often the server says that it is ready for what comes next."""
    with db.engine.connect() as pooled:
        driver = pooled.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
    with tempfile.TemporaryFile() as trace:
        driver.pgconn.trace(trace.fileno())
        look_up(key)
        driver.pgconn.untrace()
        trace.seek(0)
        return sum(b"ReadyForQuery" in line for line in trace)


def settle(look_ups: Sequence[LookUp], keys: Sequence[Key]) -> None:
    """Look each up a few times, so that statements are prepared and compiled."""
    for look_up in look_ups:
        for key in keys[:20]:
            look_up(key)
