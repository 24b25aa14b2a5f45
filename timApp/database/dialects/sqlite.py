"""Connections to SQLite that wait no longer than whoever asks, and notice that their file is gone.

A connection goes on in a file that was moved or replaced, without an error: what it commits is lost
for whoever looks at the path. So it does in a log that was removed. So both are compared with those
that were opened: before a statement, if that was not done in the last 10 ms, and around a commit;
within a transaction, the file alone, before each statement. No connection makes a file where none
is: only who migrates does (`timApp.database.dialects.sqlitefile`).

Whoever waits for another writer tries often, and gives the turn of its thread to others meanwhile.
SQLite's own waiting is not used: it is not fair.
"""

import math
import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from typing import Any, TypeVar, cast

from timApp.database.dialects.sqliteerrors import is_out_of_reach, will_pass
from timApp.database.dialects.sqlitelog import (
    Files,
    file_at,
    files_at,
    is_empty,
    remove_log,
    uri_of,
    wait_until_whole,
)
from timApp.database.patience import current_patience
from timApp.util.turns import turn_given

_Result = TypeVar("_Result")

#: Seconds that a connection waits for another one that writes, where there is no other limit.
SQLITE_BUSY_TIMEOUT = 30
#: Seconds between two tries of whoever waits for another one, at least and at most. SQLite's own
#: waiting pauses for up to 100 ms, in which a process that writes without end is never met at rest.
_TRY_EVERY = (0.0005, 0.002)

#: Bytes of a database file that SQLite reads as memory; it takes no more. A look into a large file
#: reads several pages, and those that SQLite has copied it forgets whenever somebody writes.
_MAPPED = 2**31
#: KiB that a connection copies of what lies beyond them.
_CACHE = 16_000
#: Seconds for which a file that is in its place is not looked at again. To look takes as long as
#: half of what a request asks; whatever writes looks in any case.
_IN_PLACE = 0.01
#: A commit waits until the disk has it, also if the power fails in the next moment.
SAFE = "PRAGMA synchronous = FULL"
#: A commit may be lost then, the last ones at most, and nothing else.
LOST_IN_CRASH = "PRAGMA synchronous = NORMAL"
_SETTINGS = (
    "PRAGMA journal_mode = WAL",
    SAFE,
    "PRAGMA foreign_keys = ON",
    f"PRAGMA mmap_size = {_MAPPED}",
    f"PRAGMA cache_size = -{_CACHE}",
    "PRAGMA schema_version",  # opens the log, so that it is known which one it is
)

#: For each file, by its path, who of this process tries to get it from another.
_queues: dict[str | None, threading.Lock] = {}


class DatabaseMoved(sqlite3.OperationalError):
    """Another file is at the path, or none, or the log is another one.

    Nothing was committed, or it is not known.
    """

    sqlite_errorcode = sqlite3.SQLITE_READONLY_DBMOVED
    sqlite_errorname = "SQLITE_READONLY_DBMOVED"


class PatientCursor(sqlite3.Cursor):
    """Executes statements of a `PatientSQLite`."""

    def execute(self, sql: str, parameters: Any = (), /) -> "PatientCursor":
        """Execute a statement, as the driver does."""
        _patiently(cast(PatientSQLite, self.connection), super().execute, sql, parameters)
        return self

    def executemany(self, sql: str, parameters: Any, /) -> "PatientCursor":
        """Execute a statement with each of the parameters, as the driver does."""
        _patiently(cast(PatientSQLite, self.connection), super().executemany, sql, parameters)
        return self


