"""Connections to SQLite that are kept for long."""

import math
import sqlite3
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from timApp.database.sqlite import DatabaseMoved, PatientSQLite, connect

#: Statements, and the bytes that may be left of all of them: not even a pointer of each.
STATEMENTS, LEFT = 5_000, 30_000


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[PatientSQLite]:
    """A connection to a file with a table in it."""
    path = tmp_path / "a.db"
    path.touch()
    with closing(connect(str(path))) as connection:
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
