"""A client that says exactly what it is told to, byte by byte."""

import io
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPResponse

from tests.live import PATIENCE


@dataclass(frozen=True)
class RawAnswer:
    """An answer, read to its end."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """Return a header, whatever its case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


class _Received(io.BufferedReader):
    """What comes over a connection, of which the end of an answer is not the end."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(connection.makefile("rb", buffering=0))

    def makefile(self, *_: object) -> "_Received":
        """Pass for a socket whose answers are read from here."""
        return self

    def close(self) -> None:
        """Stay open at the end of an answer."""

    def close_at_last(self) -> None:
        """Close."""
        super().close()


class RawClient:
    """A connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self._received = _Received(self.socket)

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(data)

    def read(self, method: str = "GET") -> RawAnswer:
        """Read the answer to a request of that method; what comes after it stays."""
        response = HTTPResponse(self._received, method=method)  # type: ignore[arg-type]
        response.begin()
        body = response.read()
        return RawAnswer(response.status, response.reason, response.getheaders(), body)

    def ask(self, data: bytes, method: str = "GET") -> RawAnswer:
        """Send a request and read its answer."""
        self.send(data)
        return self.read(method)

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()
        self._received.close_at_last()

    def is_closed(self) -> bool:
        """Wait until the server has closed the connection, and nothing more comes."""
        try:
            return self._received.read(1) == b""
        except ConnectionError:
            return True


@contextmanager
def raw_client(port: int) -> Iterator[RawClient]:
    """Yield a connection, and close it."""
    client = RawClient(port)
    try:
        yield client
    finally:
        client.close()


def get(path: str, *lines: str, version: str = "1.1") -> bytes:
    """Return a request for a page with these lines beside the host."""
    head = "\r\n".join((f"GET {path} HTTP/{version}", "Host: localhost", *lines, "", ""))
    return head.encode("latin-1")
