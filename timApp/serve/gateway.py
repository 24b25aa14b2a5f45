"""The way to a WSGI application: what it is told of a request, and what becomes of its answer.

Source: PEP 3333.
"""

import io
import logging
import sys
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from timApp.request.environ import add_headers
from timApp.request.patience import WAITED
from timApp.serve.http.message import Answer, Exchange, Headers, Request, status_line
from timApp.util.logs import about_request
from timApp.util.turns import turn_given

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

_log = logging.getLogger(__name__)

#: Those of an answer that the front writes itself.
_NOT_TAKEN = frozenset(("connection", "content-length", "date", "keep-alive", "transfer-encoding"))
_OF_WERKZEUG = "werkzeug.request"
#: Names of headers of answers that are worked out once.
_NAMES = 1000
#: Bytes of an answer that is passed on as a whole, if it is known how long it is.
_WHOLE = 1_048_576


class Gateway:
    """A WSGI application, as the front asks it."""

    def __init__(self, application: "WSGIApplication", host: str, port: int) -> None:
        """Take the application, and the address on which it is served."""
        self._application = application
        self._always = {
            "SCRIPT_NAME": "",
            "SERVER_NAME": host,
            "SERVER_PORT": str(port),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }

    def answer(
        self, exchange: Exchange, environ: "WSGIEnvironment", since: float | None = None
    ) -> None:
        """Answer an exchange; in a thread of its own, for it may wait. Never raises.

        `environ` is that of its request, see `environ`. The application is told how long it is
        since then, on the clock `time.monotonic`.
        """
        environ[WAITED] = 0.0 if since is None else time.monotonic() - since
        try:
            with about_request(exchange.request.id):
                self._answer(exchange, environ)
        except Exception:
            # The application answers its own errors, so this is one of ours.
            _log.exception("An answer could not be made.")
            exchange.answer_soon(Answer(status_line(500), []))

    def _answer(self, exchange: Exchange, environ: "WSGIEnvironment") -> None:
        request = exchange.request
        started: list[tuple[bytes, Headers, int | None]] = []

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            del exc_info  # nothing was written yet, so the new head is as good as the old one
            started[:] = [_head_from(status, headers)]
            # Until it has answered, Flask leaves there what it knows of the address.
            rule = getattr(environ.get(_OF_WERKZEUG), "url_rule", None)
            if rule is not None:
                request.route = rule.rule
            return _refuse_to_write

        pieces = self._application(environ, start)
        try:
            first = b"".join(pieces) if isinstance(pieces, list | tuple) else None
            if first is not None:
                status, headers, length = started[0]
                exchange.answer_soon(Answer(status, headers, first, _of_head(request, length)))
                return
            self._pass_on(exchange, pieces, started)
        finally:
            close = getattr(pieces, "close", None)
            if close is not None:
                close()

    @staticmethod
    def _pass_on(
        exchange: Exchange,
        pieces: Iterable[bytes],
        started: list[tuple[bytes, Headers, int | None]],
    ) -> None:
        """Pass pieces on as they come; as one, if it is known that they are few."""
        rest = iter(pieces)
        first = next(rest, b"")
        status, headers, length = started[0]
        request = exchange.request
        if request.method == b"HEAD" or (length is not None and length <= _WHOLE):
            body = b"".join(chain((first,), rest))
            exchange.answer_soon(Answer(status, headers, body, _of_head(request, length)))
            return
        # From here on it goes as fast as the client takes it.
        with turn_given():
            stream = exchange.stream(Answer(status, headers))
            try:
                for piece in chain((first,), rest):
                    stream.write(piece)
            except ConnectionError:
                return
            except Exception:
                _log.exception("An answer ended half-way.")
                stream.cut()
                return
            stream.end()

    def environ(self, request: Request) -> "WSGIEnvironment":
        """Return what the application is told of a request."""
        path, _, query = request.target.partition(b"?")
        environ: dict[str, Any] = {
            **self._always,
            "REQUEST_METHOD": request.method.decode("latin-1"),
            "PATH_INFO": (unquote_to_bytes(path) if b"%" in path else path).decode("latin-1"),
            "QUERY_STRING": query.decode("latin-1"),
            "REQUEST_URI": request.target.decode("latin-1"),
            "SERVER_PROTOCOL": f"HTTP/{request.version}",
            "REMOTE_ADDR": request.peer[0],
            "REMOTE_PORT": str(request.peer[1]),
            "CONTENT_LENGTH": str(len(request.body)) if request.body else "",
            "wsgi.input": io.BytesIO(request.body),
        }
        add_headers(environ, request.headers)
        return environ


@lru_cache(_NAMES)
def _written(name: str) -> bytes | None:
    """Return the name of a header of an answer as it is written; None for one that is not taken."""
    return None if name.lower() in _NOT_TAKEN else name.encode("latin-1")


def _head_from(status: str, headers: list[tuple[str, str]]) -> tuple[bytes, Headers, int | None]:
    """Return a head as the front writes it, and the bytes of the body if they are said."""
    length = None
    kept = []
    for name, value in headers:
        written = _written(name)
        if written is not None:
            kept.append((written, value.encode("latin-1")))
        elif name.lower() == "content-length":
            length = int(value)
    return status.encode("latin-1"), kept, length


def _of_head(request: Request, length: int | None) -> int | None:
    """Return how long a body is that is not sent, if the request asks for the head alone."""
    return length if request.method == b"HEAD" else None


def _refuse_to_write(_data: bytes) -> Callable[..., object]:
    msg = "This server takes what the application returns, and nothing before that."
    raise NotImplementedError(msg)
