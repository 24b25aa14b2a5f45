"""Reads that are made at each request, nearly as fast as the driver goes."""

from collections import namedtuple
from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary, ref

import sqlalchemy as sa

from timApp.database.dialects.postgresql import GaveUp
from timApp.database.driver.connections import are_kept, kept_connections
from timApp.database.driver.statement import DriverStatement, needed, sqlalchemys_error
from timApp.database.driver.steps import SteppedRead, begin_read
from timApp.database.work import UnitOfWork, Work, read_row, read_rows


class QuickRead:
    """One select, without lists of parameters (``IN``), of which few rows are wanted."""

    def __init__(self, statement: sa.Select[*tuple[Any, ...]]) -> None:
        self._statement = statement
        self._known: WeakKeyDictionary[sa.Engine, ReadOutside] = WeakKeyDictionary()
        row: Any = namedtuple("Row", statement.selected_columns.keys())  # type: ignore[misc]
        self._row = row._make

    def first(self, work: UnitOfWork, parameters: Mapping[str, object]) -> Any:
        """Return the first row, with the columns as attributes, or None.

        While the work is in a transaction the read is part of it, as `read_row` is.
        """
        if work.is_in_transaction():
            return read_row(work, self._statement, parameters)
        found = self.outside(work.engine).first(parameters)
        return None if found is None else self._row(found)

    def all(self, work: UnitOfWork, parameters: Mapping[str, object]) -> Sequence[Any]:
        """Return all rows, otherwise as `first` does."""
        if work.is_in_transaction():
            return read_rows(work, self._statement, parameters)
        return [self._row(found) for found in self.outside(work.engine).all(parameters)]

    def outside(self, engine: sa.Engine) -> "ReadOutside":
        """Return the read in one database, outside of any transaction; does not hold the engine."""
        known = self._known.get(engine)
        if known is None:
            known = self._known[engine] = ReadOutside(engine, self._statement)
        return known


class ReadOutside:
    """One select in one database, as the driver takes it, and its values as SQLAlchemy gives them.

    Whatever fails on the way through the driver is read once more in SQLAlchemy's way, see
    `read_row`: it replaces connections that died with a restart of the database, and has the words
    for errors that others understand. What was given up is not: nobody waits for it twice.
    """

    def __init__(self, engine: sa.Engine, statement: sa.Select[*tuple[Any, ...]]) -> None:
        dialect = engine.dialect
        self._engine = ref(engine)
        self._statement = statement
        self._error: type[Exception] = dialect.loaded_dbapi.Error
        self._connections = kept_connections(engine) if are_kept(engine) else None
        self._is_at_hand = dialect.name == "sqlite"
        compiled = DriverStatement(dialect, statement)
        self._text, self._given = compiled.text, compiled.given
        self._from_driver = needed(
            (number, column.type.dialect_impl(dialect).result_processor(dialect, None))
            for number, column in enumerate(statement.selected_columns)
        )

    def first(self, parameters: Mapping[str, object]) -> Sequence[Any] | None:
        """Return the values of the first row, in the order of the columns, or None."""
        if self._connections is None:
            return read_row(self._work(), self._statement, parameters)
        try:
            found = self._connections.use(_first, self._text, self._given(parameters))
        except self._error as error:
            self._require_patience(error)
            return read_row(self._work(), self._statement, parameters)
        return found and self._processed(found)

    def all(self, parameters: Mapping[str, object]) -> Sequence[Sequence[Any]]:
        """Return the values of all rows, otherwise as `first` does."""
        if self._connections is None:
            return read_rows(self._work(), self._statement, parameters)
        try:
            found = self._connections.use(_all, self._text, self._given(parameters))
        except self._error as error:
            self._require_patience(error)
            return read_rows(self._work(), self._statement, parameters)
        return [self._processed(one) for one in found]

    def at_once(self, parameters: Mapping[str, object]) -> Sequence[Sequence[Any]] | None:
        """Return the values of all rows, if that takes no longer than to read them.

        None if somebody has to be waited for: another server always, those who write to the file
        now and then, and who opens it.
        """
        if self._connections is None or not self._is_at_hand:
            return None
        borrowed = self._connections.borrow()
        if borrowed is None:
            return None
        found = borrowed.connection.read_at_once(self._text, self._given(parameters))
        borrowed.give_back()
        return None if found is None else [self._processed(one) for one in found]

    def begin(self, parameters: Mapping[str, object]) -> SteppedRead | None:
        """Begin to read all rows from a server, for whoever waits in an event loop.

        None if it has to be asked in another way. `values_of` has what comes of it, or `finish`.
        """
        if self._connections is None or self._is_at_hand:
            return None
        return begin_read(self._connections, self._text, self._given(parameters))

    def values_of(self, read: SteppedRead) -> Sequence[Sequence[Any]] | None:
        """Return the values of all rows of a read that is over; None if it has failed."""
        return None if read.rows is None else [self._processed(one) for one in read.rows]

    def finish(
        self, read: SteppedRead, parameters: Mapping[str, object]
    ) -> Sequence[Sequence[Any]]:
        """Wait for a read that is not over, and return the values of all rows, as `all` does."""
        try:
            read.finish()
        except self._error as error:
            self._require_patience(error)
            return read_rows(self._work(), self._statement, parameters)
        return self.values_of(read) or ()

    def _require_patience(self, error: Exception) -> None:
        """Raise SQLAlchemy's error for one of the driver's that says that somebody gave up."""
        if isinstance(error, GaveUp):
            raise sqlalchemys_error(error, self._text, self._work().engine.dialect) from error

    def _processed(self, found: Sequence[Any]) -> Sequence[Any]:
        if not self._from_driver:
            return found
        row = list(found)
        for number, process in self._from_driver:
            row[number] = process(row[number])
        return row

    def _work(self) -> Work:
        engine = self._engine()
        assert engine is not None  # noqa: S101 - whoever reads has an application, which holds it
        return Work(engine)


def _first(connection: Any, text: str, values: object) -> Sequence[Any] | None:
    found: Sequence[Any] | None = connection.read_first(text, values)
    return found


def _all(connection: Any, text: str, values: object) -> list[Sequence[Any]]:
    found: list[Sequence[Any]] = connection.execute(text, values).fetchall()
    return found
