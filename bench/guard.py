"""The guard in this process, and the look-up of the driver that is its floor."""

import random
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
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
    #: The connections that its application has opened.
    drivers: list[object]


@contextmanager
def guard(database_url: str, folder: Path) -> Iterator[Guard]:
    """Yield the guard of an application on the database.

    Each has a request of its own, so that several can take turns: Flask's globals speak of the
    request that was begun last, and would lead all of them to one database.
    """
    app = create_app(
        {"DATABASE_URL": database_url, "INSTANCE_PATH": str(folder), "SECRET_KEY": "a key"}
    )
    own, request = copy_context(), app.test_request_context()
    own.run(request.push)
    try:
        yield own.run(_guard_of_request, partial(partial, own.run))
    finally:
        own.run(request.pop)
        with app.app_context():
            db.engine.dispose()


def _guard_of_request(in_request: Callable[[LookUp], LookUp]) -> Guard:
    drivers: list[object] = []
    sa.event.listen(db.engine, "connect", lambda driver, _: drivers.append(driver))
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

    return Guard(in_request(check), in_request(load), drivers)


@dataclass(frozen=True)
class Asked:
    """What a look-up asked of the database."""

    statements: int
    #: Only known for PostgreSQL.
    round_trips: int | None


def what_is_asked(guarded: Guard, look_up: LookUp, key: Key) -> Asked:
    """Return what one look-up sends over the connections of the guard's application.

    `RuntimeError` if that is nothing: then it has connections of which this does not know.
    """
    look_up(key)
    drivers = guarded.drivers
    first = drivers[0]
    if isinstance(first, sqlite3.Connection):
        asked = _asked_of_sqlite(
            [one for one in drivers if isinstance(one, sqlite3.Connection)], partial(look_up, key)
        )
    else:
        asked = _asked_of_postgresql(
            [one for one in drivers if isinstance(one, psycopg.Connection)], partial(look_up, key)
        )
    if asked.statements == 0:
        msg = "The guard asks over connections that are not its application's."
        raise RuntimeError(msg)
    return asked


def _asked_of_sqlite(drivers: Sequence[sqlite3.Connection], ask: Callable[[], None]) -> Asked:
    statements: list[str] = []
    for driver in drivers:
        driver.set_trace_callback(statements.append)
    ask()
    for driver in drivers:
        driver.set_trace_callback(None)
    return Asked(len(statements), None)


def _asked_of_postgresql(drivers: Sequence[psycopg.Connection], ask: Callable[[], None]) -> Asked:
    with tempfile.TemporaryFile() as trace:
        for driver in drivers:
            driver.pgconn.trace(trace.fileno())
        ask()
        for driver in drivers:
            driver.pgconn.untrace()
        trace.seek(0)
        messages = [line.split(b"\t") for line in trace]
    # Each line has a time, the direction, the length and the name of a message.
    sent = [message[3].strip() for message in messages if message[1] == b"F"]
    ready = [message for message in messages if message[3].startswith(b"ReadyForQuery")]
    return Asked(sum(name.split()[0] in {b"Bind", b"Query"} for name in sent), len(ready))


def settle(look_ups: Sequence[LookUp], keys: Sequence[Key]) -> None:
    """Look each up a few times, so that statements are prepared and compiled."""
    for look_up in look_ups:
        for key in keys[:20]:
            look_up(key)
