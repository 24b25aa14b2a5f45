"""Reads of one row that are made at each request, nearly as fast as the driver goes.

SQLAlchemy takes several times as long to hand a statement to the driver as the driver takes to
answer it. So a statement is compiled once for each application and given to the driver itself, over
connections that are kept for this.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from flask import Flask, current_app

from timApp.timdb.keptconnection import are_kept, kept_connections
from timApp.timdb.sqa import db, read_row

_Key = TypeVar("_Key")
#: Turns a value from what Python has into what the driver takes, or back.
_Processor = Callable[[Any], Any]


class QuickRead:
    """One select, without lists of parameters (``IN``), whose first row is wanted.

    Whatever fails on the way through the driver is read once more in SQLAlchemy's way, see
    `read_row`: it replaces connections that died with a restart of the database, and has the words
    for errors that others understand.
    """

    def __init__(self, statement: sa.Select[*tuple[Any, ...]]) -> None:
        self._statement = statement
        self._compiled: WeakKeyDictionary[Flask, _Compiled] = WeakKeyDictionary()

    def first(self, parameters: Mapping[str, object]) -> Any:
        """Return the first row, with the columns as attributes, or None.

        While `db.session` is in a transaction the read is part of it, as `read_row` is.
        """
        # Not through the proxy, for which to compare takes as long as all the rest here.
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
        compiled = self._compiled.get(app)
        if compiled is None:
            if not are_kept(db.engine):
                return read_row(self._statement, parameters)
            compiled = self._compiled[app] = _Compiled(db.engine, self._statement)
        if db.is_in_transaction():
            return read_row(self._statement, parameters)
        try:
            return compiled.first(parameters)
        except compiled.driver_error:
            return read_row(self._statement, parameters)


class _Compiled:
    """The statement as the driver of one engine takes it, and its rows as SQLAlchemy gives them."""

    def __init__(self, engine: sa.Engine, statement: sa.Select[*tuple[Any, ...]]) -> None:
        dialect = engine.dialect
        compiled = statement.compile(dialect=dialect)
        columns = list(statement.selected_columns)
        self.driver_error: type[Exception] = dialect.loaded_dbapi.Error
        self._text = str(compiled)
        self._ordered = _in_order(getattr(compiled, "positiontup", None))
        binds = {name: bind for bind, name in compiled.bind_names.items()}
        to_driver = dict(
            _needed(
                (name, bind.type.dialect_impl(dialect).bind_processor(dialect))
                for name, bind in binds.items()
            )
        )
        self._constants = {
            name: to_driver[name](value) if name in to_driver else value
            for name, value in compiled.params.items()
            if not binds[name].required
        }
        self._to_driver = [
            (name, process) for name, process in to_driver.items() if binds[name].required
        ]
        self._from_driver = _needed(
            (number, column.type.dialect_impl(dialect).result_processor(dialect, None))
            for number, column in enumerate(columns)
        )
        row: Any = namedtuple("Row", statement.selected_columns.keys())  # type: ignore[misc]
        self._new_row = row._make
        self._connections = kept_connections(engine)

    def first(self, parameters: Mapping[str, object]) -> Any:
        """Return the first row, or None; any error of the driver goes to the caller."""
        values = {**self._constants, **parameters}
        for name, process in self._to_driver:
            values[name] = process(values[name])
        found = self._connections.use(_first, self._text, self._ordered(values))
        if found is None:
            return None
        row = list(found)
        for number, process in self._from_driver:
            row[number] = process(row[number])
        return self._new_row(row)


def _in_order(names: Sequence[str] | None) -> Callable[[dict[str, Any]], Any]:
    """Return what puts values in the order in which a driver wants them, None if by their names."""
    if names is None:
        return dict
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: [values[name] for name in names]


def _first(connection: Any, text: str, values: object) -> Sequence[Any] | None:
    # The cursor ends here: an open one would keep SQLite's log from being tidied up.
    found: Sequence[Any] | None = connection.execute(text, values).fetchone()
    return found


def _needed(
    processors: Iterable[tuple[_Key, _Processor | None]],
) -> list[tuple[_Key, _Processor]]:
    """Return those that there are: most types pass as they are."""
    return [(key, process) for key, process in processors if process is not None]
