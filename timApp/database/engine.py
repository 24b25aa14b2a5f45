"""Engines, set up for the way this project uses transactions."""

from sqlite3 import Connection as SQLiteConnection
from typing import Any

import sqlalchemy as sa

from timApp.util.turns import turn_given

#: Seconds that a writer waits for another one on SQLite before it gives up.
SQLITE_BUSY_TIMEOUT = 30
#: Says so to a connection.
SQLITE_WAIT = f"PRAGMA busy_timeout = {SQLITE_BUSY_TIMEOUT * 1000}"
#: Bytes of a database file that SQLite reads as memory; it takes no more. A look into a large file
#: reads several pages, and those that SQLite has copied it forgets whenever somebody writes.
_SQLITE_MAPPED = 2**31
#: KiB that a connection copies of what lies beyond them.
_SQLITE_CACHE = 16_000


def open_engine(url: str) -> sa.Engine:
    """Return an engine for the database at an SQLAlchemy URL; nothing is asked of it yet."""
    engine = sa.create_engine(url)
    prepare_engine(engine)
    return engine


def prepare_engine(engine: sa.Engine) -> None:
    """Set an engine up.

    On SQLite a transaction that starts with a read cannot always go on to write (the database
    answers "locked" at once, without waiting, when somebody else wrote meanwhile). So reads stay
    outside a transaction there, and the first write opens one with ``BEGIN IMMEDIATE``, which
    waits for its turn. PostgreSQL needs nothing of the kind.
    """
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _prepare_sqlite_connection)
        sa.event.listen(engine, "before_cursor_execute", _begin_before_write)


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


def _prepare_sqlite_connection(connection: SQLiteConnection, _record: object) -> None:
    connection.isolation_level = "IMMEDIATE"
    connection.execute(SQLITE_WAIT)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA mmap_size = {_SQLITE_MAPPED}")
    connection.execute(f"PRAGMA cache_size = -{_SQLITE_CACHE}")


def _begin_before_write(
    connection: sa.Connection, _cursor: object, _text: str, _values: object, context: Any, _: bool
) -> None:
    if context.isinsert or context.isupdate or context.isdelete:
        begin_write(connection)