class PatientSQLite(sqlite3.Connection):
    """A connection that waits for others as long as the patience of this context lasts."""

    def __init__(self, *arguments: Any, **parameters: Any) -> None:
        super().__init__(*arguments, **parameters)
        self._path: str | None = None
        #: The path where links lead, which is what SQLite has its log beside.
        self._target = ""
        self._files = Files(None, None, None)
        #: Until when, on the clock `time.monotonic`, the file is taken to be where it was.
        self.in_place_until = -math.inf

    def cursor(self, factory: Any = PatientCursor) -> Any:
        """Return a cursor, as the driver does.

        This is where the driver forgets those that are gone: cursors made in another way leak.
        """
        return super().cursor(factory)

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Execute a statement, as the driver does, and return a cursor to fetch from."""
        cursor = super().cursor(sqlite3.Cursor)
        _patiently(self, cursor.execute, sql, parameters)
        return cursor

    def executemany(self, sql: str, parameters: Any, /) -> sqlite3.Cursor:
        """Execute a statement with each of the parameters, as the driver does."""
        cursor = super().cursor(sqlite3.Cursor)
        _patiently(self, cursor.executemany, sql, parameters)
        return cursor

    def read_first(self, sql: str, parameters: Any) -> tuple[Any, ...] | None:
        """Return the first row of a query, or None: what each request asks comes this way.

        It is outside of a transaction, where nobody has to be waited for but while SQLite tidies
        up: then it takes the way of all statements.
        """
        if time.monotonic() > self.in_place_until:
            self.look()
        try:
            # To its end, or else the cursor would keep SQLite's log from being tidied up.
            rows = self._reader.execute(sql, parameters).fetchall()
        except sqlite3.OperationalError:
            rows = self.execute(sql, parameters).fetchall()
        return rows[0] if rows else None

    def read_at_once(self, sql: str, parameters: Any) -> list[tuple[Any, ...]] | None:
        """Return the rows of a query outside of a transaction, without waiting for anybody.

        None if that cannot be: others keep the file, or it is not in its place.
        """
        now = time.monotonic()
        if now > self.in_place_until:
            if self._path is None or files_at(self._path, self._target) != self._files:
                return None
            self.in_place_until = now + _IN_PLACE
        try:
            rows: list[tuple[Any, ...]] = self._reader.execute(sql, parameters).fetchall()
        except sqlite3.Error:
            return None
        return rows

    @cached_property
    def _reader(self) -> sqlite3.Cursor:
        return super().cursor(sqlite3.Cursor)

    def commit(self) -> None:
        """Commit, as the driver does; `DatabaseMoved` if it may not be in the file at the path."""
        if self.in_transaction:
            self.require_in_place(thoroughly=True)
            super().commit()
            self.require_in_place(thoroughly=True)

    def close(self) -> None:
        """Close, as the driver does, and end the transaction at once.

        A cursor that is still known, as to the traceback of an error, would keep both alive, and
        everybody else from writing.
        """
        with suppress(sqlite3.Error):  # it is closed already
            self.rollback()
        super().close()

    def set_up(self, path: str | None) -> None:
        """Get ready for use; `path` is that of the file, None for a database in memory."""
        before = None if path is None else file_at(path)
        left = _seconds_left()
        self.isolation_level = "IMMEDIATE"
        self.execute_plainly(f"PRAGMA busy_timeout = {math.ceil(left * 1000)}")
        for setting in _SETTINGS:
            self.execute_plainly(setting)
        self.execute_plainly("PRAGMA busy_timeout = 0")  # it is `when_free` that waits from now on
        if path is not None:
            self._path, self._target = path, os.path.realpath(path)
            self._files = files_at(path, self._target)._replace(database=before)
            self.require_in_place(thoroughly=True)

    def when_free(self, step: Callable[[], object], until: float) -> None:
        """Do the step once nobody else keeps the database; its error if that takes too long.

        `until` is a moment of the clock `time.monotonic`. One thread of a process tries for a file,
        often, and the others queue behind it: a hall that waits takes no more of the cores.
        """
        queue = _queues.setdefault(self._path, threading.Lock())
        is_first = queue.acquire(timeout=max(0, until - time.monotonic()))
        try:
            while True:
                time.sleep(random.uniform(*_TRY_EVERY))  # noqa: S311 - no secret
                try:
                    step()
                except sqlite3.OperationalError as error:
                    if time.monotonic() >= until or not will_pass(error):
                        raise
                else:
                    return
        finally:
            if is_first:
                queue.release()

    def execute_plainly(self, sql: str) -> Any:
        """Execute a statement without any care; return its first row, or None."""
        return super().cursor(sqlite3.Cursor).execute(sql).fetchone()

    def look(self) -> None:
        """Check what `require_in_place` does, thoroughly, unless that was done a moment ago."""
        now = time.monotonic()
        if now > self.in_place_until:
            self.require_in_place(thoroughly=True)
            self.in_place_until = now + _IN_PLACE

    def require_in_place(self, *, thoroughly: bool = False) -> None:
        """Check that the file at the path is the one that was opened; `DatabaseMoved` if not.

        Thoroughly means that its log is looked at, too: somebody may have removed it, and a file
        that was moved away and back has another one by now, if somebody has opened it meanwhile.
        """
        path = self._path
        if path is None:
            return
        is_there = file_at(path) == self._files.database
        if is_there and (not thoroughly or files_at(path, self._target) == self._files):
            return
        self._leave_file(is_there=is_there)
        what = (
            f"the log of the file {path} was removed"
            if is_there
            else f"the file {path} was moved away"
        )
        msg = f"{what} or replaced"
        raise DatabaseMoved(msg)

    def _leave_file(self, *, is_there: bool) -> None:
        """Undo the transaction, and leave nothing at the path that is not of the file there.

        What is in the log goes into the file that was opened. If another one is at the path, the
        log is removed, or else it would be taken for a part of that. While somebody else writes
        it cannot be; who comes next tries again.
        """
        with suppress(sqlite3.Error, OSError):
            self.rollback()
            (was_busy, *_) = self.execute_plainly("PRAGMA wal_checkpoint(TRUNCATE)")
            if not was_busy and not is_there:
                remove_log(self._target, self._files)


def _patiently(
    connection: PatientSQLite, execute: Callable[..., object], sql: str, parameters: Any
) -> None:
    """Execute a statement of a connection; each request comes this way."""
    was_in_transaction = connection.in_transaction
    begun = time.monotonic()
    if was_in_transaction:
        connection.require_in_place()
    else:
        connection.look()
    patience = current_patience()
    try:
        execute(sql, parameters)
    except sqlite3.OperationalError as error:
        until = begun + (SQLITE_BUSY_TIMEOUT if patience is None else patience.left)
        if until <= time.monotonic() or not will_pass(error):
            raise
        # Nothing of the statement was done. Others may work at once, for one of them may be what
        # keeps the database and waits for this turn.
        with turn_given():
            connection.when_free(lambda: execute(sql, parameters), until)
    finally:
        if patience is not None:
            patience.left -= time.monotonic() - begun
    if was_in_transaction and not connection.in_transaction:
        connection.require_in_place(thoroughly=True)  # it was the end of a transaction


def connect(path: str, *, may_be_empty: bool = True, **parameters: Any) -> PatientSQLite:
    """Return a connection to a SQLite database, as SQLAlchemy's dialect asks the driver for one.

    A path is opened only if there is a file; a database in memory or a URI of SQLite's is opened as
    it says. An empty file becomes an empty database, if it may be. `sqlite3.Error` if it cannot be
    opened.
    """
    is_file = path != ":memory:" and not parameters.get("uri")
    parameters["factory"] = PatientSQLite
    if not is_file:
        return _set_up(sqlite3.connect(path, **parameters), None)
    path = os.path.abspath(path)  # noqa: PTH100 - no link is to be followed
    if not may_be_empty and is_empty(path):
        msg = f"the file {path} is empty; if it is to be a new database, run `timapp db upgrade`"
        raise DatabaseMoved(msg)
    try:
        wait_until_whole(os.path.realpath(path), _seconds_left())
        return _set_up(sqlite3.connect(uri_of(path), uri=True, **parameters), path)
    except sqlite3.OperationalError as error:
        if is_out_of_reach(error):
            error.args = (f"{error}: {path}",)  # SQLite does not say which one
        raise


def _set_up(connection: sqlite3.Connection, path: str | None) -> PatientSQLite:
    assert isinstance(connection, PatientSQLite)  # noqa: S101 - narrows the type for mypy
    try:
        connection.set_up(path)
    except BaseException:
        connection.close()
        raise
    return connection


def _seconds_left() -> float:
    patience = current_patience()
    return SQLITE_BUSY_TIMEOUT if patience is None else max(patience.left, 0)
