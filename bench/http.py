"""A small HTTP client that costs little, for processes that play many browsers at once."""

import asyncio
import re
from collections.abc import Iterable, Mapping

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_SET_COOKIE = re.compile(rb"\r\nset-cookie: *([^;\r]*)", re.IGNORECASE)
_COOKIE = re.compile(rb"(\r\nCookie: )[^\r]*")
_END_OF_HEAD = b"\r\n\r\n"
_END_OF_CHUNKS = b"0\r\n\r\n"


_NONE: Mapping[str, str] = {}


def get(
    path: str,
    cookie: str = "",
    accept: str = "application/json",
    headers: Mapping[str, str] = _NONE,
) -> bytes:
    """Return a request as it goes over the wire."""
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", f"Accept: {accept}", "User-Agent: Firefox"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if cookie:
        lines.append(f"Cookie: {cookie}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def with_cookie(request: bytes, cookie: bytes) -> bytes:
    """Return a request of `get` with a cookie, such as ``name=value``, in place of the one before.

    A request without one stays as it is.
    """
    return _COOKIE.sub(lambda found: found[1] + cookie, request, count=1)


class Connection(asyncio.Protocol):
    """One kept connection, over which one request after the other is sent."""

    #: The first cookie that the last answer has set, such as ``name=value``; None if it set none.
    cookie: bytes | None = None

    def __init__(self, port: int) -> None:
        self._port = port
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send a request; return status and body, which is as it came if it came in chunks.

        `ConnectionError` if the server closes the connection instead.
        """
        loop = asyncio.get_running_loop()
        if self._transport is None:
            await loop.create_connection(lambda: self, "127.0.0.1", self._port)
        assert self._transport is not None
        self._answer = loop.create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._received = b""

    def connection_lost(self, exc: Exception | None) -> None:
        """Give up on an answer that has not come."""
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("closed by the server"))

    def data_received(self, data: bytes) -> None:
        """Collect until the answer is whole."""
        self._received += data
        received = self._received
        head_end = received.find(_END_OF_HEAD)
        if head_end < 0 or self._answer is None:
            return
        body_start = head_end + len(_END_OF_HEAD)
        head = received[:head_end]
        if length := _LENGTH.search(head):
            is_whole = len(received) - body_start >= int(length[1])
        elif _CHUNKED.search(head):
            is_whole = received.endswith(_END_OF_CHUNKS)
        else:
            is_whole = True
        if is_whole and not self._answer.done():
            self._received = b""
            found = _SET_COOKIE.search(head)
            self.cookie = None if found is None else found[1]
            self._answer.set_result((int(head[9:12]), received[body_start:]))


class Statuses:
    """Counts the statuses of answers."""

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}

    def add(self, status: int) -> None:
        """Count one."""
        self.counts[status] = self.counts.get(status, 0) + 1

    def others_than(self, expected: Iterable[int]) -> dict[int, int]:
        """Return those that were not expected."""
        wanted = set(expected)
        return {status: count for status, count in self.counts.items() if status not in wanted}
