"""One connection: HTTP/1.1, of which requests are read whole before anybody is asked.

Nothing here waits: what takes time is done elsewhere, and answers later.
"""

import asyncio
from collections import deque
from contextlib import suppress
from typing import cast

from timApp.serve.http.connections import Connections
from timApp.serve.http.exchange import LineExchange
from timApp.serve.http.message import Headers, Request
from timApp.serve.http.reader import Reader
from timApp.serve.http.wire import CONTINUE

_NEVER = float("inf")
#: Bytes that are read before a look at how many requests were in them.
_PORTION = 4096


class Connection(asyncio.Protocol):
    """A connection, which takes one request after the other."""

    def __init__(self, connections: Connections) -> None:
        self._all = connections
        self._limits = connections.limits
        self._transport: asyncio.Transport
        self._reader: Reader
        self._peer = ("", 0)
        self._is_admitted = False
        self.deadline = _NEVER
        # The requests that have been read, and the one that is being answered.
        self._waiting: deque[Request] = deque()
        self._answering: LineExchange | None = None
        self._is_serving = False
        #: What has come and is not read, since enough requests wait; then nothing more comes.
        self._unread = memoryview(b"")
        self._is_paused = False
        #: Bytes of bodies that wait or are answered, and of all that is kept of requests.
        self._body_bytes = self._held_bytes = 0
        #: Seconds that the request may take which is being read.
        self._seconds = self._limits.request
        #: Who sends a large body, and its request once it has arrived: one at a time.
        self._sender: int | None = None
        self._large: Request | None = None
        #: Whether the client has said that it sends nothing more.
        self._has_ended = False
        self._is_closing = False
        self._is_gone = False
        #: Bytes that the client has not taken, when it last was too slow; then no request of its
        #: own is answered, since those answers would be kept here, too.
        self._unsent = 0

    @property
    def is_idle(self) -> bool:
        """Whether nothing of a request has come that is not answered."""
        return not (self._reader.is_amid or self._waiting or self._answering or self._is_closing)

    # What the loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        if isinstance(peer, tuple):
            self._peer = peer[:2]
        self._reader = Reader(self, self._peer, self._limits)
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
        self._end_large()
        self._all.held_bytes -= self._held_bytes

    def eof_received(self) -> bool:
        """Answer what is being worked on. What has not begun is dropped: most who end have gone."""
        self._has_ended = True
        if self._answering is not None:
            self._answering.is_wanted = False
        return self._answering is not None or bool(self._waiting)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self._is_closing or self._reader.refused:
            return  # it was on its way already
        self._unread = memoryview(bytes(self._unread) + data if self._unread else data)
        self._read()
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
            self._serve()
        else:
            self.deadline = _NEVER
            self._answering.resume()

    # What the reader calls.

    def begin(self) -> None:
        """Begin the time of a request."""
        self._seconds = self._limits.request
        self._wait_for_request()

    def ask_for_body(self) -> None:
        """Ask for a body, unless the client still waits for another answer."""
        if self._answering is None and not self._waiting:
            self._transport.write(CONTINUE)

    def body_max(self, method: bytes, target: bytes, headers: Headers, length: int | None) -> int:
        """Return how many bytes the body may have; if it is large, keep room and time for it."""
        large = self._all.large.find(method, target, headers)
        if large is None:
            return self._limits.body_bytes
        size = large.size if length is None else length
        if size > large.size:
            return large.size
        if self._sender is not None or not self._all.large.begin(large.sender, size):
            self._reader.refuse(503)
            return large.size
        self._sender = large.sender
        self._seconds += size / self._limits.large_rate
        self._wait_for_request()
        return large.size

    def take(self, request: Request) -> None:
        """Let the request be answered when those before it are."""
        if self._sender is not None and self._large is None:
            self._large = request
        self._waiting.append(request)
        self._body_bytes += len(request.body)

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
        elif self._reader.is_amid:
            self._refuse(408)
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
        is_last = self._has_ended and not self._waiting
        return request.keeps_alive and not is_last and not self._all.is_ending

    def write(self, data: bytes) -> bool:
        """Write; return whether the client takes it as fast as it comes."""
        self._transport.write(data)
        return not self._unsent

    def done(self, *, keeps: bool) -> None:
        """Go on to the next request, or end the connection."""
        if self._answering is not None:
            self._body_bytes -= len(self._answering.request.body)
            if self._answering.request is self._large:
                self._end_large()
            self._answering = None
            self._count()
        if not keeps:
            self.close()
            return
        if not self._unsent:
            self._wait_for_client()
        self._serve()

    def abort(self) -> None:
        """End the connection now."""
        self._transport.abort()

    def _read(self) -> None:
        """Read what has come, unless enough requests wait."""
        while self._unread and not (self._is_full or self._reader.refused):
            part, self._unread = self._unread[:_PORTION], self._unread[_PORTION:]
            self._reader.feed(part)
        self._count()
        if self._all.is_full and self._reader.held_bytes > self._limits.little_bytes:
            self._reader.refuse(503)
            self._count()
        if self._is_full and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()

    @property
    def _is_full(self) -> bool:
        others = len(self._waiting) - (self._answering is None)
        return others >= self._limits.pipelined or (others > 0 and self._body_bytes > 0)

    def _count(self) -> None:
        held = self._reader.held_bytes + self._body_bytes
        self._all.held_bytes += held - self._held_bytes
        self._held_bytes = held

    def _serve(self) -> None:
        """Have the next request answered, if it is time, or refuse what comes instead of one."""
        if self._is_serving or self._is_gone:
            return
        self._is_serving = True
        while self._answering is None and self._may_write and self._go_on():
            pass
        self._is_serving = False

    def _go_on(self) -> bool:
        """Do what comes next, if the client is to be answered; tell whether there was anything."""
        if self._waiting:
            exchange = LineExchange(self._waiting.popleft(), self, self._all)
            exchange.is_wanted = not self._has_ended
            self._answering = exchange
            self.deadline = _NEVER
            self._all.handler(exchange)
            return True
        if self._reader.refused:
            self._refuse(self._reader.refused)
        elif self._unread:
            self._read()
            return True
        elif self._has_ended:
            self.close()
        elif self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()
        return False

    @property
    def _may_write(self) -> bool:
        return not (self._unsent or self._is_closing)

    def _refuse(self, status: int) -> None:
        """Say why, and end so that the client can read it though it still sends."""
        answer = self._all.refusals.answer(
            status, self._reader.head, body_max=self._reader.body_max
        )
        head = self._all.head(answer, len(answer.body), version="1.1", keeps=False)
        self._transport.write(head + answer.body)
        self._is_closing = True
        self._wait(self._limits.lingering)
        with suppress(OSError, RuntimeError):  # it may have gone
            self._transport.write_eof()

    def _wait_for_client(self) -> None:
        self._wait(self._seconds if self._reader.is_amid else self._limits.idle)

    def _wait_for_request(self) -> None:
        if self._answering is None and not self._waiting and not self._unsent:
            self._wait(self._seconds)

    def _end_large(self) -> None:
        """Leave the room of a large body to others."""
        if self._sender is not None:
            self._all.large.end(self._sender)
        self._sender = self._large = None

    def _wait(self, seconds: float) -> None:
        self.deadline = self._all.loop.time() + seconds
