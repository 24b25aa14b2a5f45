"""Connections to PostgreSQL that wait no longer than whoever asks (`timApp.database.patience`).

The limit is kept on this side, so that it holds for a server that is frozen or out of reach as for
one that waits for a lock, and behind a pooler, which knows no settings of a session. It costs no
round trip. What was given up is cancelled on the server, or else it would go on waiting there for a
lock, on behalf of nobody, and be done in the end.
"""

import logging
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from threading import Lock
from typing import Any, TypeVar

import psycopg
from psycopg import capabilities, errors
from psycopg.waiting import READY_NONE, Ready, Wait

from timApp.database.patience import Patience, current_patience, patience
from timApp.util.turns import turn_given

_Result = TypeVar("_Result")

#: Seconds between two looks at whether to go on; after the first, others may work meanwhile.
_INTERVAL = 0.05
#: Seconds that the server has to take a cancellation.
_CANCEL_TIMEOUT = 0.25
#: Seconds after which a server that does not let anybody connect counts as silent.
_SILENCE = 0.5
#: Seconds to connect where there is no other limit.
_CONNECT_TIMEOUT = 10

#: Hosts that are still to be tried for the connection that is being made.
_hosts_left: ContextVar[int] = ContextVar("hosts left", default=1)

# It warns of what goes wrong while it tidies up after an error, which is raised anyway.
logging.getLogger("psycopg").addFilter(
    lambda entry: not str(entry.msg).startswith(("error ignored", "query cancellation failed"))
)


class GaveUp(errors.OperationalError):
    """The database did not answer for as long as whoever asks was ready to wait."""


class Server:
    """What one process knows of a server, or of several of which one is used at a time.

    When it has not even taken a cancellation, it is silent: then one at a time waits for it, and
    the others are told so at once, until it answers that one. Otherwise each of a hall of people
    would take a thread for as long as their patience lasts.
    """

    def __init__(self) -> None:
        self.is_silent = False
        self._probing = Lock()

    @contextmanager
    def asked(self) -> Iterator[None]:
        """Ask the server in this block; `GaveUp` at once if it is silent and somebody asks."""
        if not self.is_silent:
            yield
            return
        if not self._probing.acquire(blocking=False):
            msg = "the server has not answered others just now"
            raise GaveUp(msg)
        try:
            yield
        finally:
            self._probing.release()


