"""Queries whose rows are those of an export, written down by the database.

SQLite keeps times as they are exported; on PostgreSQL those at the end of a row are mended
afterwards, see `timApp.guard.export.times`, and others are written by PostgreSQL.
"""

from typing import Any

import sqlalchemy as sa

from timApp.database.dialects.functions import IsoTime
from timApp.guard.export.cells import escaped_cell
from timApp.guard.export.table import Columns, Table, is_time


def csv_query(table: Table, *, is_sqlite: bool) -> sa.Select[Any]:
    """Return the query for the cells of the table, none of which is a formula."""
    if is_sqlite:
        return sheet_query(table)
    return sa.select(*_escaped(_cells_on_postgresql(table)).values())


def json_query(table: Table, *, is_sqlite: bool) -> sa.Select[Any]:
    """Return the query for one text a row: a JSON object that is one line."""
    if is_sqlite:
        pairs = [part for pair in table.columns.items() for part in pair]
        return table.selected(sa.func.json_object(*pairs))
    cells = _cells_on_postgresql(table)
    row = sa.select(*(cell.label(name) for name, cell in cells.items())).subquery("row")
    return sa.select(sa.func.row_to_json(row.table_valued()))


def sheet_query(table: Table) -> sa.Select[Any]:
    """Return the query for the cells of the table, none a formula, with times as they are kept."""
    return table.selected(*_escaped(table.columns).values())


def _escaped(cells: Columns) -> Columns:
    return {
        name: escaped_cell(cell) if isinstance(cell.type, sa.String) else cell
        for name, cell in cells.items()
    }


def _cells_on_postgresql(table: Table) -> Columns:
    """Return the columns of ordered rows."""
    # PostgreSQL would carry what it orders by through all that is done with the cells, and that
    # takes longer than to do it outside. It leaves the rows in their order there: it reads them
    # one by one.
    plain = table.selected(*(cell.label(name) for name, cell in table.columns.items()))
    mended = table.times_at_end
    return {
        column.name: IsoTime(column) if is_time(column) and column.name not in mended else column
        for column in plain.subquery("plain").c
    }
