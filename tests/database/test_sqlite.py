"""Connections to SQLite that are kept for long."""

import math
import multiprocessing
import sqlite3
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from tests.database.waiting import traced, written_after
from tests.live import eventually
from timApp.database.dialects.sqlite import DatabaseMoved, PatientSQLite, connect

#: Statements, and the bytes that may be left of all of them: not even a pointer of each.
STATEMENTS, LEFT = 5_000, 30_000
#: Seconds for which a process writes, and for which it does not.
_HELD, _AT_REST = 0.02, 0.001
#: How often somebody else writes, and how often on average the process may come first.
_TURNS, _PASSED_OVER = 10, 10


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[PatientSQLite]:
    """A connection to a file with a table in it."""
    path = tmp_path / "a.db"
    path.touch()
    with closing(connect(str(path), check_same_thread=False)) as connection:
        connection.execute("CREATE TABLE name (name)")
        yield connection


def _execute(connection: PatientSQLite) -> None:
    connection.execute("SELECT * FROM name").fetchone()


def _execute_many(connection: PatientSQLite) -> None:
    connection.executemany("UPDATE name SET name = ?", [("a",)])
    connection.rollback()


def _execute_plainly(connection: PatientSQLite) -> None:
    connection.execute_plainly("SELECT * FROM name")


def _by_cursor(connection: PatientSQLite) -> None:
    connection.cursor().execute("SELECT * FROM name").fetchone()


@pytest.mark.parametrize("ask", [_execute, _execute_many, _execute_plainly, _by_cursor])
def test_a_connection_that_is_kept_does_not_grow(
    connection: PatientSQLite, ask: Callable[[PatientSQLite], None]
) -> None:
    """Of thousands of statements nothing is left in memory, in whatever way they are made."""
    for _ in range(1_000):
        ask(connection)
    tracemalloc.start()
    try:
        for _ in range(STATEMENTS):
            ask(connection)
        left, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert left < LEFT


def test_nothing_is_written_to_a_file_that_was_just_seen_in_its_place(
    connection: PatientSQLite, tmp_path: Path
) -> None:
    """Reads look where the file is now and then; what writes, at each statement."""
    connection.in_place_until = math.inf
    away = (tmp_path / "a.db").rename(tmp_path / "away.db")
    assert connection.execute("SELECT count(*) FROM name").fetchone() == (0,)
    connection.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseMoved):
        connection.execute("INSERT INTO name VALUES ('a')")
    with closing(sqlite3.connect(away)) as moved:
        assert moved.execute("SELECT count(*) FROM name").fetchone() == (0,)


def _write_without_end(path: str, is_over: Event) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        while not is_over.is_set():
            writer.execute("BEGIN IMMEDIATE")
            writer.execute("INSERT INTO name VALUES ('endless')")
            is_over.wait(_HELD)
            writer.execute("COMMIT")
            is_over.wait(_AT_REST)


def test_whoever_waits_for_a_process_that_writes_without_end_gets_a_turn_soon(
    connection: PatientSQLite, tmp_path: Path
) -> None:
    """It is not passed over by that process again and again, which rests a moment at a time."""
    processes = multiprocessing.get_context("spawn")
    is_over = processes.Event()
    path = str(tmp_path / "a.db")
    writer = processes.Process(target=_write_without_end, args=(path, is_over))
    writer.start()
    try:
        passed_over = 0
        for _ in range(_TURNS):
            before = _rows(connection)
            before = eventually(partial(_more_rows, connection, before))
            connection.execute("INSERT INTO name VALUES ('patient')")
            connection.commit()
            passed_over += _rows(connection) - before - 1
    finally:
        is_over.set()
        writer.join()
    assert writer.exitcode == 0
    assert passed_over < _PASSED_OVER * _TURNS


def test_a_step_within_a_transaction_waits_for_others_that_write(
    connection: PatientSQLite, tmp_path: Path
) -> None:
    """A transaction that begins to write late waits as well, and sees what they wrote."""
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("INSERT INTO name VALUES ('a')")
        connection.execute("BEGIN")
        update = "UPDATE name SET name = 'b' WHERE name = 'a'"
        updated = written_after(
            partial(other.execute, "COMMIT"), connection, partial(connection.execute, update)
        )
        assert updated.rowcount == 1


def test_what_waiting_does_not_help_is_told_at_once(
    connection: PatientSQLite, tmp_path: Path
) -> None:
    """A transaction that has read what others changed since cannot write any more."""
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as other:
        connection.execute("BEGIN")
        _rows(connection)
        other.execute("INSERT INTO name VALUES ('a')")
        tries = traced(connection)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            connection.execute("DELETE FROM name")
        assert len(tries) == 1
        connection.rollback()
        assert _rows(connection) == 1


def _more_rows(connection: PatientSQLite, than: int) -> int | None:
    rows = _rows(connection)
    return rows if rows > than else None


def _rows(connection: PatientSQLite) -> int:
    count: int = connection.execute("SELECT count(*) FROM name").fetchone()[0]
    return count
