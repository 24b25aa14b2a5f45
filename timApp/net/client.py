"""Asks other hosts over connections that are kept open, all at the same time."""

import asyncio
import atexit
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Lock, Thread
from types import SimpleNamespace
from typing import Any

import aiohttp

from timApp.net.resolver import PatientResolver
from timApp.util.turns import turn_given

#: An answer of a host is read up to this many bytes; one that sends more is not one of ours.
ANSWER_MAX_BYTES = 4 * 1024 * 1024
#: Seconds that a connection is kept without use. Servers may close it sooner.
_KEEP_ALIVE = 30
#: Seconds after which a host that refused a connection, while it starts again, is asked once more.
_RETRY_AFTER = 0.1

SocketFactory = Callable[[Any], socket.socket]


@dataclass(frozen=True)
class Request:
    """A POST of JSON to one host."""

    url: str
    body: bytes
    headers: Mapping[str, str]
    #: The answer is read up to this many bytes.
    answer_max: int = ANSWER_MAX_BYTES


@dataclass(frozen=True)
class Answer:
    """What came of a request: an answer, or what kept it from coming, in words."""

    status: int = 0
    headers: Mapping[str, str] | None = None
    body: bytes = b""
    failure: str | None = None
    #: How long it took.
    seconds: float = 0


class Client:
    """Sends requests from an event loop in a thread of its own, so that connections outlive a call.

    One serves all threads of a process. `socket_factory` makes the sockets, or refuses to by an
    `OSError`: it is given what each is to be connected to, as `socket.getaddrinfo` returns it.
    """

    def __init__(self, socket_factory: SocketFactory | None = None) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True, name="ask other hosts")
        self._thread.start()
        self._session = asyncio.run_coroutine_threadsafe(
            _open_session(socket_factory), self._loop
        ).result()

    def ask_all(self, requests: Sequence[Request], deadline: float) -> list[Answer]:
        """Send the requests, all at once; return the answers after at most `deadline` seconds.

        Whoever has a turn at working (see `timApp.util.turns`) gives it to others meanwhile.
        """
        asked = asyncio.run_coroutine_threadsafe(self._ask_all(requests, deadline), self._loop)
        with turn_given():
            return asked.result()

    def ask(self, request: Request, deadline: float) -> Future[Answer]:
        """Send a request, and return at once."""
        return asyncio.run_coroutine_threadsafe(_ask(self._session, request, deadline), self._loop)

    def close(self) -> None:
        """Close the connections and end the thread."""
        asyncio.run_coroutine_threadsafe(self._session.close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _ask_all(self, requests: Sequence[Request], deadline: float) -> list[Answer]:
        return await asyncio.gather(
            *(_ask(self._session, request, deadline) for request in requests)
        )


_clients: dict[SocketFactory | None, Client] = {}
_clients_lock = Lock()


def client(socket_factory: SocketFactory | None = None) -> Client:
    """Return the client of this process with those sockets, made when it is first wanted."""
    with _clients_lock:
        if socket_factory not in _clients:
            _clients[socket_factory] = Client(socket_factory)
            atexit.register(_clients[socket_factory].close)
        return _clients[socket_factory]


def _forget_clients() -> None:
    """Let a forked process have clients of its own: the threads have stayed with the parent."""
    global _clients, _clients_lock
    for one in _clients.values():
        atexit.unregister(one.close)
    _clients, _clients_lock = {}, Lock()


os.register_at_fork(after_in_child=_forget_clients)


async def _open_session(socket_factory: SocketFactory | None) -> aiohttp.ClientSession:
    reuse = aiohttp.TraceConfig()
    reuse.on_connection_reuseconn.append(_note_reuse)
    return aiohttp.ClientSession(
        # No limit on connections: a host that hangs must not keep the others waiting.
        connector=aiohttp.TCPConnector(
            limit=0,
            resolver=PatientResolver(),
            keepalive_timeout=_KEEP_ALIVE,
            socket_factory=socket_factory,
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        trace_configs=[reuse],
    )


async def _note_reuse(_session: object, context: SimpleNamespace, _parameters: object) -> None:
    context.trace_request_ctx.is_reused = True


async def _ask(session: aiohttp.ClientSession, request: Request, deadline: float) -> Answer:
    """Ask a host, and once more if it refused the connection, or had closed a kept one."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    try:
        async with asyncio.timeout(deadline):
            try:
                answer = await _post(session, request)
            except _MayBeRetried as again:
                await asyncio.sleep(again.after)
                answer = await _post(session, request)
    except TimeoutError:
        answer = Answer(failure=f"no answer within {deadline:g} s.")
    except _MayBeRetried as error:
        answer = _failed(error.cause)
    except (aiohttp.ClientError, OSError) as error:
        answer = _failed(error)
    return Answer(answer.status, answer.headers, answer.body, answer.failure, loop.time() - begun)


class _MayBeRetried(Exception):  # noqa: N818 - says what to do
    """The host has not begun to work on the request."""

    def __init__(self, cause: Exception, after: float) -> None:
        super().__init__(cause)
        self.cause, self.after = cause, after


async def _post(session: aiohttp.ClientSession, request: Request) -> Answer:
    context: Any = SimpleNamespace(is_reused=False)
    try:
        # A redirect is not followed: it would hand the secret to whomever it points at.
        async with session.post(
            request.url,
            data=request.body,
            headers=request.headers,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None),
            trace_request_ctx=context,
        ) as response:
            body = b""
            async for block in response.content.iter_any():
                body += block
                if len(body) > request.answer_max:
                    break
            return Answer(response.status, response.headers, body)
    except aiohttp.ClientConnectorError as error:
        if isinstance(error.os_error, ConnectionRefusedError):
            raise _MayBeRetried(error, _RETRY_AFTER) from error
        raise
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, ConnectionError) as error:
        # What hosts are asked may be asked twice; so nothing is lost if it had begun after all.
        if context.is_reused:
            raise _MayBeRetried(error, 0) from error
        raise


def _failed(error: Exception) -> Answer:
    match error:
        case aiohttp.ClientConnectorError():
            failure = f"cannot be reached ({_reason(error)})."
        case aiohttp.ClientResponseError():
            failure = "answered, but not as an HTTP server does; check its address."
        case _:
            failure = f"the request failed ({error or type(error).__name__})."
    return Answer(failure=failure)


def _reason(error: aiohttp.ClientConnectorError) -> str:
    cause = error.os_error
    # Of a plain refusal asyncio only tells the address; TLS and name servers have their own words.
    if type(error) is aiohttp.ClientConnectorError and cause.errno is not None:
        return os.strerror(cause.errno)
    return cause.strerror or str(cause)
