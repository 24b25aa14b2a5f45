"""One connection: HTTP/1.1, of which requests are read whole before anybody is asked.

llhttp parses. Nothing here waits: what takes time is done elsewhere, and answers later.
"""

import asyncio
from collections import deque
from contextlib import suppress
from typing import cast

import httptools

from timApp.serve.http.connections import Connections
from timApp.serve.http.exchange import LineExchange
from timApp.serve.http.message import Headers, Request
from timApp.serve.http.wire import CONTINUE

_NEVER = float("inf")


class Connection(asyncio.Protocol):
    """A connection, which takes one request after the other."""

    def __init__(self, connections: Connections) -> None:
        self._all = connections
        self._limits = connections.limits
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport
        self._peer = ("", 0)
        self._is_admitted = False
        self.deadline = _NEVER
        # The request that is being read.
        self._is_reading = False
        self._is_in_head = False
        self._target = b""
        self._headers: Headers = []
        self._head_bytes = 0
        self._body: list[bytes] = []
        self._body_bytes = 0
        # Those that have been read, and the one that is being answered.
        self._waiting: deque[Request] = deque()
        self._answering: LineExchange | None = None
        self._is_serving = False
        self._is_paused = False
        #: The status with which the connection is refused, once all before that is answered.
        self._refused = 0
        self._is_closing = False
        self._is_gone = False
        self._unsent = 0

    @property
    def is_idle(self) -> bool:
        """Whether nothing of a request has come that is not answered."""
        return not (self._is_reading or self._waiting or self._answering or self._is_closing)

    # What the loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        if isinstance(peer, tuple):
            self._peer = peer[:2]
        self._is_admitted = self._all.admit(self, self._peer[0])
        if not self._is_admitted:
            self._is_closing = True
            self._transport.abort()
            return
        self._wait(self._limits.request)

    def connection_lost(self, _error: Exception | None) -> None:
        """Forget what is under way: whoever works on it finds nobody to answer."""
        self._is_gone = True
        if self._is_admitted:
            self._all.forget(self, self._peer[0])
        if self._answering is not None:
            self._answering.give_up()
            self._answering = None
        self._waiting.clear()

    def eof_received(self) -> bool:
        """Go on answering a client that has said all it had to say."""
        return self._answering is not None or bool(self._waiting)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self._is_closing or self._refused:
            return  # it was on its way already
        if self._is_in_head or not self._is_reading:
            self._head_bytes += len(data)
        rest = data
        try:
            while rest:
                try:
                    self._parser.feed_data(rest)
                    break
                except httptools.HttpParserUpgrade as upgrade:
                    # No other protocol is spoken here; HTTP goes on, as it may.
                    rest = rest[upgrade.args[0] :]
        except httptools.HttpParserError:
            self._refused = self._refused or 400
        if self._is_in_head and self._head_bytes > self._limits.head_bytes:
            self._refused = self._refused or 431
        self._serve()

    def pause_writing(self) -> None:
        """Note that the client does not take its answer as fast as it is made."""
        self._unsent = self._transport.get_write_buffer_size()
        self._wait(self._limits.stalled)

    def resume_writing(self) -> None:
        """Note that it has taken most of it."""
        self._unsent = 0
        if self._is_closing:
            return
        if self._answering is None:
            self._wait_for_client()
        else:
            self.deadline = _NEVER
            self._answering.resume()

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Begin a request, and its time."""
        self._is_reading = self._is_in_head = True
        self._target = b""
        self._headers = []
        self._body = []
        self._body_bytes = 0
        if self._answering is None and not self._waiting:
            self._wait(self._limits.request)

    def on_url(self, part: bytes) -> None:
        """Take a part of the target."""
        self._target += part
        if len(self._target) > self._limits.target_bytes:
            self._refused = self._refused or 414

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; those that come after a body count for nothing."""
        if self._is_in_head:
            self._headers.append((name.lower(), value))
            if len(self._headers) > self._limits.head_lines:
                self._refused = self._refused or 431

    def on_headers_complete(self) -> None:
        """Refuse at once what is too much; ask for a body whose sender waits to be asked."""
        self._is_in_head = False
        if self._parser.get_method() == b"CONNECT":
            self._refused = self._refused or 501
        waits = False
        size = 0
        for name, value in self._headers:
            size += len(name) + len(value)
            if name == b"content-length" and int(value) > self._limits.body_bytes:
                self._refused = self._refused or 413
            elif name == b"expect":
                waits = value.lower() == b"100-continue"
        if size > self._limits.head_bytes:
            self._refused = self._refused or 431
        if waits and not self._refused and self._answering is None and not self._waiting:
            self._transport.write(CONTINUE)

    def on_body(self, part: bytes) -> None:
        """Take a part of the body."""
        self._body_bytes += len(part)
        if self._body_bytes > self._limits.body_bytes:
            self._refused = self._refused or 413
        if not self._refused:
            self._body.append(part)

    def on_message_complete(self) -> None:
        """Let the request be answered when those before it are."""
        self._is_reading = False
        self._head_bytes = 0
        if self._refused:
            return
        self._waiting.append(
            Request(
                self._parser.get_method(),
                self._target,
                self._parser.get_http_version(),
                self._headers,
                self._peer,
                b"".join(self._body),
                self._parser.should_keep_alive(),
            )
        )
        if len(self._waiting) > self._limits.pipelined and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()

    # What the connections call.

    def expire(self) -> None:
        """Act on a deadline that has passed: end what is too slow."""
        unsent = self._transport.get_write_buffer_size()
        if unsent and unsent < self._unsent:  # slowly, but it goes on
            self._unsent = unsent
            self._wait(self._limits.stalled)
        elif unsent or self._is_closing:
            self._transport.abort()
        elif self._answering is not None or self._waiting:
            self.deadline = _NEVER
        elif self._is_reading:
            self._refused = 408
            self._serve()
        else:
            self.close()

    def close(self) -> None:
        """End the connection once all is written."""
        self._is_closing = True
        self._unsent = self._transport.get_write_buffer_size()
        self._wait(self._limits.stalled)
        self._transport.close()

    # What an exchange calls.

    def keeps(self, request: Request) -> bool:
        """Tell whether the connection stays after the answer to this request."""
        return request.keeps_alive and not self._refused and not self._all.is_ending

    def write(self, data: bytes) -> bool:
        """Write; return whether the client takes it as fast as it comes."""
        self._transport.write(data)
        return not self._unsent

    def done(self, *, keeps: bool) -> None:
        """Go on to the next request, or end the connection."""
        self._answering = None
        if not keeps:
            self.close()
            return
        if not self._unsent:
            self._wait_for_client()
        self._serve()

    def abort(self) -> None:
        """End the connection now."""
        self._transport.abort()

    def _serve(self) -> None:
        """Have the next request answered, if it is time, or refuse what comes instead of one."""
        if self._is_serving or self._is_gone:
            return
        self._is_serving = True
        while self._waiting and self._answering is None and not self._is_closing:
            exchange = LineExchange(self._waiting.popleft(), self, self._all)
            self._answering = exchange
            self.deadline = _NEVER
            self._all.handler(exchange)
        self._is_serving = False
        if self._is_closing or self._answering is not None:
            return
        if self._refused:
            self._refuse(self._refused)
        elif self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()

    def _refuse(self, status: int) -> None:
        """Say why, and end so that the client can read it though it still sends."""
        answer = self._all.refusals.answer(status)
        head = self._all.head(answer, len(answer.body), version="1.1", keeps=False)
        self._transport.write(head + answer.body)
        self._is_closing = True
        self._wait(self._limits.lingering)
        with suppress(OSError, RuntimeError):  # it may have gone
            self._transport.write_eof()

    def _wait_for_client(self) -> None:
        self._wait(self._limits.request if self._is_reading else self._limits.idle)

    def _wait(self, seconds: float) -> None:
        self.deadline = self._all.loop.time() + seconds
