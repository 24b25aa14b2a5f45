"""Statements that are executed once for each of many rows, with as few round trips as can be."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa

from timApp.database.driver.statement import DriverStatement, Executable


def sent_together(engine: sa.Engine, driver: Any) -> AbstractContextManager[object]:
    """Return a context in which the driver's connection waits for answers only when one is read.

    On PostgreSQL that is the protocol's pipeline: statements travel together, and the database
    takes them one after the other, each as a statement of its own that sees what was committed
    before it began. What goes wrong is raised when an answer is read, or at the end. SQLite works
    in this process, where there is nothing to wait for.
    """
    context: AbstractContextManager[object] = (
        nullcontext() if engine.dialect.name == "sqlite" else driver.pipeline()
    )
    return context


class BatchStatement:
    """One statement, without lists of parameters (``IN``), on a connection of the driver.

    It is executed within `sent_together`.
    """

    def __init__(self, statement: Executable) -> None:
        self._statement = statement
        self._compiled: WeakKeyDictionary[sa.Engine, DriverStatement] = WeakKeyDictionary()

    def first_rows(
        self, engine: sa.Engine, driver: Any, rows: Sequence[Mapping[str, object]]
    ) -> list[Any]:
        """Return the first row that the statement gives for each of the parameters, or None."""
        return [found[0] if found else None for found in self.all_rows(engine, driver, rows)]

    def all_rows(
        self, engine: sa.Engine, driver: Any, rows: Sequence[Mapping[str, object]]
    ) -> list[Sequence[Any]]:
        """Return the rows that the statement gives for each of the parameters."""
        if not rows:
            return []
        statement = self._of(engine)
        values = [statement.given(row) for row in rows]
        if engine.dialect.name == "sqlite":
            return [driver.execute(statement.text, one).fetchall() for one in values]
        with driver.cursor() as cursor:
            cursor.executemany(statement.text, values, returning=True)
            found = [cursor.fetchall()]
            while cursor.nextset():
                found.append(cursor.fetchall())
        return found

    def started(
        self, engine: sa.Engine, driver: Any, row: Mapping[str, object]
    ) -> Callable[[], Any]:
        """Send the statement; return what returns its first row, or None, once that is wanted.

        On PostgreSQL alone, where what is sent next need not wait for it.
        """
        statement = self._of(engine)
        return driver.execute(statement.text, statement.given(row)).fetchone  # type: ignore[no-any-return]

    def execute(self, engine: sa.Engine, driver: Any, rows: Sequence[Mapping[str, object]]) -> None:
        """Execute the statement with each of the parameters, in their order."""
        statement = self._of(engine)
        driver.cursor().executemany(statement.text, [statement.given(row) for row in rows])

    def _of(self, engine: sa.Engine) -> DriverStatement:
        compiled = self._compiled.get(engine)
        if compiled is None:
            compiled = DriverStatement(engine.dialect, self._statement)
            self._compiled[engine] = compiled
        return compiled
