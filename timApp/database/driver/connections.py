"""Connections of the driver that are kept beside the pool, for what each request asks.

To borrow one from SQLAlchemy's pool and give it back takes longer than many a statement.
"""

import os
from collections import deque
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeVar
from weakref import WeakKeyDictionary, ref

import sqlalchemy as sa

from timApp.database.dialects.sqlite import DatabaseMoved

_Result = TypeVar("_Result")


class KeptConnections:
    """Connections of the driver that are outside of any transaction.

    A connection is used by one thread at a time, so there are never more than threads that have
    used them at once; they are not those of the pool. They end with the engine's `dispose`, and
    do not hold the engine.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = ref(engine)
        self._idle: deque[Any] = deque()
        self._of_parent: deque[Any] | None = None

    def use(self, work: Callable[..., _Result], *arguments: object) -> _Result:
        """Do the work with a connection and the arguments, and return what it returns.

        The work leaves it outside of a transaction. Whatever it raises goes to the caller, and the
        connection is closed, so that nothing stays of a transaction that has begun.
        """
        idle = self._idle
        try:
            connection = idle.pop()
        except IndexError:  # each is in use
            connection = None
        if connection is None:
            connection = self._connect()
        try:
            result = work(connection, *arguments)
        except BaseException as error:
            connection.close()
            self.close()  # the others may have died of the same
            if isinstance(error, DatabaseMoved):
                self._engine_in_use().dispose()  # none of the old file stays open
            raise
        self.give_back(connection, idle)
        return result

    def borrow(self) -> "Borrowed | None":
        """Return a connection that is open and that nobody uses; None if each is in use.

        The borrower gives it back outside of a transaction, or drops it.
        """
        idle = self._idle
        try:
            connection = idle.pop()
        except IndexError:
            return None
        return Borrowed(connection, self, idle)

    def give_back(self, connection: Any, idle: deque[Any]) -> None:
        """Take a connection back, or close it if those that were idle with it are closed."""
        idle.append(connection)
        if idle is not self._idle:
            _close(idle)

    def close(self) -> None:
        """Close all connections; those that are in use, after that."""
        idle, self._idle = self._idle, deque()
        _close(idle)

    def leave_to_parent(self) -> None:
        """Begin anew in a process that was forked off; to close a connection here would end it."""
        self._of_parent, self._idle = self._idle, deque()

    def _engine_in_use(self) -> sa.Engine:
        engine = self._engine()
        assert engine is not None  # noqa: S101 - whoever reads has an application, which holds it
        return engine

    def _connect(self) -> Any:
        """Return a connection of the driver that is set up as all are, and no longer the pool's."""
        engine = self._engine_in_use()
        pooled = engine.raw_connection()
        connection: Any = pooled.driver_connection
        pooled.detach()
        if engine.dialect.name == "postgresql":
            connection.autocommit = True  # SQLite's reads are outside of transactions anyway
        return connection


@dataclass(frozen=True)
class Borrowed:
    """A connection that somebody uses for longer than a call takes."""

    connection: Any
    _kept: KeptConnections
    _idle: deque[Any]

    def give_back(self) -> None:
        """Let others use it."""
        self._kept.give_back(self.connection, self._idle)

    def drop(self) -> None:
        """Close it, and all that are idle: they may have died of the same."""
        self.connection.close()
        self._kept.close()


_making = Lock()
_connections: WeakKeyDictionary[sa.Engine, KeptConnections] = WeakKeyDictionary()


def _leave_all_to_parent() -> None:
    for kept in _connections.values():
        kept.leave_to_parent()


os.register_at_fork(after_in_child=_leave_all_to_parent)


def are_kept(engine: sa.Engine) -> bool:
    """Tell whether connections may be kept beside the engine's pool.

    A pool of another kind than usual has its reasons: a database in memory is lost with its
    connection.
    """
    return isinstance(engine.pool, sa.pool.QueuePool)


def kept_connections(engine: sa.Engine) -> KeptConnections:
    """Return those of an engine; they are opened when they are first wanted."""
    with _making:
        kept = _connections.get(engine)
        if kept is None:
            kept = _connections[engine] = KeptConnections(engine)
            sa.event.listen(engine, "engine_disposed", lambda _: kept.close())
        return kept


def use_driver(engine: sa.Engine, work: Callable[..., _Result], *arguments: object) -> _Result:
    """Do the work with a connection of the driver and the arguments, and return what it returns.

    It is one that is kept, if any may be, see `KeptConnections.use`.
    """
    if are_kept(engine):
        return kept_connections(engine).use(work, *arguments)
    with closing(engine.raw_connection()) as pooled:
        return work(pooled.driver_connection, *arguments)


def _close(connections: deque[Any]) -> None:
    with suppress(IndexError):  # another thread may have taken the last one
        while True:
            connections.pop().close()
