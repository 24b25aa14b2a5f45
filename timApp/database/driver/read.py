"""Reads that are made at each request, nearly as fast as the driver goes."""

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary, ref

import sqlalchemy as sa

from timApp.database.driver.connections import are_kept, kept_connections
from timApp.database.driver.statement import DriverStatement, needed
from timApp.database.work import UnitOfWork, read_row, read_rows


class QuickRead:
    """One select, without lists of parameters (``IN``), of which few rows are wanted.

    Whatever fails on the way through the driver is read once more in SQLAlchemy's way, see
    `read_row`: it replaces connections that died with a restart of the database, and has the words
    for errors that others understand.
    """

    def __init__(self, statement: sa.Select[*tuple[Any, ...]]) -> None:
        self._statement = statement
        self._compiled: WeakKeyDictionary[sa.Engine, _Compiled] = WeakKeyDictionary()
        # Nearly always it is the one engine of the process.
        self._last: tuple[Callable[[], sa.Engine | None], _Compiled | None] = (lambda: None, None)

    def first(self, work: UnitOfWork, parameters: Mapping[str, object]) -> Any:
        """Return the first row, with the columns as attributes, or None.

        While the work is in a transaction the read is part of it, as `read_row` is.
        """
        compiled = self._usable(work)
        if compiled is not None:
            try:
                return compiled.first(parameters)
            except compiled.driver_error:
                pass
        return read_row(work, self._statement, parameters)

    def all(self, work: UnitOfWork, parameters: Mapping[str, object]) -> Sequence[Any]:
        """Return all rows, otherwise as `first` does."""
        compiled = self._usable(work)
        if compiled is not None:
            try:
                return compiled.all(parameters)
            except compiled.driver_error:
                pass
        return read_rows(work, self._statement, parameters)

    def _usable(self, work: UnitOfWork) -> "_Compiled | None":
        """Return the statement for the driver, if it may be given to that now."""
        engine = work.engine
        known, compiled = self._last
        if known() is not engine:
            compiled = self._compiled.get(engine)
            if compiled is None:
                if not are_kept(engine):
                    return None
                compiled = self._compiled[engine] = _Compiled(engine, self._statement)
            self._last = ref(engine), compiled
        return None if work.is_in_transaction() else compiled


class _Compiled:
    """The statement as the driver of one engine takes it, and its rows as SQLAlchemy gives them."""

    def __init__(self, engine: sa.Engine, statement: sa.Select[*tuple[Any, ...]]) -> None:
        dialect = engine.dialect
        self.driver_error: type[Exception] = dialect.loaded_dbapi.Error
        self._statement = DriverStatement(dialect, statement)
        self._from_driver = needed(
            (number, column.type.dialect_impl(dialect).result_processor(dialect, None))
            for number, column in enumerate(statement.selected_columns)
        )
        row: Any = namedtuple("Row", statement.selected_columns.keys())  # type: ignore[misc]
        self._new_row = row._make
        self._connections = kept_connections(engine)

    def first(self, parameters: Mapping[str, object]) -> Any:
        """Return the first row, or None; any error of the driver goes to the caller."""
        statement = self._statement
        found = self._connections.use(_first, statement.text, statement.given(parameters))
        return None if found is None else self._row(found)

    def all(self, parameters: Mapping[str, object]) -> list[Any]:
        """Return all rows; any error of the driver goes to the caller."""
        statement = self._statement
        found = self._connections.use(_all, statement.text, statement.given(parameters))
        return [self._row(one) for one in found]

    def _row(self, found: Sequence[Any]) -> Any:
        if not self._from_driver:
            return self._new_row(found)
        row = list(found)
        for number, process in self._from_driver:
            row[number] = process(row[number])
        return self._new_row(row)


def _first(connection: Any, text: str, values: object) -> Sequence[Any] | None:
    # The cursor ends here: an open one would keep SQLite's log from being tidied up.
    found: Sequence[Any] | None = connection.execute(text, values).fetchone()
    return found


def _all(connection: Any, text: str, values: object) -> list[Sequence[Any]]:
    found: list[Sequence[Any]] = connection.execute(text, values).fetchall()
    return found
