"""CSV as Excel and the like take it at a double click: for the reader's language and clock."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pytz import BaseTzInfo

from timApp.guard.export.cells import SIGNS
from timApp.guard.export.table import Table, is_time

#: Says that what follows is UTF-8.
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# A program that parts cells by another character than ours would take what follows it for a cell.
_CELL_WITHIN = re.compile(rf'([,;\t\r\n][\s"\u200b\ufeff]*)(?=[{re.escape(SIGNS)}])')


@dataclass(frozen=True)
class Sheet:
    """Whom a CSV is written for.

    Times are those of clocks in `zone`, to the second, as spreadsheets of any language read them;
    the zone stands in the heading. `separator` parts the cells: a semicolon where decimals are
    parted by a comma.
    """

    zone: BaseTzInfo
    separator: str = ","

    def heading(self, table: Table) -> bytes:
        """Return the first line, and what comes before it."""
        cells = [
            f"{name} ({self.zone})" if is_time(column) else name
            for name, column in table.columns.items()
        ]
        return BYTE_ORDER_MARK + csv_lines([cells], self.separator)

    def lines(self, table: Table, rows: Iterable[Sequence[Any]]) -> bytes:
        """Return the lines of rows of which no cell is a formula, as the driver returns them."""
        has_times = [is_time(column) for column in table.columns.values()]
        return csv_lines(
            (
                [
                    self._time(cell) if has_time else _quelled(cell)
                    for has_time, cell in zip(has_times, row, strict=True)
                ]
                for row in rows
            ),
            self.separator,
        )

    def _time(self, value: datetime | str | None) -> str:
        if value is None:
            return ""
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment.astimezone(self.zone).strftime("%Y-%m-%d %H:%M:%S")


def csv_lines(rows: Iterable[Sequence[Any]], separator: str = ",") -> bytes:
    """Return the lines of a CSV, each with its end."""
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=separator).writerows(rows)
    return buffer.getvalue().encode()


def _quelled(cell: Any) -> Any:
    return _CELL_WITHIN.sub(r"\1'", cell) if isinstance(cell, str) else cell
