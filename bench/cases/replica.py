"""A replica that answers the guard.

A streaming replica of the database, on the same machine. A session is expired and made active in
turn with one committed statement on the main server, and looked up on the replica: how often the
first look after the commit still saw the state before, and how long it took until one saw the new
state. Then the replica holds back what it receives, as it does behind a long query or a slow line:
it goes on answering, and every look is wrong for as long as that takes.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from bench.measure import percentile
from bench.people import active_session_of, fill, raw_postgresql
from bench.report import Section, Table
from bench.run import POSTGRESQL, Run

TITLE = "A replica that answers the guard"
_KEY = (1, active_session_of(1))
_IS_ACTIVE = b"SELECT expired_at IS NULL FROM usersession WHERE user_id = %s AND session_id = %s"
_TURN = b"""
    UPDATE usersession SET expired_at = CASE WHEN expired_at IS NULL THEN now() END
     WHERE user_id = %s AND session_id = %s RETURNING expired_at IS NULL
"""
#: Seconds until a replica that does not follow is given up.
_PATIENCE = 60


def measure(run: Run, section: Section) -> None:
    """Measure a replica that keeps up, and one that is held back."""
    changes, looks = run.choose(5, 100, 1_000), run.choose(5, 100, 1_000)
    with run.database(POSTGRESQL) as url:
        fill(url, run.choose(20, 2_000, 20_000))
        with (
            raw_postgresql(url) as main,
            run.replica_of(url) as replica_url,
            raw_postgresql(replica_url) as replica,
        ):
            _wait_until_it_says(replica, is_active=True)
            wrong_at_first, delays = 0, []
            for _ in range(changes):
                is_active = _turn(main)
                committed = time.perf_counter()
                wrong_at_first += _is_active(replica) != is_active
                _wait_until_it_says(replica, is_active=is_active)
                delays.append(time.perf_counter() - committed)
            with _held_back(replica):
                is_active = _turn(main)
                wrong = sum(_is_active(replica) != is_active for _ in range(looks))
    p50, p99 = percentile(delays, 0.5), percentile(delays, 0.99)
    columns = ("the replica", "wrong answers after a commit", "right after: p50, ms", "p99, ms")
    section.tables.append(
        Table(
            "The session's state on the replica",
            columns,
            [
                (
                    "keeps up",
                    f"{wrong_at_first} of {changes} first looks",
                    f"{p50 * 1000:.2f}",
                    f"{p99 * 1000:.2f}",
                ),
                ("is held back", f"{wrong} of {looks} looks", "not before it goes on", ""),
            ],
        )
    )


def _turn(main: psycopg.Connection) -> bool:
    """Change the session's state on the main server; return whether it is active now."""
    return _first(main, _TURN)


def _is_active(server: psycopg.Connection) -> bool:
    return _first(server, _IS_ACTIVE)


def _first(server: psycopg.Connection, statement: bytes) -> bool:
    row = server.execute(statement, _KEY).fetchone()
    assert row is not None
    return bool(row[0])


def _wait_until_it_says(replica: psycopg.Connection, *, is_active: bool) -> None:
    deadline = time.monotonic() + _PATIENCE
    while _is_active(replica) != is_active:
        if time.monotonic() > deadline:
            msg = "The replica does not follow."
            raise RuntimeError(msg)


@contextmanager
def _held_back(replica: psycopg.Connection) -> Iterator[None]:
    replica.execute("SELECT pg_wal_replay_pause()")
    state = b"SELECT pg_get_wal_replay_pause_state() = 'paused'"
    while not _value(replica, state):
        time.sleep(0.01)
    yield
    replica.execute("SELECT pg_wal_replay_resume()")


def _value(server: psycopg.Connection, statement: bytes) -> object:
    row = server.execute(statement).fetchone()
    return row and row[0]
