"""Sessions as CSV or JSON, streamed: memory does not grow with their number."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Any

import sqlalchemy as sa

from timApp.auth.session.filter import SessionFilter
from timApp.auth.session.model import UserSession
from timApp.user.user import User

COLUMNS = ("user", "session_id", "origin", "logged_in_at", "expired_at")

#: So many rows are fetched and passed on at a time.
_ROWS_PER_BLOCK = 2000


class ExportFormat(Enum):
    """How exported sessions are written down."""

    CSV = "csv"
    JSON = "json"


class SessionExport:
    """One export, to be iterated over once: UTF-8 text in blocks of bytes.

    `row_count` is known before the first block and comes from the same snapshot of the database
    as the rows, so that whoever receives them can tell whether all have arrived: a server may
    end an answer whose source failed in the same way as one that is complete. A CSV that fails
    half-way also ends with a line that says so, and JSON is then no JSON.
    Rows are ordered by user, then by time of login. Times are ISO 8601 in UTC.
    Call `close` in any case; it ends the snapshot.
    """

    def __init__(
        self, engine: sa.Engine, which: SessionFilter, export_format: ExportFormat
    ) -> None:
        self._format = export_format
        self._which = which
        self._result: sa.CursorResult[Any] | None = None
        self._connection = engine.connect()
        try:
            self._begin_snapshot()
            self.row_count = self._count()
        except BaseException:
            self.close()
            raise

    @property
    def content_type(self) -> str:
        """The MIME type of the blocks."""
        csv_type = "text/csv; charset=utf-8; header=present"
        return csv_type if self._format is ExportFormat.CSV else "application/json"

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._blocks()
        finally:
            self.close()

    def close(self) -> None:
        """End the snapshot; may be called repeatedly."""
        if self._result is not None:
            self._result.close()
        self._connection.close()

    def _begin_snapshot(self) -> None:
        if self._connection.dialect.name == "sqlite":
            # Reads stay outside a transaction by default; here two of them have to agree.
            self._connection.exec_driver_sql("BEGIN")
        else:
            self._connection.execution_options(isolation_level="REPEATABLE READ")

    def _count(self) -> int:
        query = sa.select(sa.func.count()).select_from(UserSession)
        return self._connection.scalars(query.where(*self._which.conditions())).one()

    def _rows(self) -> Iterator[Sequence[sa.Row[Any]]]:
        query = (
            sa.select(
                User.name,
                UserSession.session_id,
                UserSession.origin,
                self._iso_time(UserSession.logged_in_at),
                self._iso_time(UserSession.expired_at),
            )
            .join(User, User.id == UserSession.user_id)
            .where(*self._which.conditions())
            .order_by(UserSession.user_id, UserSession.logged_in_at, UserSession.session_id)
        )
        self._result = self._connection.execution_options(yield_per=_ROWS_PER_BLOCK).execute(query)
        return self._result.partitions()

    def _iso_time(self, column: sa.SQLColumnExpression[Any]) -> sa.ColumnElement[Any]:
        """Let the database write the time down, which is faster than doing it here."""
        if self._connection.dialect.name == "sqlite":
            return sa.type_coerce(column, sa.Text())  # it is stored as ISO 8601 text
        return sa.func.to_char(
            sa.func.timezone("UTC", column), 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'
        )

    def _blocks(self) -> Iterator[bytes]:
        return self._csv_blocks() if self._format is ExportFormat.CSV else self._json_blocks()

    def _csv_blocks(self) -> Iterator[bytes]:
        written = 0
        yield _csv_lines([COLUMNS])
        try:
            for rows in self._rows():
                yield _csv_lines([[neutral_cell(cell) for cell in row] for row in rows])
                written += len(rows)
        except Exception:
            message = f"EXPORT FAILED: {written} of {self.row_count} sessions are above this line"
            yield _csv_lines([[message]])
            raise

    def _json_blocks(self) -> Iterator[bytes]:
        separator = "[\n"
        for rows in self._rows():
            objects = (
                json.dumps(dict(zip(COLUMNS, row, strict=True)), ensure_ascii=False) for row in rows
            )
            yield (separator + ",\n".join(objects)).encode()
            separator = ",\n"
        yield b"\n]\n" if separator == ",\n" else b"[]\n"


def neutral_cell(cell: str | None) -> str:
    """Return a CSV cell that no spreadsheet runs as a formula; None becomes the empty cell.

    A cell that begins with ``=``, ``+``, ``-`` or ``@``, after blanks and control characters or
    not, gets an apostrophe in front, which a spreadsheet shows as text.
    Source: OWASP, CSV Injection.
    """
    if cell is None:
        return ""
    first = cell.lstrip()[:1]
    if first in {"=", "+", "-", "@"} or cell[:1] in {"\t", "\r", "\n"}:
        return f"'{cell}"
    return cell


def _csv_lines(rows: Sequence[Sequence[str]]) -> bytes:
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue().encode()
