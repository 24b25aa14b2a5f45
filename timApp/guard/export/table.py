"""What an export has: some columns of some rows, in an order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from timApp.database.dialects.types import UTCDateTime

#: Columns by their names, in order.
Columns = Mapping[str, sa.ColumnElement[Any]]


@dataclass(frozen=True)
class Table:
    """Rows that are asked for, and what is written down of each."""

    #: What its rows are, in a word.
    noun: str
    columns: Columns
    #: Selects the rows, without columns and in no order.
    rows: sa.Select[Any]
    order: Sequence[sa.ColumnElement[Any]]
    #: Selects their number.
    count: sa.Select[int]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(self.columns)

    @property
    def times_at_end(self) -> tuple[str, ...]:
        """The names of the times after which nothing else comes in a row."""
        names: list[str] = []
        for name in reversed(self.names):
            if not is_time(self.columns[name]):
                break
            names.insert(0, name)
        return tuple(names)

    def selected(self, *cells: sa.ColumnElement[Any]) -> sa.Select[Any]:
        """Return the query for these cells of each row, in order."""
        return self.rows.add_columns(*cells).order_by(*self.order)


def is_time(column: sa.ColumnElement[Any]) -> bool:
    """Tell whether a column has moments."""
    return isinstance(column.type, UTCDateTime)
