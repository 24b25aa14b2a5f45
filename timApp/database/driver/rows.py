"""Reads of many rows with nothing between the driver and us.

SQLAlchemy takes longer to hand a row over than the database takes to find it. What the drivers
raise becomes what SQLAlchemy would have raised, and the connection is then given up.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from timApp.database.driver.statement import DriverStatement, sqlalchemys_error


def fetched(
    connection: sa.Connection, query: sa.Select[Any], size: int
) -> Generator[Sequence[Any]]:
    """Yield the rows as the driver returns them, `size` at a time; close it in any case.

    None of them is kept once it is yielded; on PostgreSQL the server has those that are to come.
    """
    if connection.dialect.name == "postgresql":
        statement = DriverStatement(connection.dialect, query)
        driver: Any = connection.connection.driver_connection
        with _driver_errors(connection, query), driver.cursor(name="fetched") as cursor:
            cursor.execute(statement.text, statement.given({}))
            while rows := cursor.fetchmany(size):
                yield rows
        return
    with _driver_errors(connection, query), connection.execute(query) as result:
        cursor = result.cursor
        assert cursor is not None  # noqa: S101 - narrows the type for mypy
        while rows := cursor.fetchmany(size):
            yield rows


def copied(
    connection: sa.Connection,
    query: sa.Select[Any],
    options: str,
    end_row: Callable[[bytearray], object],
    size: int,
) -> Generator[tuple[bytes, int]]:
    """Yield rows as PostgreSQL's COPY (with these options) writes them, and how many they are.

    Each goes through `end_row` as the last one of the block, which it may change, before the next
    one comes. A block has at least `size` bytes, but for the last one. Close it in any case.
    """
    dialect = connection.dialect
    statement = DriverStatement(dialect, query)
    driver: Any = connection.connection.driver_connection
    with (
        _driver_errors(connection, query),
        driver.cursor() as cursor,
        cursor.copy(f"COPY ({statement.text}) TO STDOUT ({options})", statement.given({})) as copy,
    ):
        # To collect the rows in a list takes as long again as to receive them.
        block, rows = bytearray(), 0
        for row in _received(copy, driver, dialect.loaded_dbapi):
            block += row
            end_row(block)
            rows += 1
            if len(block) >= size:
                yield bytes(block), rows
                block.clear()
                rows = 0
        if rows:
            yield bytes(block), rows


def _received(copy: Any, driver: Any, psycopg: Any) -> Iterator[memoryview]:
    """Yield what iterating over `copy` yields.

    Rows that have arrived are taken from libpq: to ask psycopg for each takes longer than all
    that is done with it here.
    """
    take = driver.pgconn.get_copy_data
    while True:
        size, row = take(1)
        if size > 0:
            yield row
        elif size == 0:  # none has arrived
            row = copy.read()
            if not row:
                return
            yield row
        else:
            result = driver.wait(psycopg.generators.fetch_many(driver.pgconn))[0]
            if result.status != psycopg.pq.ExecStatus.COMMAND_OK:
                raise psycopg.errors.error_from_result(result)
            return


@contextmanager
def _driver_errors(connection: sa.Connection, query: sa.Select[Any]) -> Iterator[None]:
    dialect = connection.dialect
    try:
        yield
    except dialect.loaded_dbapi.Error as error:
        connection.invalidate(error)
        raise sqlalchemys_error(error, str(query.compile(dialect=dialect)), dialect) from error
