"""A login without the password's hash.

What a login does to the database once the password is known to be right: the new session is
counted against the limit (of one), added and recorded, and all of that is committed. It is called
as the view calls it, in a context of the application of its own each time, by many threads of this
process at once. The floor adds the same row to the table of sessions and does nothing else (no
count, no entry in the record of changes), from as many threads: on PostgreSQL over a connection
that each holds, in autocommit and prepared; on SQLite over one connection with the same settings,
behind a mutex. "One" is one person who logs in everywhere at once. "Many" are people of whom
nobody is logged in; each login is another person's. Sessions of earlier turns are removed before
each turn.

After each turn it is looked up whether anybody has more active sessions than the limit; if so, the
case fails.
"""

import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import psycopg
import uuid_utils
from flask import g
from sqlalchemy.engine import make_url

from bench.measure import Contestant, interleaved
from bench.people import fill, raw_postgresql
from bench.report import Section, at_least, compared
from bench.run import KINDS, POSTGRESQL, SQLITE, Run
from timApp.app import create_app
from timApp.auth.session.beginning import begin_session
from timApp.auth.session.change import ActorKind
from timApp.auth.sessioninfo import Actor
from timApp.timdb.sqa import db

TITLE = "A login without the hash"
_THREADS = 64
_FLOOR, _OURS = "bare INSERT", "login"
_ONE, _MANY = "one", "many"
_GOALS = {POSTGRESQL: {_ONE: 0.4, _MANY: 0.7}, SQLITE: {_ONE: 0.5, _MANY: 0.5}}

_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
_INSERT = (
    "INSERT INTO usersession (user_id, session_id, logged_in_at, expired_at, origin)"
    " VALUES ({0}, {0}, {0}, {0}, {0})"
)
_TOO_MANY = """
    SELECT count(*) FROM (
        SELECT user_id FROM usersession WHERE expired_at IS NULL
        GROUP BY user_id HAVING count(*) > 1
    ) AS person
"""

#: Logs the person of this number in, from the thread of that number.
_LogIn = Callable[[int, int], None]


def measure(run: Run, section: Section) -> None:
    """Measure on both databases."""
    people = run.choose(50, 20_000, 20_000)
    logins = run.choose(64, 640, 2_560)
    section.notes.append(f"{logins:,} logins a turn, from {_THREADS} threads; {people:,} people.")
    shuffled = random.Random(1).sample(range(1, people + 1), people)
    orders = {_ONE: [1] * logins, _MANY: (shuffled * logins)[:logins]}
    for kind in KINDS:
        folder = run.new_folder("instance")
        with run.database(kind) as url:
            fill(url, people)
            for whose, order in orders.items():
                turns: dict[str, Contestant] = {
                    _FLOOR: _Turn(url, order, partial(_floor, url, whose), is_checked=False),
                    _OURS: _Turn(url, order, partial(_ours, url, folder), is_checked=True),
                }
                series = interleaved(turns, run.choose(1, 3, 15))
                what = f"{kind}, {whose}"
                ratio = series[_OURS].ratio_to(series[_FLOOR])
                section.goals.append(at_least(what, ratio, _GOALS[kind][whose]))
                section.tables.append(compared(what, series, _FLOOR, "logins/s"))


@dataclass(frozen=True)
class _Turn:
    """Lets the people log in, in this order; returns how many do so in a second.

    They have done so once before, for nothing: the connections are new in each turn, since a
    server has no room for those of both sides.
    """

    url: str
    order: Sequence[int]
    opened: Callable[[], AbstractContextManager[_LogIn]]
    is_checked: bool

    def __call__(self) -> float:
        with self.opened() as log_in, ThreadPoolExecutor(_THREADS) as threads:

            def log_some_in(thread: int) -> None:
                for person in self.order[thread::_THREADS]:
                    log_in(thread, person)

            list(threads.map(log_some_in, range(_THREADS)))
            _remove_sessions(self.url)
            begun = time.perf_counter()
            list(threads.map(log_some_in, range(_THREADS)))
            took = time.perf_counter() - begun
        if self.is_checked:
            _check(self.url, len(self.order))
        return len(self.order) / took


@contextmanager
def _ours(url: str, folder: Path) -> Iterator[_LogIn]:
    app = create_app({"DATABASE_URL": url, "INSTANCE_PATH": str(folder), "SECRET_KEY": "a key"})

    def log_in(_thread: int, person: int) -> None:
        with app.app_context():
            name = f"user{person}"
            g.actor = Actor(ActorKind.USER, name, "127.0.0.1")
            begin_session(person, name, [name], str(uuid_utils.uuid7()), f"[127.0.0.1] {_AGENT}")

    yield log_in
    with app.app_context():
        db.engine.dispose()


@contextmanager
def _floor(url: str, whose: str) -> Iterator[_LogIn]:
    with ExitStack() as connections:
        if make_url(url).get_backend_name() == "sqlite":
            yield _SQLiteInsert(connections.enter_context(closing(_sqlite(url))), Lock(), whose)
        else:
            yield _PostgreSQLInsert(
                [connections.enter_context(raw_postgresql(url)) for _ in range(_THREADS)], whose
            )


@dataclass(frozen=True)
class _SQLiteInsert:
    connection: sqlite3.Connection
    mutex: Lock
    whose: str

    def __call__(self, _thread: int, person: int) -> None:
        moment = datetime.now(UTC).isoformat(timespec="microseconds")
        expired_at = None if self.whose == _MANY else moment
        values = (person, str(uuid_utils.uuid7()), moment, expired_at, f"[127.0.0.1] {_AGENT}")
        with self.mutex, self.connection:
            self.connection.execute(_SQLITE_INSERT, values)


@dataclass(frozen=True)
class _PostgreSQLInsert:
    connections: Sequence[psycopg.Connection]
    whose: str

    def __call__(self, thread: int, person: int) -> None:
        moment = datetime.now(UTC)
        expired_at = None if self.whose == _MANY else moment
        values = (person, str(uuid_utils.uuid7()), moment, expired_at, f"[127.0.0.1] {_AGENT}")
        self.connections[thread].execute(_POSTGRESQL_INSERT, values, prepare=True)


_SQLITE_INSERT = _INSERT.format("?")
_POSTGRESQL_INSERT = _INSERT.format("%s").encode()


def _sqlite(url: str) -> sqlite3.Connection:
    """Return a connection that is set up as the application's are."""
    connection = sqlite3.connect(str(make_url(url).database), check_same_thread=False)
    connection.isolation_level = "IMMEDIATE"
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _remove_sessions(url: str) -> None:
    """Let there be no sessions, as if there had never been any."""
    if make_url(url).get_backend_name() == "sqlite":
        with closing(_sqlite(url)) as connection:
            with connection:
                connection.execute("DELETE FROM usersession")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    else:
        with raw_postgresql(url) as connection:
            connection.execute("DELETE FROM usersession")
            connection.execute("VACUUM usersession, useraccount")


def _check(url: str, logins: int) -> None:
    """`RuntimeError` if somebody has more active sessions than one, or if a login is missing."""
    is_sqlite = make_url(url).get_backend_name() == "sqlite"
    with ExitStack() as stack:
        connection: Any = stack.enter_context(
            closing(_sqlite(url)) if is_sqlite else raw_postgresql(url)
        )
        ((too_many,),) = connection.execute(_TOO_MANY).fetchall()
        ((sessions,),) = connection.execute("SELECT count(*) FROM usersession").fetchall()
    if too_many or sessions != logins:
        msg = f"{too_many} people have more than one active session; {sessions} of {logins} logins."
        raise RuntimeError(msg)
