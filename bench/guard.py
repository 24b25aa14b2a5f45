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

from bench.people import SESSIONS_EACH, active_session_of, raw_postgresql, session_id_of
from timApp.app import create_app
from timApp.auth.session.util import has_valid_session
from timApp.auth.site import current_guard, db
from timApp.auth.visitor import Visitor, load_visitor
from timApp.guard import Claims, Standing
from timApp.guard.cookie import SESSION_ID_KEY, TOKEN_KEY, USER_ID_KEY
from timApp.guard.visitor import Visitor as GuardVisitor

#: The id of a person and of their session.
Key = tuple[int, str]
#: Tells whether the session is active.
LookUp = Callable[[Key], bool]

_RAW = "SELECT session_id FROM usersession WHERE user_id = {0} AND session_id = {0} AND {1}"
_ACTIVE = "expired_at IS NULL"


def keys_of(people: int, count: int, numbers: Sequence[int] = (SESSIONS_EACH,)) -> list[Key]:
    """Return so many different sessions, chosen at random but alike in each run.

    They are those of people which have one of these numbers; if nothing else is said, the active
    ones.
    """
    chosen = random.Random(1).sample(range(people * len(numbers)), count)
    some = (divmod(number, len(numbers)) for number in chosen)
    return [(before + 1, session_id_of(before + 1, numbers[which])) for before, which in some]


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

    def __call__(self, key: Key) -> bool:
        return self.connection.execute(_SQLITE_RAW, key).fetchone() is not None


@dataclass(frozen=True)
class _PostgreSQLLookUp:
    connection: psycopg.Connection

    def __call__(self, key: Key) -> bool:
        found = self.connection.execute(_POSTGRESQL_RAW, key, prepare=True).fetchone()
        return found is not None


_SQLITE_RAW = _RAW.format("?", _ACTIVE)
_POSTGRESQL_RAW = _RAW.format("%s", _ACTIVE).encode()


@dataclass(frozen=True)
class Guarded:
    """The ways in which the guard of an application is asked for a session."""

    #: `Guard.check`, as a program without Flask asks it: with the cookie.
    check: LookUp
    #: `has_valid_session` for a visitor that is known already, inside of a request.
    has_valid_session: LookUp
    #: What comes first in each request: who the visitor is, and whether the session is active.
    load_visitor: LookUp
    #: The connections that its application has opened.
    drivers: list[object]


@contextmanager
def guard(database_url: str, folder: Path) -> Iterator[Guarded]:
    """Yield the guard of an application on the database.

    Each has a request of its own, so that several can take turns: Flask's globals speak of the
    request that was begun last, and would lead all of them to one database.
    """
    app = create_app(
        {
            "DATABASE_URL": database_url,
            "INSTANCE_PATH": str(folder),
            "SECRET_KEY": "a key of the bench",
        }
    )
    own, request = copy_context(), app.test_request_context()
    own.run(request.push)
    try:
        yield own.run(_guard_of_request, partial(partial, own.run))
    finally:
        own.run(request.pop)
        with app.app_context():
            db.engine.dispose()


def _guard_of_request(in_request: Callable[[LookUp], LookUp]) -> Guarded:
    drivers: list[object] = []
    sa.event.listen(db.engine, "connect", lambda driver, _: drivers.append(driver))
    context = g._get_current_object()
    cookie = session._get_current_object()  # type: ignore[attr-defined]
    # One for all, or those of many people would be in the processor's caches.
    visitor = context._login_user = Visitor(0, "", "", "", frozenset(), None, True)
    guard = current_guard()

    # As browsers do, each keeps the cookie that it was given last.
    claims: dict[Key, Claims] = {}
    cookies: dict[Key, str] = {}

    def give(key: Key, given: Claims) -> str:
        claims[key], cookies[key] = given, guard.cookies.issue(given)
        return cookies[key]

    def note(key: Key, found: GuardVisitor | None) -> None:
        if found is not None and found.renewed is not None:
            give(key, found.renewed)

    def check(key: Key) -> bool:
        verdict = guard.check(cookies.get(key) or give(key, Claims(*key)))
        note(key, verdict.visitor)
        return verdict.standing is Standing.VALID

    def has_valid(key: Key) -> bool:
        visitor.id, cookie[SESSION_ID_KEY] = key
        return has_valid_session()

    def load(key: Key) -> bool:
        person, cookie[SESSION_ID_KEY] = key
        cookie[USER_ID_KEY] = str(person)
        cookie[TOKEN_KEY] = claims[key].token if key in claims else 0
        visitor = load_visitor(guard)
        note(key, visitor)
        return visitor is not None and visitor.session_is_active

    return Guarded(check, in_request(has_valid), in_request(load), drivers)


@dataclass(frozen=True)
class Asked:
    """What a look-up asked of the database."""

    statements: int
    #: Only known for PostgreSQL.
    round_trips: int | None


def what_is_asked(guarded: Guarded, look_up: LookUp, key: Key) -> Asked:
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


def _asked_of_sqlite(drivers: Sequence[sqlite3.Connection], ask: Callable[[], object]) -> Asked:
    statements: list[str] = []
    for driver in drivers:
        driver.set_trace_callback(statements.append)
    ask()
    for driver in drivers:
        driver.set_trace_callback(None)
    return Asked(len(statements), None)


def _asked_of_postgresql(drivers: Sequence[psycopg.Connection], ask: Callable[[], object]) -> Asked:
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
    """Look each up, so that statements are prepared and compiled and pages are in memory.

    `RuntimeError` if an answer is wrong.
    """
    for look_up in look_ups:
        for key in keys:
            if look_up(key) != (key[1] == active_session_of(key[0])):
                msg = f"This look-up is wrong about the session {key}: {look_up}"
                raise RuntimeError(msg)
