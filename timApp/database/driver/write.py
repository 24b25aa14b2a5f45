"""Small writes that requests make beside their own work, without waiting for anybody."""

import sqlite3
from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa

from timApp.database.driver.connections import use_driver
from timApp.database.driver.statement import DriverStatement, sqlalchemys_error
from timApp.database.patience import patience
from timApp.database.sqlite import LOST_IN_CRASH, SAFE
from timApp.database.sqliteerrors import is_locked


class QuickWrite:
    """One update that is worth making, but not worth waiting for."""

    def __init__(self, statement: sa.Update) -> None:
        self._statement = statement
        self._compiled: WeakKeyDictionary[sa.Engine, DriverStatement] = WeakKeyDictionary()

    def make_if_free(self, engine: sa.Engine, parameters: Mapping[str, object]) -> None:
        """Make the update in a transaction of its own, or nothing if that would mean to wait.

        On PostgreSQL the statement itself has to pass over rows that are locked, and may say that
        it is `timApp.database.functions.LostInCrash`; on SQLite nothing is written while somebody
        else writes. Other errors are those of SQLAlchemy.
        """
        statement = self._compiled.get(engine)
        if statement is None:
            statement = self._compiled[engine] = DriverStatement(engine.dialect, self._statement)
        write = _write_if_free[engine.dialect.name]
        try:
            use_driver(engine, write, statement.text, statement.given(parameters))
        except engine.dialect.loaded_dbapi.Error as error:
            raise sqlalchemys_error(error, statement.text, engine.dialect) from error


def _write_on_postgresql(connection: Any, text: str, values: object) -> None:
    connection.execute(text, values)
    connection.commit()  # nothing is sent for that by a connection that is kept


def _write_on_sqlite(connection: sqlite3.Connection, text: str, values: Any) -> None:
    with patience(0):
        connection.execute(LOST_IN_CRASH)
        try:
            connection.execute(text, values)
            connection.commit()
        except sqlite3.Error as error:
            connection.rollback()
            if not is_locked(error):
                raise
        finally:
            connection.execute(SAFE)


_write_if_free: dict[str, Callable[..., None]] = {
    "postgresql": _write_on_postgresql,
    "sqlite": _write_on_sqlite,
}
