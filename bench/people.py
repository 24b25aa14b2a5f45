"""Many people and sessions, made by the database itself, which is fastest."""

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
from sqlalchemy.engine import make_url

#: Seconds that a background worker of the database may look at new rows.
_PATIENCE = 30
#: Sessions of each person, of which the last is active.
SESSIONS_EACH = 3

_SQLITE_NUMBERS = """
    WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {count})
"""
# As uuid7 looks and grows: `session_id_of` makes the same.
_SQLITE_ID = "printf('0199%04x-%04x-7%03x-8%03x-%012x', {parts})"
_POSTGRESQL_ID = (
    "format('0199%s-%s-7%s-8%s-%s', lpad(to_hex({0}), 4, '0'), lpad(to_hex({1}), 4, '0'),"
    " lpad(to_hex({2}), 3, '0'), lpad(to_hex({3}), 3, '0'), lpad(to_hex({4}), 12, '0'))"
)
_FACTOR = 274_177_123_457
# A hundred logins a second, and some microseconds.
_MICROSECONDS = "(n % 100 * 10000 + n * 7919 % 10000)"


@dataclass(frozen=True)
class _Chosen:
    """Which session of each person is active, and the column that its number goes into."""

    active: int
    mark: str | None


def session_id_of(person: int, number: int) -> str:
    """Return the id of a person's session; both count from 1, and the last one is active."""
    n = (person - 1) * SESSIONS_EACH + number
    mixed = n * _FACTOR
    return (
        f"0199{n >> 16:04x}-{n & 0xFFFF:04x}-7{mixed & 0xFFF:03x}-8{(mixed >> 12) & 0xFFF:03x}"
        f"-{(mixed >> 8) & 0xFFFFFFFFFFFF:012x}"
    )


def active_session_of(person: int) -> str:
    """Return the id of the person's active session."""
    return session_id_of(person, SESSIONS_EACH)


def fill(
    database_url: str, people: int, *, active: int = SESSIONS_EACH, mark: str | None = None
) -> None:
    """Add people with the ids 1, 2, ... and `SESSIONS_EACH` sessions each.

    One session of each, counted from 1, is active: the last, if nothing else is said. A column
    named `mark`, which somebody has added to the table, is given those numbers. All were seen "in
    an hour", so that nobody has to write down meanwhile that they are seen; see `forget_when_seen`.
    """
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        _fill_sqlite(str(url.database), people, _Chosen(active, mark))
    else:
        _fill_postgresql(database_url, people, _Chosen(active, mark))


def forget_when_seen(database_url: str) -> None:
    """Let it be written down at its next request when a session is seen, as it is day by day."""
    _execute(database_url, "UPDATE usersession SET last_seen_at = NULL WHERE expired_at IS NULL")


def add_logins_to_record(database_url: str) -> None:
    """Add the entry in the record of changes that the login of each session would have left."""
    _execute(
        database_url,
        """
        INSERT INTO sessionchange
               (at, actor_kind, actor, address, action, user_id, session_id, session_count)
        SELECT logged_in_at, 'user', name, '192.0.2.1', 'login', user_id, session_id, 1
          FROM usersession JOIN useraccount ON useraccount.id = user_id ORDER BY logged_in_at
        """,
    )


def _execute(database_url: str, statement: str) -> None:
    """Execute a statement that both databases understand, and commit it."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(str(url.database))) as file, file:
            file.execute(statement)
    else:
        with raw_postgresql(database_url) as connection:
            connection.execute(statement.encode())


def raw_postgresql(database_url: str) -> psycopg.Connection:
    """Return a connection of the driver, in autocommit."""
    return psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True)


def _vacuum(connection: psycopg.Connection) -> None:
    """Let all rows be known as visible to all, which they are not while somebody else looks."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        connection.execute("VACUUM ANALYZE useraccount, usersession")
        unseen = connection.execute(
            "SELECT sum(relpages - relallvisible) FROM pg_class"
            " WHERE oid IN ('useraccount'::regclass, 'usersession'::regclass)"
        ).fetchone()
        if unseen == (0,) or time.monotonic() > deadline:
            return
        time.sleep(0.1)


def _parts(n: str) -> list[str]:
    mixed = f"(({n}) * {_FACTOR})"
    return [
        f"(({n}) >> 16)",
        f"(({n}) & 65535)",
        f"({mixed} & 4095)",
        f"(({mixed} >> 12) & 4095)",
        f"(({mixed} >> 8) & {0xFFFFFFFFFFFF})",
    ]


def _users(moment: str) -> tuple[str, str]:
    return (
        "INSERT INTO useraccount (id, name, real_name, email, password_hash, created_at)",
        f"SELECT n, 'user' || n, 'Person ' || n, 'user' || n || '@example.org', '', {moment}",
    )


def _sessions(session_id: str, moments: tuple[str, str, str], chosen: _Chosen) -> tuple[str, str]:
    moment, earlier, later = moments
    number = f"(n - 1) % {SESSIONS_EACH} + 1"
    person = f"(n - 1) / {SESSIONS_EACH} + 1"
    mark, marked = (f", {chosen.mark}", f", {number}") if chosen.mark else ("", "")
    return (
        "INSERT INTO usersession"
        f" (user_id, session_id, logged_in_at, expired_at, last_seen_at, origin{mark})",
        f"SELECT {person}, {session_id}, {earlier},"
        f" CASE WHEN {number} = {chosen.active} THEN NULL ELSE {moment} END, {later},"
        " '[192.0.2.1] Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'"
        f"{marked}",
    )


def _fill_sqlite(path: str, people: int, chosen: _Chosen) -> None:
    moment, later = (
        f"'{one.isoformat(timespec='microseconds')}'"
        for one in (datetime.now(UTC), datetime.now(UTC) + timedelta(hours=1))
    )
    earlier = (
        "strftime('%Y-%m-%dT%H:%M:%S', 1760000000 + n / 100, 'unixepoch')"
        f" || printf('.%06d+00:00', {_MICROSECONDS})"
    )
    session_id = _SQLITE_ID.format(parts=", ".join(_parts("n")))
    with closing(sqlite3.connect(path)) as connection, connection:
        for into, select, count in (
            (*_users(moment), people),
            (
                *_sessions(session_id, (moment, earlier, later), chosen),
                people * SESSIONS_EACH,
            ),
        ):
            numbers = _SQLITE_NUMBERS.format(count=count)
            connection.execute(f"{into} {numbers} {select} FROM number")
        connection.execute("ANALYZE")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _fill_postgresql(database_url: str, people: int, chosen: _Chosen) -> None:
    earlier = f"to_timestamp(1760000000 + n / 100) + {_MICROSECONDS} * interval '1 microsecond'"
    later = "now() + interval '1 hour'"
    session_id = _POSTGRESQL_ID.format(*_parts("n"))
    with raw_postgresql(database_url) as connection:
        for into, select, count in (
            (*_users("now()"), people),
            (
                *_sessions(session_id, ("now()", earlier, later), chosen),
                people * SESSIONS_EACH,
            ),
        ):
            numbers = f"generate_series(1::bigint, {count}) n"
            connection.execute(f"{into} {select} FROM {numbers}".encode())
        connection.execute(
            "SELECT setval(pg_get_serial_sequence('useraccount', 'id'), max(id)) FROM useraccount"
        )
        _vacuum(connection)
        connection.execute("CHECKPOINT")
