"""A login without the password's hash.

What a login does to the database once the password is known to be right: the new session is counted
against the limit (of one), added and recorded, all of that is committed, and the cookie is signed.
`Guard.begin` is called as the view calls it, for a person who was looked up to check the password,
by many threads of this process at once, each in its context of the application, as a request is,
and each time for another browser, which has a name.
There are two floors: one adds the same row to the table of sessions and does nothing else, the
other adds the entry in the record of changes, too. Neither counts. They do so from as many threads:
on PostgreSQL over a connection that each holds, in autocommit and prepared, as one statement; on
SQLite over one connection with the same settings, behind a mutex. "One" is one person who logs in
everywhere at once. "Many" are people of whom nobody is logged in; each login is another person's.
Logins that come at the same time share a transaction, as they do in a worker of `timapp run`; the
bare ones have one each. Whether a session may be active is decided in Python between what is read
and what is written, so that the rule stands in one place and language, whatever the database: that
costs a second way to PostgreSQL and back under the lock, and is why the goal for many is lower
there than a function of the database would reach. No password's hash lets that rate through anyway.
Sessions of earlier turns are removed before each turn, and each thread logs somebody in before the
time counts.

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
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Any

import psycopg
import uuid_utils
from flask import has_app_context
from sqlalchemy.engine import make_url

from bench.measure import Contestant, interleaved
from bench.people import fill, raw_postgresql
from bench.report import Section, at_least, compared
from bench.run import KINDS, POSTGRESQL, SQLITE, Run
from timApp.app import create_app
from timApp.auth.site import current_guard, db
from timApp.guard import Actor, ActorKind, Person

TITLE = "A login without the hash"
_THREADS = 64
_FLOOR, _BOTH_ROWS, _OURS = "bare INSERT", "bare INSERT of both rows", "login"
_ONE, _MANY = "one", "many"
_GOALS = {POSTGRESQL: {_ONE: 0.4, _MANY: 0.5}, SQLITE: {_ONE: 0.5, _MANY: 0.5}}

_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
_INSERT = (
    "INSERT INTO usersession (user_id, session_id, logged_in_at, expired_at, origin)"
    " VALUES ({0}, {0}, {0}, {0}, {0})"
)
_INSERT_OF_RECORD = (
    "INSERT INTO sessionchange"
    " (at, actor_kind, actor, address, action, user_id, session_id, session_count)"
    " SELECT {0}, 'user', {0}, '127.0.0.1', 'login', {0}, {0}, 1"
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
    people = run.choose(50, 2_000, 20_000)
    of_one, of_many = run.choose((64, 64), (128, 256), (640, 2_560))
    section.notes.append(
        f"{of_one:,} logins of one and {of_many:,} of many a turn, from {_THREADS} threads;"
        f" {people:,} people."
    )
    shuffled = random.Random(1).sample(range(1, people + 1), people)
    orders = {
        _ONE: [1] * (_THREADS + of_one),
        _MANY: (shuffled * _THREADS)[: _THREADS + of_many],
    }
    for kind in KINDS:
        folder = run.new_folder("instance")
        with run.database(kind) as url:
            fill(url, people)
            _keep_statistics(url)
            for whose, order in orders.items():
                turns: dict[str, Contestant] = {
                    floor: _Turn(
                        url, order, partial(_floor, url, whose, floor == _BOTH_ROWS), False
                    )
                    for floor in (_FLOOR, _BOTH_ROWS)
                }
                turns[_OURS] = _Turn(url, order, partial(_ours, url, folder), is_checked=True)
                series = interleaved(turns, run.choose(1, 1, 9))
                section.goals += [
                    at_least(
                        f"{kind}, {whose}: login / {floor}",
                        series[_OURS].ratio_to(series[floor]),
                        _GOALS[kind][whose],
                    )
                    for floor in (_FLOOR, _BOTH_ROWS)
                ]
                section.tables.append(compared(f"{kind}, {whose}", series, _FLOOR, "logins/s"))


@dataclass(frozen=True)
class _Turn:
    """Lets the people log in, in this order; returns how many do so in a second.

    The first ones, one a thread, do not count. The connections are new in each turn, since a server
    has no room for those of both sides, so all have logged in before, and what the database
    remembers of that is forgotten when the sessions are removed.
    """

    url: str
    order: Sequence[int]
    opened: Callable[[], AbstractContextManager[_LogIn]]
    is_checked: bool

    def __call__(self) -> float:
        with self.opened() as log_in, ThreadPoolExecutor(_THREADS) as threads:

            def log_some_in(people: Sequence[int]) -> None:
                def of_thread(thread: int) -> None:
                    for person in people[thread::_THREADS]:
                        log_in(thread, person)

                list(threads.map(of_thread, range(_THREADS)))

            log_some_in(self.order)
            _remove_sessions(self.url)
            first, others = self.order[:_THREADS], self.order[_THREADS:]
            log_some_in(first)
            begun = time.perf_counter()
            log_some_in(others)
            took = time.perf_counter() - begun
        if self.is_checked:
            _check(self.url, len(self.order))
        return len(others) / took


@contextmanager
def _ours(url: str, folder: Path) -> Iterator[_LogIn]:
    app = create_app(
        {"DATABASE_URL": url, "INSTANCE_PATH": str(folder), "SECRET_KEY": "a key of the bench"}
    )
    numbers = count()

    def log_in(_thread: int, person: int) -> None:
        if not has_app_context():
            app.app_context().push()  # it ends with the thread
        name = f"user{person}"
        known = Person(person, name, "", "", frozenset({"students"}), None)
        actor = Actor(ActorKind.USER, name, "127.0.0.1")
        device = f"{next(numbers):032x}"  # each time another browser
        origin = f"[127.0.0.1] {_AGENT}"
        current_guard().begin(known, origin, actor=actor, device=device, work=db)

    yield log_in
    with app.app_context():
        db.engine.dispose()


@contextmanager
def _floor(url: str, whose: str, is_recorded: bool) -> Iterator[_LogIn]:
    with ExitStack() as connections:
        if make_url(url).get_backend_name() == "sqlite":
            connection = connections.enter_context(closing(_sqlite(url)))
            yield _SQLiteInsert(connection, Lock(), whose, is_recorded)
        else:
            held = [connections.enter_context(raw_postgresql(url)) for _ in range(_THREADS)]
            yield _PostgreSQLInsert(held, whose, is_recorded)


@dataclass(frozen=True)
class _SQLiteInsert:
    connection: sqlite3.Connection
    mutex: Lock
    whose: str
    is_recorded: bool

    def __call__(self, _thread: int, person: int) -> None:
        moment = datetime.now(UTC).isoformat(timespec="microseconds")
        expired_at = None if self.whose == _MANY else moment
        values = (person, str(uuid_utils.uuid7()), moment, expired_at, f"[127.0.0.1] {_AGENT}")
        with self.mutex, self.connection:
            self.connection.execute(_SQLITE_INSERT, values)
            if self.is_recorded:
                record = (moment, f"user{person}", person, values[1])
                self.connection.execute(_SQLITE_INSERT_OF_RECORD, record)


@dataclass(frozen=True)
class _PostgreSQLInsert:
    connections: Sequence[psycopg.Connection]
    whose: str
    is_recorded: bool

    def __call__(self, thread: int, person: int) -> None:
        moment = datetime.now(UTC)
        expired_at = None if self.whose == _MANY else moment
        values: tuple[object, ...]
        values = (person, str(uuid_utils.uuid7()), moment, expired_at, f"[127.0.0.1] {_AGENT}")
        insert = _POSTGRESQL_INSERT
        if self.is_recorded:
            values = (*values, moment, f"user{person}", person, values[1])
            insert = _POSTGRESQL_INSERTS
        self.connections[thread].execute(insert, values, prepare=True)


_SQLITE_INSERT = _INSERT.format("?")
_SQLITE_INSERT_OF_RECORD = _INSERT_OF_RECORD.format("?")
_POSTGRESQL_INSERT = _INSERT.format("%s").encode()
_POSTGRESQL_INSERTS = f"WITH session AS ({_INSERT}) {_INSERT_OF_RECORD}".format("%s").encode()


def _sqlite(url: str) -> sqlite3.Connection:
    """Return a connection that is set up as the application's are."""
    connection = sqlite3.connect(str(make_url(url).database), check_same_thread=False)
    connection.isolation_level = "IMMEDIATE"
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _keep_statistics(url: str) -> None:
    """Let PostgreSQL plan for the table of a site, as it is filled.

    It would look again at some moment when all sessions are one person's, or there are none.
    """
    if make_url(url).get_backend_name() == "postgresql":
        with raw_postgresql(url) as connection:
            connection.execute("ALTER TABLE usersession SET (autovacuum_enabled = false)")


def _remove_sessions(url: str) -> None:
    """Let there be no sessions, as if there had never been any."""
    if make_url(url).get_backend_name() == "sqlite":
        with closing(_sqlite(url)) as connection:
            with connection:
                connection.execute("DELETE FROM usersession")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    else:
        with raw_postgresql(url) as connection:
            # Deleted from and vacuumed, it would be known to be empty, and each login would read it
            # from end to end.
            connection.execute("TRUNCATE usersession, waitingsession")
            connection.execute("VACUUM useraccount")


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