class PatientConnection(psycopg.Connection[Any]):
    """A connection that is closed when its server takes longer than the patience of this context.

    `GaveUp` then. The turn of the thread is given to others while an answer takes long.
    """

    server = Server()

    def read_first(self, query: str, parameters: Any) -> tuple[Any, ...] | None:
        """Return the first row of a query, or None: what each request asks comes this way.

        To make a cursor takes a third of a look-up.
        """
        row: tuple[Any, ...] | None = self._reader.execute(query, parameters).fetchone()
        return row

    def begin_read(self, query: str, parameters: Any) -> Generator[Wait, Ready, None]:
        """Return the steps of a read: each says for what to wait, and is told what is ready.

        At their end `rows` has what came. `finish` waits for the rest of them.
        """
        return self._reader._execute_gen(query, parameters)

    def finish(self, steps: Generator[Wait, Ready, None]) -> None:
        """Wait for the rest of steps that have been begun, as for anything that is asked."""
        self.wait(_resumed(steps))

    def rows(self) -> list[tuple[Any, ...]]:
        """Return what a read has brought, once."""
        return self._reader.fetchall()

    @cached_property
    def _reader(self) -> psycopg.Cursor[Any]:
        return self.cursor()

    def wait(
        self,
        gen: Generator[Any, Any, _Result],
        interval: float = _INTERVAL,
        timeout: float | None = None,
    ) -> _Result:
        """Wait for what was asked; everything that is asked of the server goes through here."""
        patience = current_patience()
        if patience is None or timeout is not None:
            return super().wait(gen, interval, timeout)
        if patience.left <= 0:
            self.close()
            raise GaveUp(patience.reason)
        if not self.server.is_silent:
            return self._wait(gen, patience)
        try:
            with self.server.asked():
                return self._wait(gen, patience)
        except GaveUp:
            self.close()
            raise

    def rollback(self) -> None:
        """Undo the transaction: if need be, by closing the connection. Never fails for that."""
        if self.closed:
            return
        try:
            super().rollback()
        except errors.OperationalError:
            self.close()

    # SQLAlchemy sets these when it takes a connection from its pool, and when it gives one back,
    # and expects no error there. Whoever asks a connection that is closed is told so.

    def set_autocommit(self, value: bool) -> None:
        """Set it, also without any patience: nothing is asked of the server."""
        if not self.closed:
            with patience(None):
                super().set_autocommit(value)

    def set_isolation_level(self, value: psycopg.IsolationLevel | None) -> None:
        """Set it, also without any patience: nothing is asked of the server."""
        if not self.closed:
            with patience(None):
                super().set_isolation_level(value)

    def _wait(self, gen: Generator[Any, Any, _Result], patience: Patience) -> _Result:
        begun = time.monotonic()
        try:
            try:
                result = super().wait(gen, _INTERVAL, min(_INTERVAL, patience.left))
            except errors._WaitTimeout:  # it takes long, so others may work meanwhile
                left = max(patience.left - (time.monotonic() - begun), 0.0)
                with turn_given():
                    result = super().wait(_resumed(gen), _INTERVAL, left)
        except errors._WaitTimeout:
            waited = time.monotonic() - begun
            self._cancel()
            self.close()
            patience.reason = f"no answer within {waited:.1f} s"
            raise GaveUp(patience.reason) from None
        except psycopg.Error:
            self.server.is_silent = False
            raise
        finally:
            patience.left -= time.monotonic() - begun
        self.server.is_silent = False
        return result

    def _cancel(self) -> None:
        if not capabilities.has_cancel_safe():  # the older way waits without end
            return
        try:
            with turn_given():
                self.cancel_safe(timeout=_CANCEL_TIMEOUT)
        except errors.CancellationTimeout:
            self.server.is_silent = True
        except psycopg.Error:
            pass  # it cannot be reached: whoever connects next is told so

    @classmethod
    def _connect_gen(cls, conninfo: str = "") -> Generator[Any, Any, Any]:
        connecting = super()._connect_gen(conninfo)
        patience = current_patience()
        if patience is None:
            return (yield from connecting)
        # Each of several hosts has its share, so that one that is silent leaves time for the next.
        hosts = _hosts_left.get()
        _hosts_left.set(max(1, hosts - 1))
        begun = time.monotonic()
        deadline = begun + patience.left / hosts
        try:
            wanted = next(connecting)
            while True:
                ready = yield wanted
                if time.monotonic() > deadline:
                    patience.reason = f"not connected within {time.monotonic() - begun:.1f} s"
                    raise GaveUp(patience.reason)
                wanted = connecting.send(ready)
        except StopIteration as end:
            return end.value
        finally:
            patience.left -= time.monotonic() - begun


def connect(server: Server, *arguments: Any, **parameters: Any) -> PatientConnection:
    """Return a connection to a server, with psycopg's parameters.

    Behind a pooler that gives each transaction another connection of the server's, such as
    PgBouncer, nothing is prepared on the server: the next transaction would not find it. A pooler
    is known by the number that it calls the connection by, which is not that of PostgreSQL's
    process.
    """
    patience = current_patience()
    if patience is not None and patience.left <= 0:
        raise GaveUp(patience.reason)
    parameters.setdefault("connect_timeout", _CONNECT_TIMEOUT)
    hosts = str(parameters.get("host") or "").count(",") + 1
    token = _hosts_left.set(hosts)
    begun = time.monotonic()
    try:
        with server.asked(), turn_given():
            connection = PatientConnection.connect(*arguments, **parameters)
    except GaveUp:
        # Who had hardly any time left knows nothing of the server.
        server.is_silent = server.is_silent or time.monotonic() - begun > _SILENCE
        raise
    finally:
        _hosts_left.reset(token)
    server.is_silent = False
    connection.server = server
    try:
        if _process_of(connection) != connection.info.backend_pid:
            connection.prepare_threshold = None
    except BaseException:
        connection.close()
        raise
    return connection


def _process_of(connection: PatientConnection) -> int:
    connection.autocommit = True
    (process,) = connection.execute("SELECT pg_backend_pid()").fetchone() or (0,)
    connection.autocommit = False
    return int(process)


def _resumed(gen: Generator[Any, Any, _Result]) -> Generator[Any, Any, _Result]:
    """Yield what `gen` yields, which was left where it waits: nothing has come meanwhile."""
    try:
        wanted = gen.send(READY_NONE)
        while True:
            wanted = gen.send((yield wanted))
    except StopIteration as end:
        result: _Result = end.value
        return result
