"""The lines of an export, some at a time."""

from collections.abc import Generator
from contextlib import closing

import sqlalchemy as sa

from timApp.database.driver.rows import copied, fetched
from timApp.guard.export.query import csv_query, json_query, sheet_query
from timApp.guard.export.sheet import Sheet, csv_lines
from timApp.guard.export.table import Table
from timApp.guard.export.times import csv_row_end, json_row_end

#: So much is passed on at a time.
_BLOCK_BYTES = 65_536
#: How many rows are fetched at a time where rows are: about a block, with browsers of today.
_BLOCK_ROWS = 400
# JSON has none of these characters as they are, so that COPY writes it unchanged.
_COPY_JSON = r"FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02'"

#: The lines of some rows, each with its end, and how many they are.
Lines = tuple[bytes, int]


def rows_as_csv(connection: sa.Connection, table: Table) -> Generator[Lines]:
    """Yield the lines of a CSV, without its heading; close it in any case, like all of these."""
    if _is_sqlite(connection):
        query = csv_query(table, is_sqlite=True)
        with closing(fetched(connection, query, _BLOCK_ROWS)) as blocks:
            for rows in blocks:
                yield csv_lines(rows), len(rows)
        return
    query = csv_query(table, is_sqlite=False)
    end_row = csv_row_end(len(table.times_at_end))
    with closing(copied(connection, query, "FORMAT csv", end_row, _BLOCK_BYTES)) as copies:
        yield from copies


def rows_as_json(connection: sa.Connection, table: Table) -> Generator[Lines]:
    """Yield objects, with what separates them in between alone."""
    if _is_sqlite(connection):
        query = json_query(table, is_sqlite=True)
        with closing(fetched(connection, query, _BLOCK_ROWS)) as blocks:
            for rows in blocks:
                yield ",\n".join([text for (text,) in rows]).encode(), len(rows)
        return
    query = json_query(table, is_sqlite=False)
    end_row = json_row_end(table.times_at_end)
    with closing(copied(connection, query, _COPY_JSON, end_row, _BLOCK_BYTES)) as copies:
        for lines, count in copies:
            yield lines[:-2], count


def rows_of_sheet(connection: sa.Connection, table: Table, sheet: Sheet) -> Generator[Lines]:
    """Yield the lines of a CSV for spreadsheets, without its heading."""
    with closing(fetched(connection, sheet_query(table), _BLOCK_ROWS)) as blocks:
        for rows in blocks:
            yield sheet.lines(table, rows), len(rows)


def _is_sqlite(connection: sa.Connection) -> bool:
    return connection.dialect.name == "sqlite"
