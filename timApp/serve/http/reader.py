"""From bytes to requests: llhttp parses, and what it finds is held against the limits."""

from typing import Protocol

import httptools

from timApp.serve.http.limits import Limits
from timApp.serve.http.message import Headers, Request

_VERSIONS = frozenset(("1.0", "1.1"))
_CHUNKED = b"chunked"


class Receiver(Protocol):
    """Whoever is told of what is read."""

    def begin(self) -> None:
        """Note that the first bytes of a request have come."""

    def ask_for_body(self) -> None:
        """Tell the client to send the body, for which it waits to be asked."""

    def body_max(self, method: bytes, target: bytes, headers: Headers, length: int | None) -> int:
        """Return how many bytes a body may have that is large, or whose length is not said."""

    def take(self, request: Request) -> None:
        """Take a request that has arrived whole."""


class Reader:
    """Reads one request after the other from what a client sends."""

    def __init__(self, receiver: Receiver, peer: tuple[str, int], limits: Limits) -> None:
        self._receiver = receiver
        self._peer = peer
        self._limits = limits
        self._parser = httptools.HttpRequestParser(self)
        #: The status with which the client is refused once what came before that is answered; 0
        #: for none. Nothing is read after that.
        self.refused = 0
        #: Whether a request has begun and has not arrived whole.
        self.is_amid = False
        # The request that is being read.
        self._is_in_head = False
        self._target = b""
        self._headers: Headers = []
        self._lines = 0
        # One piece of memory: each of many small ones would take ten times what is in it.
        self._body = bytearray()
        self._parts = 0
        #: Bytes that the body may have.
        self.body_max = limits.body_bytes
        #: Bytes in a row that are no body: of a head, a trailer, what a chunk says of itself, and
        #: blank lines. Unless they are counted, they may go on without end.
        self._bare_bytes = 0

    @property
    def held_bytes(self) -> int:
        """Bytes of the request that is being read."""
        return self._bare_bytes + len(self._body)

    @property
    def head(self) -> Request:
        """What has come of the head of the request that is being read, or was read last."""
        return Request(b"", self._target, "1.1", self._headers, self._peer)

    def feed(self, data: memoryview) -> None:
        """Read on."""
        self._bare_bytes += len(data)
        rest = data
        try:
            while rest and not self.refused:
                try:
                    self._parser.feed_data(rest)
                    break
                except httptools.HttpParserUpgrade as upgrade:
                    # No other protocol is spoken here; HTTP goes on, as it may.
                    rest = rest[upgrade.args[0] :]
        except httptools.HttpParserError:
            self.refuse(400)
        if self._bare_bytes > self._limits.head_bytes:
            self.refuse(431)

    def refuse(self, status: int) -> None:
        """Read nothing more, for that reason; for the first one, if there are several."""
        self.refused = self.refused or status
        self._body, self._bare_bytes = bytearray(), 0

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Begin a request."""
        self.is_amid = self._is_in_head = True
        self._target = b""
        self._headers = []
        self._lines = 0
        self._body = bytearray()
        self._parts = 0
        self.body_max = self._limits.body_bytes
        self._receiver.begin()

    def on_url(self, part: bytes) -> None:
        """Take a part of the target."""
        self._target += part
        if len(self._target) > self._limits.target_bytes:
            self.refuse(414)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; those that come after a body count for nothing but their number."""
        self._lines += 1
        if self._lines > self._limits.head_lines:
            self.refuse(431)
        elif self._is_in_head:
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Refuse at once what is too much; ask for a body whose sender waits to be asked."""
        self._is_in_head = False
        self._lines = 0
        version = self._parser.get_http_version()
        if version not in _VERSIONS:
            self.refuse(505)
        if self._parser.get_method() == b"CONNECT":
            self.refuse(501)
        waits = False
        size = length = 0
        coding = None
        for name, value in self._headers:
            size += len(name) + len(value)
            if name == b"content-length":
                length = int(value)
            elif name == b"transfer-encoding":
                coding = value if coding is None else coding + b"," + value
            elif name == b"expect":
                waits = value.lower() == b"100-continue" and version != "1.0"
        if size > self._limits.head_bytes:
            self.refuse(431)
        if (length or coding is not None) and self._parser.should_upgrade():
            # The parser would not read the body, which would be taken for another request.
            self.refuse(501)
        if coding is not None:
            self._check_coding(coding, version)
        if not self.refused and (coding is not None or length > self.body_max):
            said = length if coding is None else None
            self.body_max = self._receiver.body_max(
                self._parser.get_method(), self._target, self._headers, said
            )
            if length > self.body_max:
                self.refuse(413)
        if waits and not self.refused:
            self._receiver.ask_for_body()

    def on_body(self, part: bytes) -> None:
        """Take a part of the body."""
        self._bare_bytes = 0
        self._parts += 1
        size = len(self._body) + len(part)
        # What may be larger may come in more pieces.
        parts_max = self._limits.body_parts * -(-self.body_max // self._limits.body_bytes)
        if size > self.body_max or self._parts > parts_max:
            self.refuse(413)
        if not self.refused:
            self._body += part

    def on_message_complete(self) -> None:
        """Hand the request over."""
        self.is_amid = False
        self._bare_bytes = 0
        body, self._body = bytes(self._body), bytearray()
        if self.refused:
            return
        self._receiver.take(
            Request(
                self._parser.get_method(),
                self._target,
                self._parser.get_http_version(),
                self._headers,
                self._peer,
                body,
                self._parser.should_keep_alive(),
            )
        )

    def _check_coding(self, coding: bytes, version: str) -> None:
        """Refuse a body of which two readers might not agree where it ends.

        Source: RFC 9112, 6.1: HTTP/1.0 knows no chunks, and no other coding is known here.
        """
        if version == "1.0":
            self.refuse(400)
        elif coding.strip().lower() != _CHUNKED:
            self.refuse(501)
