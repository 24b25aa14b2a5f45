"""What the front reads and writes: requests that have arrived whole, and answers."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Protocol

#: Names and values as they were sent: HTTP says nothing of their encoding.
Headers = list[tuple[bytes, bytes]]

#: Stands for the route of a request that nobody has one for.
NO_ROUTE = "none"


@dataclass(slots=True)
class Request:
    """A request, of which head and body have arrived."""

    method: bytes
    #: Path and query as they were sent.
    target: bytes
    #: ``1.1`` or ``1.0``.
    version: str
    #: Names are in small letters.
    headers: Headers
    #: Address and port of whoever is connected, a proxy perhaps.
    peer: tuple[str, int]
    body: bytes = b""
    #: Whether the client wants to keep the connection.
    keeps_alive: bool = True
    #: What its address is an instance of, such as ``/view/<path:path>``, once that is known.
    route: str = NO_ROUTE
    #: By which the log knows it, given back in the answer.
    id: str = ""
    #: On the clock `time.monotonic`.
    arrived_at: float = field(default_factory=time.monotonic)

    def header(self, name: bytes) -> bytes | None:
        """Return the value of a header, given in small letters; the last one, if it is repeated."""
        found = None
        for given, value in self.headers:
            if given == name:
                found = value
        return found


@dataclass(slots=True)
class Answer:
    """An answer. What says where it ends, and the date, are added when it is written."""

    #: Code and phrase, such as ``200 OK``.
    status: bytes
    headers: Headers
    body: bytes = b""
    #: Bytes of the body, if that is not sent, as in an answer to HEAD.
    length: int | None = None


class Stream(Protocol):
    """An answer that another thread than the front's writes piece by piece."""

    def write(self, piece: bytes) -> None:
        """Write a piece, once the client has taken most of those before it.

        `ConnectionError` if the client has gone, or has taken nothing for too long.
        """

    def end(self) -> None:
        """Say that this was all."""

    def cut(self) -> None:
        """Let the client see that this is not all."""


class Exchange(Protocol):
    """A request, and the way back for its answer. Nothing happens once the client has gone."""

    request: Request

    @property
    def is_wanted(self) -> bool:
        """Whether somebody waits for the answer, as far as is known.

        Whoever has ended their side of the connection has gone, most likely; what is answered
        nevertheless is written.
        """

    def answer(self, answer: Answer) -> None:
        """Write the answer; in the front's own thread."""

    def answer_soon(self, answer: Answer) -> None:
        """Write the answer; from any other thread."""

    def stream(self, head: Answer) -> Stream:
        """Write the head of an answer, and return what writes the rest; from another thread."""


#: Answers exchanges, each once, now or later.
Handler = Callable[[Exchange], None]


def status_line(code: int) -> bytes:
    """Return a code with its phrase."""
    return b"%d %s" % (code, HTTPStatus(code).phrase.encode())
