"""A receiver, as a real server on 127.0.0.1: it keeps what it is told, and answers as told to."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import sqlalchemy as sa
from joserfc import jwt
from joserfc.jwk import KeySet
from standardwebhooks import Webhook

from tests.live import PATIENCE
from timApp.database.engine import open_engine
from timApp.database.work import Work
from timApp.net.outside import Outside
from timApp.receivers.receiver import NewReceiver, ReceiverKind, Wanted, make_receiver
from timApp.receivers.signingkey import ensure_key
from timApp.receivers.teller import Teller

ISSUER = "https://exam.example.org"
#: The networks in which receivers of the tests stand.
HERE = ("127.0.0.0/8",)


@dataclass(frozen=True)
class Got:
    """A request that the receiver got."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    def verified(self, secret: str) -> Any:
        """Return what it says, as the library of Standard Webhooks checks it."""
        return Webhook(secret).verify(self.body, dict(self.headers))

    @property
    def said(self) -> Any:
        """What it says, unchecked."""
        return json.loads(self.body)


class Inbox:
    """A receiver; `answer` returns the status and what else it answers to a request."""

    def __init__(self) -> None:
        self.got: list[Got] = []
        self.status = 204
        self.location: str | None = None
        self.words = b""
        self.before: Callable[[], object] = bool
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                inbox.before()
                inbox.got.append(Got(self.path, dict(self.headers), body))
                self.send_response(inbox.status)
                if inbox.location is not None:
                    self.send_header("Location", inbox.location)
                self.send_header("Content-Length", str(len(inbox.words)))
                self.end_headers()
                self.wfile.write(inbox.words)

            def log_message(self, *_args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def types(self) -> list[str]:
        """Return the types of the events that it was told, in that order."""
        return [one.said["type"] for one in self.got]

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._thread.join(PATIENCE)
        self._server.server_close()


@contextmanager
def opened_inbox() -> Iterator[Inbox]:
    """Yield a receiver."""
    inbox = Inbox()
    try:
        yield inbox
    finally:
        inbox.stop()


@dataclass(frozen=True)
class Told:
    """A database whose receivers are told by the test itself."""

    engine: sa.Engine
    teller: Teller

    def add(self, inbox: Inbox | None, name: str = "moodle", **more: Any) -> NewReceiver:
        """Add a receiver; None for one that fetches."""
        kind = more.pop("kind", ReceiverKind.WEBHOOK)
        url = None if inbox is None else inbox.url
        with Work(self.engine) as work:
            wanted = Wanted(name, kind, url, **more)
            made = make_receiver(work, wanted, issuer=ISSUER, takes_http=True)
            if kind is not ReceiverKind.WEBHOOK:
                ensure_key(work.session.connection())
            work.session.expunge(made.receiver)
            work.commit()
        return made


def telling(engine: sa.Engine, networks: tuple[str, ...] | None = None) -> Told:
    """Return what tells the receivers of a database, in these networks."""
    outside = Outside(HERE if networks is None else networks)
    return Told(engine, Teller(engine, ISSUER, outside))


@contextmanager
def told_at(database_url: str) -> Iterator[Told]:
    """Yield what tells the receivers of the database there."""
    engine = open_engine(database_url)
    yield telling(engine)
    engine.dispose()


def read_set(token: str, keys: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims of a signed token, which is checked by the published keys."""
    found = jwt.decode(token, KeySet.import_key_set(keys), algorithms=["RS256"])
    return found.header, found.claims
