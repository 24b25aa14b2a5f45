"""Exchanges: from a request that has arrived to the last byte of its answer."""

from collections.abc import Callable
from threading import Condition
from typing import Protocol

from timApp.serve.http.connections import Connections
from timApp.serve.http.journal import GONE
from timApp.serve.http.message import Answer, Request, status_line
from timApp.serve.http.wire import LAST_CHUNK, chunk_of


class Line(Protocol):
    """The connection of an exchange; for the loop's thread."""

    def keeps(self, request: Request) -> bool:
        """Tell whether the connection stays after the answer to this request."""

    def write(self, data: bytes) -> bool:
        """Write; return whether the client takes it as fast as it comes."""

    def done(self, *, keeps: bool) -> None:
        """Go on to the next request, or end the connection, once all is written."""

    def abort(self) -> None:
        """End the connection now, so that the client sees that something is missing."""


class LineExchange:
    """An exchange over a connection; see `timApp.serve.http.message.Exchange`."""

    def __init__(self, request: Request, line: Line, connections: Connections) -> None:
        self.request = request
        self.is_wanted = True
        self._line: Line | None = line
        self._connections = connections
        self._stream: _LineStream | None = None
        self._is_over = False
        connections.journal.begin(request)

    def answer(self, answer: Answer) -> None:
        """Write the answer."""
        line = self._line
        if line is None:
            return
        self._line = None
        keeps = line.keeps(self.request)
        is_head = self.request.method == b"HEAD"
        body = b"" if is_head else answer.body
        length = answer.length if is_head else len(body)
        line.write(self._head(answer, length, keeps=keeps) + body)
        self._end(answer.status)
        line.done(keeps=keeps)

    def answer_soon(self, answer: Answer) -> None:
        """Write the answer, from any thread."""
        self._connections.mailbox.post(lambda: self.answer(answer))

    def stream(self, head: Answer) -> "_LineStream":
        """Write the head, and return what writes the rest."""
        stream = _LineStream(
            self._connections, lambda status: self._end(status or head.status), self.request.version
        )

        def begin() -> None:
            line = self._line
            if line is None:
                stream.give_up()
                return
            self._stream = stream
            keeps = line.keeps(self.request) and stream.is_chunked
            line.write(self._head(head, None, keeps=keeps))
            stream.begin(line, keeps=keeps)

        self._connections.mailbox.post(begin)
        return stream

    def give_up(self) -> None:
        """Note that the client has gone."""
        self.is_wanted = False
        self._line = None
        self._end(GONE)
        if self._stream is not None:
            self._stream.give_up()

    def resume(self) -> None:
        """Note that the client has taken most of what was written."""
        if self._stream is not None:
            self._stream.resume()

    def _end(self, status: bytes) -> None:
        """Note once that it is over, and how."""
        if not self._is_over:
            self._is_over = True
            self._connections.journal.end(self.request, status)

    def _head(self, answer: Answer, length: int | None, *, keeps: bool) -> bytes:
        return self._connections.head(
            answer, length, version=self.request.version, keeps=keeps, request_id=self.request.id
        )


class _LineStream:
    """A stream over a connection; see `timApp.serve.http.message.Stream`."""

    def __init__(
        self, connections: Connections, over: Callable[[bytes | None], None], version: str
    ) -> None:
        """`over` is called at the end, with a status if it is another one than was begun with."""
        self.is_chunked = version != "1.0"
        self._over = over
        self._connections = connections
        self._line: Line | None = None
        self._keeps = False
        self._changed = Condition()
        #: Bytes that were made and that the client has not taken.
        self._ahead = 0
        self._is_gone = False

    # Of the thread that makes the pieces.

    def write(self, piece: bytes) -> None:
        """Write a piece when it is time."""
        if not piece:
            return
        with self._changed:
            while self._ahead > self._connections.limits.ahead_bytes and not self._is_gone:
                self._changed.wait()
            if self._is_gone:
                msg = "The client has gone."
                raise ConnectionResetError(msg)
            self._ahead += len(piece)
        self._connections.mailbox.post(lambda: self._write(piece))

    def end(self) -> None:
        """Say that this was all."""
        self._connections.mailbox.post(self._end)

    def cut(self) -> None:
        """Let the client see that this is not all."""
        self._connections.mailbox.post(self._cut)

    # Of the loop's thread.

    def begin(self, line: Line, *, keeps: bool) -> None:
        """Go on over this connection, which may be kept afterwards."""
        self._line = line
        self._keeps = keeps

    def give_up(self) -> None:
        """Note that the client has gone."""
        self._line = None
        with self._changed:
            self._is_gone = True
            self._changed.notify_all()

    def resume(self) -> None:
        """Note that the client has taken most of what was written."""
        with self._changed:
            self._ahead = 0
            self._changed.notify_all()

    def _write(self, piece: bytes) -> None:
        if self._line is None:
            return
        takes_more = self._line.write(chunk_of(piece) if self.is_chunked else piece)
        if takes_more:
            with self._changed:
                self._ahead = max(0, self._ahead - len(piece))
                self._changed.notify_all()

    def _end(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            if self.is_chunked:
                line.write(LAST_CHUNK)
            self._over(None)
            line.done(keeps=self._keeps)

    def _cut(self) -> None:
        if self._line is not None:
            self._over(status_line(500))
            self._line.abort()
