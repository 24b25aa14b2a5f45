"""Connections to SQLite that are kept for long."""

import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from timApp.database.sqlite import PatientSQLite, connect

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
