"""Small writes that requests make beside their own work, and do without if they cannot."""

import sqlite3
import time
from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from psycopg.errors import LockNotAvailable

from timApp.database.dialects.sqlite import LOST_IN_CRASH, SAFE
from timApp.database.dialects.sqliteerrors import is_locked
from timApp.database.driver.connections import use_driver
from timApp.database.driver.statement import DriverStatement, sqlalchemys_error
from timApp.database.failure import ERRORS, leave_out
from timApp.database.patience import shorter_patience

#: Seconds after which a write that was left out is tried again, by one request.
_AGAIN_AFTER = 5.0


class QuickWrite:
    """One update that is worth making, but not worth waiting for, and not worth a request."""

    def __init__(self, statement: sa.Update) -> None:
        self._statement = statement
        self._name = f"An update of {statement.table}"
        self._known: WeakKeyDictionary[sa.Engine, _WriteIn] = WeakKeyDictionary()

    def make_if_free(self, engine: sa.Engine, parameters: Mapping[str, object]) -> bool:
        """Make the update in a transaction of its own, or nothing if that would mean to wait.

        Tells whether a row was written.

        On PostgreSQL the statement itself has to pass over rows that are locked, and may say that
        it is `timApp.database.dialects.functions.LostInCrash`; on SQLite nothing is written while
        somebody else writes. Nothing is written, either, while the database only reads, is full,
        or keeps a table locked: that is a line in the log, and is tried again after some seconds.
        Other errors are those of SQLAlchemy.
        """
        known = self._known.get(engine)
        if known is None:
            known = self._known[engine] = _WriteIn(engine.dialect, self._statement)
        if not known.is_worth_a_try():
            return False
        try:
            return known.make(engine, parameters)
        except ERRORS as error:
            leave_out(engine, self._name, error)
            known.put_off()
            return False


class _WriteIn:
    """One update in one database, and whether to try it."""

    def __init__(self, dialect: sa.Dialect, statement: sa.Update) -> None:
        self._compiled = DriverStatement(dialect, statement)
        self._write, self._seconds = _WAYS[dialect.name]
        #: From when on it may be tried, on the clock `time.monotonic`; None if it last went well.
        self._again_at: float | None = None

    def is_worth_a_try(self) -> bool:
        """Tell whether to try; of those who ask after it has failed, one is told so at a time.

        The others would all wait for the same, thousands of them in a second.
        """
        again_at = self._again_at
        if again_at is None:
            return True
        is_time = time.monotonic() >= again_at
        if is_time:
            self.put_off()
        return is_time

    def put_off(self) -> None:
        """Let it be tried again only after a while."""
        self._again_at = time.monotonic() + _AGAIN_AFTER

    def make(self, engine: sa.Engine, parameters: Mapping[str, object]) -> bool:
        """Make the update; tell whether a row was written.

        Whatever goes wrong is an error of SQLAlchemy's, and changes nothing.
        """
        text, values = self._compiled.text, self._compiled.given(parameters)
        try:
            with shorter_patience(self._seconds):
                rows = use_driver(engine, self._write, text, values)
        except engine.dialect.loaded_dbapi.Error as error:
            raise sqlalchemys_error(error, text, engine.dialect) from error
        if rows is None:
            self.put_off()
            return False
        self._again_at = None
        return rows > 0


def _write_on_postgresql(connection: Any, text: str, values: object) -> int | None:
    """Return how many rows were written; None if it took a wait that was in vain."""
    try:
        rows: int = connection.execute(text, values).rowcount
    except LockNotAvailable:  # whoever runs the database has set a `lock_timeout`
        connection.rollback()
        return None
    connection.commit()  # nothing is sent for that by a connection that is kept
    return rows


def _write_on_sqlite(connection: sqlite3.Connection, text: str, values: Any) -> int | None:
    """Return how many rows were written: it never waits."""
    connection.execute(LOST_IN_CRASH)
    try:
        rows = connection.execute(text, values).rowcount
        connection.commit()
    except sqlite3.Error as error:
        connection.rollback()
        if not is_locked(error):
            raise
        rows = 0
    finally:
        connection.execute(SAFE)
    return rows


#: How each database is written to, and seconds that it may take. PostgreSQL waits for the lock of a
#: table before it does what a statement says, so that no statement can tell it not to; a setting
#: would be a round trip for each write, and is lost behind a pooler. So the write is given up, and
#: cancelled: after so long that a busy machine is not taken for a locked table.
_WAYS: dict[str, tuple[Callable[..., int | None], float]] = {
    "postgresql": (_write_on_postgresql, 0.5),
    "sqlite": (_write_on_sqlite, 0.0),
}
