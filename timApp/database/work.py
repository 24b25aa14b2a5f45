"""Units of work: what operations read and write in."""

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.dialects.postgresql import GaveUp

_Fetched = TypeVar("_Fetched")


class UnitOfWork(Protocol):
    """One transaction at a time, which its owner commits; operations never do.

    Source of the name: Fowler, Patterns of Enterprise Application Architecture, 2002.
    """

    @property
    def engine(self) -> sa.Engine:
        """The database."""

    @property
    def session(self) -> orm.Session:
        """The session, made when it is first wanted; a transaction begins with its first use."""

    def is_in_transaction(self) -> bool:
        """Tell whether the session is in a transaction; makes no session for it."""


class Work:
    """A unit of work of its own, for programs without a web framework.

    As a context manager it closes the session, which undoes whatever was not committed.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._session: orm.Session | None = None

    @property
    def engine(self) -> sa.Engine:
        """The database."""
        return self._engine

    @property
    def session(self) -> orm.Session:
        """The session, made when it is first wanted."""
        if self._session is None:
            self._session = orm.Session(self._engine)
        return self._session

    def is_in_transaction(self) -> bool:
        """Tell whether the session is in a transaction."""
        return self._session is not None and self._session.in_transaction()

    def commit(self) -> None:
        """Keep what was written; nothing happens if there was no transaction."""
        if self._session is not None:
            self._session.commit()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if self._session is not None:
            self._session.close()


def rows_changed(work: UnitOfWork, statement: sa.UpdateBase, **execution_options: Any) -> int:
    """Execute an update in the work's transaction; return how many rows it changed."""
    result = work.session.execute(statement, execution_options=execution_options)
    assert isinstance(result, sa.CursorResult)  # noqa: S101 - narrows the type for mypy
    return result.rowcount


def read_row(
    work: UnitOfWork, statement: sa.Executable, parameters: Mapping[str, object]
) -> sa.Row[tuple[Any, ...]] | None:
    """Return the first row of a read that is one statement, or None.

    While the work is in a transaction the read is part of it, so that what was written a moment
    ago is seen. Otherwise it runs on an autocommit connection: on PostgreSQL a transaction around
    one statement costs two more round trips. A pooled connection that died with a restart of the
    database is replaced, once; what was given up for lack of patience is not asked again.
    """
    return _read(work, statement, parameters, sa.CursorResult.first)


def read_rows(
    work: UnitOfWork, statement: sa.Executable, parameters: Mapping[str, object]
) -> Sequence[sa.Row[tuple[Any, ...]]]:
    """Return all rows of a read that is one statement, otherwise as `read_row` does."""
    return _read(work, statement, parameters, sa.CursorResult.all)


def _read(
    work: UnitOfWork,
    statement: sa.Executable,
    parameters: Mapping[str, object],
    fetch: Callable[[sa.CursorResult[Any]], _Fetched],
) -> _Fetched:
    if work.is_in_transaction():
        return fetch(work.session.connection().execute(statement, parameters))
    engine = _autocommit_engine(work.engine)
    try:
        with engine.connect() as connection:
            return fetch(connection.execute(statement, parameters))
    except sa.exc.DBAPIError as error:
        if not error.connection_invalidated or isinstance(error.orig, GaveUp):
            raise
        with engine.connect() as connection:
            return fetch(connection.execute(statement, parameters))


def _autocommit_engine(engine: sa.Engine) -> sa.Engine:
    """Return the engine for single statements; SQLite's connections read without a transaction."""
    if engine.dialect.name == "postgresql":
        return engine.execution_options(isolation_level="AUTOCOMMIT")
    return engine
