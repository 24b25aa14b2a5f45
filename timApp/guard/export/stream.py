"""Sessions as CSV or JSON, streamed: memory does not grow with their number."""

import csv
import io
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any

import sqlalchemy as sa

from timApp.database.driver.rows import copied, fetched
from timApp.database.patience import LONG_PATIENCE, current_patience, patience
from timApp.guard.export.query import COLUMNS, csv_query, json_query
from timApp.guard.export.times import end_csv_row, end_json_row
from timApp.guard.reading.filter import SessionFilter
from timApp.guard.tables.session import UserSession
from timApp.guard.vocabulary import ExportFormatOptions
from timApp.util.turns import turn_given

#: So much is passed on at a time.
_BLOCK_BYTES = 65_536
#: How many rows are fetched at a time where rows are: about a block, with browsers of today.
_BLOCK_ROWS = 400
# JSON has none of these characters as they are, so that COPY writes it unchanged.
_COPY_JSON = r"FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02'"

#: The lines of some rows, each with its end, and how many they are.
_Lines = tuple[bytes, int]


class SessionExport:
    """One export, to be iterated over once: UTF-8 text in blocks of bytes.

    `row_count` is known before the first block and comes from the same snapshot of the database
    as the rows, so that whoever receives them can tell whether all have arrived: a server may
    end an answer whose source failed in the same way as one that is complete. A CSV that fails
    half-way also ends with a line that says so, and JSON is then no JSON.
    Rows are ordered by user, then by time of login. Times are ISO 8601 in UTC, with microseconds.
    The database itself writes the rows down, as far as it can. No cell of a CSV is a formula.
    Call `close` in any case; it ends the snapshot.
    """

    def __init__(
        self, engine: sa.Engine, which: SessionFilter, export_format: ExportFormatOptions
    ) -> None:
        self._format = export_format
        self._which = which
        self._lines: Generator[_Lines] | None = None
        self._written = 0
        # Whoever iterates may have another patience, or none; where there is a limit now, the count
        # and each block may take this long.
        self._patience = None if current_patience() is None else LONG_PATIENCE
        self._connection = engine.connect()
        try:
            self._begin_snapshot()
            if not self._is_sqlite:
                self._prepare_postgresql()
            with patience(self._patience):
                self.row_count = self._count()
        except BaseException:
            self.close()
            raise

    @property
    def content_type(self) -> str:
        """The MIME type of the blocks."""
        csv_type = "text/csv; charset=utf-8; header=present"
        return csv_type if self._format is ExportFormatOptions.CSV else "application/json"

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._csv() if self._format is ExportFormatOptions.CSV else self._json()
        finally:
            self.close()

    def close(self) -> None:
        """End the snapshot; may be called repeatedly."""
        with patience(self._patience):
            if self._lines is not None:
                self._lines.close()
            self._connection.close()

    @property
    def _is_sqlite(self) -> bool:
        return self._connection.dialect.name == "sqlite"

    def _begin_snapshot(self) -> None:
        if self._is_sqlite:
            # Reads stay outside a transaction by default; here two of them have to agree.
            self._connection.exec_driver_sql("BEGIN")
        else:
            self._connection.execution_options(isolation_level="REPEATABLE READ")

    def _count(self) -> int:
        query = sa.select(sa.func.count()).select_from(UserSession)
        with turn_given():  # of ten million it takes a second
            return self._connection.scalars(query.where(*self._which.conditions())).one()

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
        yield _csv_lines([COLUMNS])
        try:
            yield from self._passed_on(self._csv_rows())
        except Exception:
            counts = f"{self._written} of {self.row_count}"
            yield _csv_lines([[f"EXPORT FAILED: {counts} sessions are above this line"]])
            raise

    def _json(self) -> Iterator[bytes]:
        separator = b"[\n"
        for objects in self._passed_on(self._json_rows()):
            yield separator + objects
            separator = b",\n"
        yield b"\n]\n" if separator == b",\n" else b"[]\n"

    def _passed_on(self, lines: Generator[_Lines]) -> Iterator[bytes]:
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

    def _csv_rows(self) -> Generator[_Lines]:
        query = csv_query(self._which, is_sqlite=self._is_sqlite)
        if self._is_sqlite:
            with closing(fetched(self._connection, query, _BLOCK_ROWS)) as blocks:
                for rows in blocks:
                    yield _csv_lines(rows), len(rows)
            return
        with closing(
            copied(self._connection, query, "FORMAT csv", end_csv_row, _BLOCK_BYTES)
        ) as copies:
            yield from copies

    def _json_rows(self) -> Generator[_Lines]:
        """Yield objects, with what separates them in between alone."""
        query = json_query(self._which, is_sqlite=self._is_sqlite)
        if self._is_sqlite:
            with closing(fetched(self._connection, query, _BLOCK_ROWS)) as blocks:
                for rows in blocks:
                    yield ",\n".join([text for (text,) in rows]).encode(), len(rows)
            return
        with closing(
            copied(self._connection, query, _COPY_JSON, end_json_row, _BLOCK_BYTES)
        ) as copies:
            for lines, count in copies:
                yield lines[:-2], count


def _csv_lines(rows: Iterable[Sequence[Any]]) -> bytes:
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue().encode()
