"""Reads of many rows with nothing between the driver and us.

SQLAlchemy takes longer to hand a row over than the database takes to find it. What the drivers
raise becomes what SQLAlchemy would have raised, and the connection is then given up.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa


def fetched(
    connection: sa.Connection, query: sa.Select[Any], size: int
) -> Generator[Sequence[Any]]:
    """Yield the rows as the driver returns them, so many at a time; close it in any case."""
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
    statement, parameters = _bound(query, connection.dialect)
    driver: Any = connection.connection.driver_connection
    with (
        _driver_errors(connection, query),
        driver.cursor() as cursor,
        cursor.copy(f"COPY ({statement}) TO STDOUT ({options})", parameters) as copy,
    ):
        # To collect the rows in a list takes as long again as to receive them.
        block, rows = bytearray(), 0
        for row in copy:
            block += row
            end_row(block)
            rows += 1
            if len(block) >= size:
                yield bytes(block), rows
                block.clear()
                rows = 0
        if rows:
            yield bytes(block), rows


def _bound(query: sa.Select[Any], dialect: sa.Dialect) -> tuple[str, dict[str, Any]]:
    """Return the statement and its parameters as the driver wants them."""
    compiled = query.compile(dialect=dialect)
    parameters = {}
    for name, value in compiled.construct_params().items():
        kind = compiled.binds[name].type
        process = kind.dialect_impl(dialect).bind_processor(dialect)
        parameters[name] = process(value) if process else value
    return str(compiled), parameters


@contextmanager
def _driver_errors(connection: sa.Connection, query: sa.Select[Any]) -> Iterator[None]:
    dialect = connection.dialect
    driver_error = dialect.loaded_dbapi.Error
    try:
        yield
    except driver_error as error:
        connection.invalidate(error)
        raise sa.exc.DBAPIError.instance(
            str(query.compile(dialect=dialect)), None, error, driver_error, dialect=dialect
        ) from error
