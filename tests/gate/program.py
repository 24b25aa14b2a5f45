"""A program that is guarded, which says what has arrived."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

_PATIENCE = 20.0
#: A page with a form, and a button whose script sends what was typed.
_PAGE = """<!doctype html><meta charset="utf-8"><title>Lab</title>
<script src="/_timapp/guard.js"></script>
<h1>The lab</h1>
<form action="/typed" method="post">
<input name="text" aria-label="Text"><button>Send</button>
</form>
<button id="fetch" type="button">Save</button><output></output>
<script>
document.getElementById("fetch").onclick = async () => {
  const body = document.querySelector("input").value;
  const answer = await fetch("/saved", {method: "POST", body});
  document.querySelector("output").textContent = JSON.stringify((await answer.json()).text);
};
</script>"""


class _Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    #: Lets the second of the events go.
    second = Event()

    def _answer(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/events":
            self._send_events()
            return
        if path == "/second":
            self.second.set()
        if path == "/page":
            self._send("text/html", _PAGE.encode())
            return
        length = int(self.headers.get("Content-Length") or 0)
        received, text = 0, b""
        while received < length:
            piece = self.rfile.read(min(length - received, 65_536))
            received += len(piece)
            text = text or piece[:100]
        said = {
            "path": self.path,
            "method": self.command,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "received": received,
            "text": text.decode("latin-1"),
        }
        self._send("application/json", json.dumps(said).encode())

    def _send(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _send_events(self) -> None:
        self.second.clear()
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for number in (1, 2):
            self.wfile.write(f"data: {number}\n\n".encode())
            self.wfile.flush()
            self.second.wait(_PATIENCE)
        self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - as the library calls them

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that have gone."""


@contextmanager
def program() -> Iterator[int]:
    """Yield the port of 127.0.0.1 at which the program runs."""
    server = _Server(("127.0.0.1", 0), _Echo)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
