"""Other hosts, as tests need them: real servers on 127.0.0.1 that answer as they are told to."""

import json
import socket
import ssl
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Protocol

from tests.live import PATIENCE

#: Seconds for hosts where one is to run out of them: ample for those that answer.
SHORT = 2


@dataclass(frozen=True)
class Asked:
    """A request that a host got; `body` is what the JSON in its content says."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    content: bytes


class Host:
    """A server on 127.0.0.1 that keeps what it is asked, and answers as it is told to."""

    def __init__(self, answer: "Answer", certificate: Path | None = None, port: int = 0) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                content = self.rfile.read(length)
                body = json.loads(content or b"null")
                host.asked.append(Asked(self.command, self.path, dict(self.headers), body, content))
                host.answer(self)

            def do_GET(self) -> None:
                self.do_POST()

            def log_message(self, *_args: object) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            # As for a web server: not all of those that come at once have to wait.
            request_queue_size = 128

            def handle_error(self, *_args: object) -> None:
                """Say nothing: a client that turns away is what some tests are about."""

        self._server = Server(("127.0.0.1", port), Handler)
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            # The handshake is left to the handler's thread.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"http://{self.address}"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._thread.join(PATIENCE)
        self._server.server_close()


Answer = Callable[[BaseHTTPRequestHandler], None]


class MakeHost(Protocol):
    """Returns a host that answers so; by default, as a host does that did what it was asked."""

    def __call__(
        self, answer: Answer = ..., certificate: Path | None = None, port: int = 0
    ) -> Host:
        """Make the host."""


def says(status: int, body: bytes | str = b"", **headers: str) -> Answer:
    """Return an answer with this status and body."""
    content = body.encode() if isinstance(body, str) else body

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def says_bytes(content: bytes) -> Answer:
    """Return an answer that is these bytes, be they HTTP or not, and the end of the connection."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(content)

    return answer


OK = says(200, '{"status": "ok"}')


def unused_url(sockets: ExitStack) -> str:
    """Return the URL of a port that refuses connections until `sockets` is closed."""
    bound = sockets.enter_context(socket.socket())
    bound.bind(("127.0.0.1", 0))  # and never listens
    return f"http://127.0.0.1:{bound.getsockname()[1]}"
