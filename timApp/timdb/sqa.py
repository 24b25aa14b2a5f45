"""The database extension, the models' base class and the transactions they run in."""

from collections.abc import Mapping
from datetime import datetime
from inspect import iscoroutinefunction
from sqlite3 import Connection as SQLiteConnection
from typing import Any, ClassVar

import sqlalchemy as sa
from flask import g
from flask.sansio.app import App
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import orm
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from timApp.timdb.types import UTCDateTime
from timApp.util.turns import turn_given

ConflictInsert = postgresql.Insert | sqlite.Insert

#: Key in the ``info`` of an index: the name of the one database that has it.
ONLY_ON = "only_on"
#: Seconds that a writer waits for another one on SQLite before it gives up.
SQLITE_BUSY_TIMEOUT = 30
#: Bytes of a database file that SQLite reads as memory; it takes no more. A look into a large file
#: reads several pages, and those that SQLite has copied it forgets whenever somebody writes.
_SQLITE_MAPPED = 2**31
#: KiB that a connection copies of what lies behind them.
_SQLITE_CACHE = 16_000
#: Says so to a connection.
SQLITE_WAIT = f"PRAGMA busy_timeout = {SQLITE_BUSY_TIMEOUT * 1000}"


class Model(orm.DeclarativeBase):
    """Base class of every model."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UTCDateTime, str: sa.Text()}


class Database(SQLAlchemy):
    """The extension, without what it does for asynchronous sessions."""

    def init_app(self, app: App) -> None:
        """Set the application up; see the extension."""
        super().init_app(app)
        # There are no such sessions; looking for them at the end of each request would start an
        # event loop, which takes longer than all the rest of a cheap request.
        app.teardown_appcontext_funcs[:] = [
            close for close in app.teardown_appcontext_funcs if not iscoroutinefunction(close)
        ]

    def get_session(self, name: str = "default") -> orm.Session:
        """Return the session of the application context, made when it is first wanted."""
        g.has_database_session = True
        return super().get_session(name)

    def is_in_transaction(self) -> bool:
        """Tell whether `session` is in a transaction; makes no session for it."""
        # Asked at each read: to look through the proxy would take several times as long.
        context = g._get_current_object()
        return "has_database_session" in context and self.session.in_transaction()


db = Database()


class LostInCrash(FunctionElement[bool]):
    """A condition that is true, and with which PostgreSQL does not wait for the disk to commit.

    A crash of the database may lose such a transaction, of which this is the last second's at most,
    and nothing else. It is said in the statement, since anything else would take more round trips
    or outlast the transaction. On SQLite no commit waits for the disk.
    """

    type = sa.Boolean()
    inherit_cache = True


@compiles(LostInCrash)
def _compile_lost_in_crash(*_: object, **__: object) -> str:
    return "1 = 1"


@compiles(LostInCrash, "postgresql")
def _compile_lost_in_crash_on_postgresql(*_: object, **__: object) -> str:
    return "set_config('synchronous_commit', 'off', true) = 'off'"


def prepare_engine(engine: sa.Engine) -> None:
    """Set an engine up for the way this project uses transactions.

    On SQLite a transaction that starts with a read cannot always go on to write (the database
    answers "locked" at once, without waiting, when somebody else wrote meanwhile). So reads stay
    outside a transaction there, and the first write opens one with ``BEGIN IMMEDIATE``, which
    waits for its turn. PostgreSQL needs nothing of the kind.
    """
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _prepare_sqlite_connection)
        sa.event.listen(engine, "before_cursor_execute", _begin_before_write)


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


def conflict_insert(connection: sa.Connection, model: type[Model]) -> ConflictInsert:
    """Return an INSERT that can say what to do when a row is there already.

    SQLAlchemy has one for each database; those of ours have the same methods, as far as we use them
    (``on_conflict_do_nothing``, ``on_conflict_do_update``).
    """
    is_postgresql = connection.dialect.name == "postgresql"
    insert: ConflictInsert = (postgresql if is_postgresql else sqlite).insert(model)
    return insert


def rows_changed(statement: sa.UpdateBase, **execution_options: Any) -> int:
    """Execute an update in the transaction of `db.session`; return how many rows it changed."""
    result = db.session.execute(statement, execution_options=execution_options)
    assert isinstance(result, sa.CursorResult)  # noqa: S101 - narrows the type for mypy
    return result.rowcount


def read_row(
    statement: sa.Executable, parameters: Mapping[str, object]
) -> sa.Row[tuple[Any, ...]] | None:
    """Return the first row of a read that is one statement, or None.

    While `db.session` is in a transaction the read is part of it, so that what was written a
    moment ago is seen. Otherwise it runs on an autocommit connection: on PostgreSQL a
    transaction around one statement costs two more round trips. A pooled connection that died
    with a restart of the database is replaced, once.
    """
    if db.is_in_transaction():
        return db.session.connection().execute(statement, parameters).first()
    engine = _autocommit_engine()
    try:
        return _first_row(engine, statement, parameters)
    except sa.exc.DBAPIError as error:
        if not error.connection_invalidated:
            raise
        return _first_row(engine, statement, parameters)


def _autocommit_engine() -> sa.Engine:
    """Return the engine for single statements; SQLite's connections read without a transaction."""
    engine = db.engine
    if engine.dialect.name == "postgresql":
        return engine.execution_options(isolation_level="AUTOCOMMIT")
    return engine


def _first_row(
    engine: sa.Engine, statement: sa.Executable, parameters: Mapping[str, object]
) -> sa.Row[tuple[Any, ...]] | None:
    with engine.connect() as connection:
        return connection.execute(statement, parameters).first()
