"""One request over one connection, which the client may cut in the middle."""

import http.client
import json
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode

#: Seconds until the client gives up on an answer.
PATIENCE = 5
# The connection is reset: what is in the middle is thrown away.
_NO_LINGER = struct.pack("ii", 1, 0)


class Cut(Enum):
    """Where in the middle of a request the client goes away."""

    HEADERS = "after the headers"
    BODY = "within the body"
    ANSWER = "before the answer is read"


class NoAnswerError(Exception):
    """There was no answer, or not all of it."""


@dataclass(frozen=True)
class Reply:
    """An answer that was read to its end."""

    status: int
    body: bytes
    cookie: str

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Question:
    """What is posted, by whom."""

    path: str
    #: What the form says; None for JSON.
    form: Mapping[str, str] | None = None
    json: Mapping[str, str] | None = None
    cookie: str = ""
    csrf_token: str = ""

    def encoded(self, port: int, address: str) -> tuple[bytes, bytes]:
        """Return the headers and the body of a request that comes from an address."""
        if self.form is None:
            body, kind = json.dumps(self.json or {}).encode(), "application/json"
        else:
            body, kind = urlencode(self.form).encode(), "application/x-www-form-urlencoded"
        lines = [
            f"POST {self.path} HTTP/1.1",
            f"Host: 127.0.0.1:{port}",
            "Accept: application/json",
            "User-Agent: Firefox",
            f"Content-Type: {kind}",
            f"Content-Length: {len(body)}",
            f"X-Forwarded-For: {address}",
            "Connection: close",
        ]
        if self.cookie:
            lines += [f"Cookie: {self.cookie}", f"X-CSRFToken: {self.csrf_token}"]
        return ("\r\n".join(lines) + "\r\n\r\n").encode(), body


@dataclass(frozen=True)
class Departure:
    """That the client goes away: where, and whether it resets the connection or only closes it."""

    cut: Cut
    is_abrupt: bool
    #: How much of the body is sent before it is cut within it: from 0 to 1, but at least a
    #: byte, and never all of it.
    share: float = 0.5


def ask(port: int, question: Question, address: str, departure: Departure | None = None) -> Reply:
    """Post to a server of this machine as a client at that address behind a proxy does.

    `NoAnswerError` if nothing comes within `PATIENCE`, or not all of it, or if the client departs.
    """
    headers, body = question.encoded(port, address)
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
            if departure is None or departure.cut is Cut.ANSWER:
                connection.sendall(headers + body)
            elif departure.cut is Cut.HEADERS:
                connection.sendall(headers)
            else:
                part = body[: max(1, int(len(body) * departure.share))]
                connection.sendall(headers + part)
            if departure is not None:
                if departure.is_abrupt:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
                msg = f"cut {departure.cut.value}"
                raise NoAnswerError(msg)
            return _read(connection)
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswerError(str(error)) from error


def _read(connection: socket.socket) -> Reply:
    with http.client.HTTPResponse(connection, method="POST") as response:
        response.begin()
        if response.length is None and not response.chunked:
            msg = "an answer of which nobody knows where it ends"
            raise NoAnswerError(msg)
        body = response.read()
        cookies = SimpleCookie("; ".join(response.headers.get_all("Set-Cookie", [])))
        cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())
        return Reply(response.status, body, cookie)
