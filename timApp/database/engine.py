"""Engines, set up for the way this project uses transactions and waits for databases."""

import time
from functools import partial
from sqlite3 import Connection as SQLiteConnection
from typing import Any
from weakref import ref

import sqlalchemy as sa
from psycopg.errors import ReadOnlySqlTransaction

from timApp.database.dialects import postgresql, sqlite
from timApp.database.dialects.sqlite import DatabaseMoved
from timApp.database.dialects.sqlitefile import file_of
from timApp.database.patience import current_patience
from timApp.util.turns import turn_given


class PatientPool(sa.pool.QueuePool):
    """A pool in which nobody waits longer than their patience lasts.

    Once it is disposed of, it closes what is given back to it. SQLAlchemy's own pool keeps that
    until the garbage collector comes by, which may be never: a file of SQLite's that was left stays
    open, and nobody gets the one in its place.
    """

    def __init__(self, *arguments: Any, **parameters: Any) -> None:
        super().__init__(*arguments, **parameters)
        self._is_disposed = False

    def dispose(self) -> None:
        """Close all connections that nobody has; the others as they are given back."""
        self._is_disposed = True
        super().dispose()

    def recreate(self) -> "PatientPool":
        """Return a new pool that is set up as this one."""
        made = super().recreate()
        assert isinstance(made, PatientPool)  # noqa: S101 - narrows the type for mypy
        made._timeout = self._unhurried
        return made

    def _do_return_conn(self, record: sa.pool.ConnectionPoolEntry) -> None:
        super()._do_return_conn(record)
        if self._is_disposed:  # looked at last: nobody can dispose of it between the two unseen
            super().dispose()

    @property
    def _timeout(self) -> float:
        """Seconds to wait for a connection."""
        patience = current_patience()
        return self._unhurried if patience is None else max(patience.left, 0.0)

    @_timeout.setter
    def _timeout(self, seconds: float) -> None:
        self._unhurried = seconds

    def _do_get(self) -> sa.pool.ConnectionPoolEntry:
        patience = current_patience()
        if patience is None or self._pool.qsize() > 0:
            return super()._do_get()
        # What the connection itself has taken from the patience is part of this.
        left, begun = patience.left, time.monotonic()
        try:
            with turn_given():
                return super()._do_get()
        finally:
            patience.left = min(patience.left, left - (time.monotonic() - begun))


def engine_options(url: str) -> dict[str, Any]:
    """Return what an engine for the database at an SQLAlchemy URL is made with."""
    made = sa.make_url(url)
    # SQLAlchemy has a pool of another kind for databases in memory, which knows best.
    is_shared = made.get_backend_name() != "sqlite" or file_of(made) is not None
    # Errors go into logs, and what is looked for is a name or an id.
    options = {"url": url, "hide_parameters": True}
    return options | {"poolclass": PatientPool} if is_shared else options


def open_engine(url: str) -> sa.Engine:
    """Return an engine for the database at an SQLAlchemy URL; nothing is asked of it yet."""
    engine = sa.create_engine(**engine_options(url))
    prepare_engine(engine)
    return engine


def prepare_engine(engine: sa.Engine) -> None:
    """Set an engine up.

    Its connections wait as `timApp.database.patience` says. On SQLite a transaction that starts
    with a read cannot always go on to write (the database answers "locked" at once, without
    waiting, when somebody else wrote meanwhile). So reads stay outside a transaction there, and the
    first write opens one with ``BEGIN IMMEDIATE``, which waits for its turn. PostgreSQL needs
    nothing of the kind.
    """
    sa.event.listen(engine, "handle_error", _leave_what_is_of_no_use)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "do_connect", _connect_to_sqlite)
        sa.event.listen(engine, "checkout", partial(_replace_moved, ref(engine)))
        sa.event.listen(engine, "before_cursor_execute", _begin_before_write)
    elif engine.dialect.name == "postgresql":
        server = postgresql.Server()

        def connect(_dialect: object, _record: object, arguments: Any, parameters: Any) -> Any:
            return postgresql.connect(server, *arguments, **parameters)

        sa.event.listen(engine, "do_connect", connect)
        sa.event.listen(engine, "checkin", _replace_closed)


def begin_write(connection: sa.Connection) -> None:
    """Become the writer of a SQLite database, waiting for one's turn; a no-op on PostgreSQL.

    For operations that decide by a read what they write: after this call nobody else can write
    until the transaction ends. Harmless when the transaction is a writer already. Other requests
    are worked on while it waits (see `timApp.util.turns`).
    """
    if connection.dialect.name != "sqlite":
        return
    driver = connection.connection.driver_connection
    assert isinstance(driver, SQLiteConnection)  # noqa: S101 - narrows the type for mypy
    if not driver.in_transaction:
        with turn_given():
            connection.exec_driver_sql("BEGIN IMMEDIATE")


def _connect_to_sqlite(
    _dialect: object, _record: object, arguments: Any, parameters: dict[str, Any]
) -> Any:
    return sqlite.connect(*arguments, may_be_empty=False, **parameters)


def _replace_moved(
    engine: ref[sa.Engine], driver: sqlite.PatientSQLite, _record: object, _borrowed: object
) -> None:
    """Let whoever borrows a connection of a file that is no longer in its place get a new one."""
    try:
        driver.look()
    except DatabaseMoved as error:
        made = engine()
        if made is not None:
            made.dispose()  # none of the old file stays open
        raise sa.exc.DisconnectionError(str(error)) from error


def _replace_closed(driver: Any, record: sa.pool.ConnectionPoolEntry) -> None:
    """Keep a connection out of the pool that was closed for lack of patience."""
    if driver is not None and driver.closed:
        record.invalidate()


def _leave_what_is_of_no_use(context: sa.engine.ExceptionContext) -> None:
    """Let connections be made anew that are of no use any more, though they are open.

    Those are of a file that is no longer at its path, and of a server that is not the writable one
    of several any more.
    """
    error = context.original_exception
    if isinstance(error, DatabaseMoved):
        context.is_disconnect = True
        if context.engine is not None:
            context.engine.dispose()  # none of the old file stays open
    elif isinstance(error, ReadOnlySqlTransaction):
        context.is_disconnect = True


def _begin_before_write(
    connection: sa.Connection, _cursor: object, _text: str, _values: object, context: Any, _: bool
) -> None:
    if context.isinsert or context.isupdate or context.isdelete:
        begin_write(connection)
