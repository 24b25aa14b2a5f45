"""Rows as CSV or JSON, streamed: memory does not grow with their number."""

from collections.abc import Generator, Iterator

import sqlalchemy as sa

from timApp.database.patience import LONG_PATIENCE, current_patience, patience
from timApp.guard.export.lines import Lines, rows_as_csv, rows_as_json, rows_of_sheet
from timApp.guard.export.sheet import Sheet, csv_lines
from timApp.guard.export.table import Table
from timApp.guard.vocabulary import ExportFormatOptions
from timApp.util.turns import turn_given

#: How an export is written down.
Form = ExportFormatOptions | Sheet


class Export:
    """One export, to be iterated over once: UTF-8 text in blocks of bytes.

    `row_count` is known before the first block and comes from the same snapshot of the database
    as the rows, so that whoever receives them can tell whether all have arrived: a server may
    end an answer whose source failed in the same way as one that is complete. A CSV that fails
    half-way also ends with a line that says so, and JSON is then no JSON.
    Rows are in the order of the table. Times are ISO 8601 in UTC, with microseconds, but for those
    of a `Sheet`. The database itself writes the rows down, as far as it can. No cell of a CSV is a
    formula. Call `close` in any case; it ends the snapshot.
    """

    def __init__(self, engine: sa.Engine, table: Table, form: Form) -> None:
        self.table = table
        self._form = form
        self._lines: Generator[Lines] | None = None
        self._written = 0
        # Whoever iterates may have another patience, or none; where there is a limit now, the count
        # and each block may take this long.
        self._patience = None if current_patience() is None else LONG_PATIENCE
        self._connection = engine.connect()
        try:
            self._begin_snapshot()
            with patience(self._patience), turn_given():  # of ten million it takes a second
                self.row_count = self._connection.scalars(table.count).one()
        except BaseException:
            self.close()
            raise

    @property
    def content_type(self) -> str:
        """The MIME type of the blocks."""
        if self._form is ExportFormatOptions.JSON:
            return "application/json"
        return "text/csv; charset=utf-8; header=present"

    @property
    def suffix(self) -> str:
        """What the name of a file with the blocks ends with."""
        return "json" if self._form is ExportFormatOptions.JSON else "csv"

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._json() if self._form is ExportFormatOptions.JSON else self._csv()
        finally:
            self.close()

    def close(self) -> None:
        """End the snapshot; may be called repeatedly."""
        with patience(self._patience):
            if self._lines is not None:
                self._lines.close()
            self._connection.close()

    def _begin_snapshot(self) -> None:
        if self._connection.dialect.name == "sqlite":
            # Reads stay outside a transaction by default; here two of them have to agree.
            self._connection.exec_driver_sql("BEGIN")
        else:
            self._connection.execution_options(isolation_level="REPEATABLE READ")
            self._prepare_postgresql()

    def _prepare_postgresql(self) -> None:
        """Set up, until the end of the transaction, how rows are written and found."""
        settings = {
            # `timApp.guard.export.times` counts on how times are written.
            "client_encoding": "UTF8",
            "TimeZone": "UTC",
            "DateStyle": "ISO",
            # Workers would sort all rows before the first one leaves, though an index has their
            # order, and take the cores from others; a compilation would delay the first row, too.
            "max_parallel_workers_per_gather": "0",
            "jit": "off",
        }
        self._connection.execute(
            sa.select(
                *(sa.func.set_config(name, value, sa.true()) for name, value in settings.items())
            )
        )

    def _csv(self) -> Iterator[bytes]:
        form = self._form
        if isinstance(form, Sheet):
            separator, lines = form.separator, rows_of_sheet(self._connection, self.table, form)
            yield form.heading(self.table)
        else:
            separator, lines = ",", rows_as_csv(self._connection, self.table)
            yield csv_lines([self.table.names])
        try:
            yield from self._passed_on(lines)
        except Exception:
            counts = f"{self._written} of {self.row_count} {self.table.noun}"
            yield csv_lines([[f"EXPORT FAILED: {counts} are above this line"]], separator)
            raise

    def _json(self) -> Iterator[bytes]:
        separator = b"[\n"
        for objects in self._passed_on(rows_as_json(self._connection, self.table)):
            yield separator + objects
            separator = b",\n"
        yield b"\n]\n" if separator == b",\n" else b"[]\n"

    def _passed_on(self, lines: Generator[Lines]) -> Iterator[bytes]:
        """Yield the lines, and count them once they are passed on."""
        self._lines = lines
        while True:
            with patience(self._patience):
                found = next(lines, None)
            if found is None:
                return
            block, rows = found
            yield block
            self._written += rows
