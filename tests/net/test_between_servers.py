"""Signed requests between real servers, which have one secret and databases of their own."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.conftest import MakeApp
from tests.databases import SQLiteDatabases
from tests.hosts import Host, MakeHost, says
from tests.live import PATIENCE, LiveServer, live_server
from tests.signing import SECRET
from tests.site import Site
from timApp.auth.site import current_site, db
from timApp.net.call import Call, Reply, call_hosts
from timApp.net.client import Answer, Client, Request
from timApp.net.network import Host as NetworkHost
from timApp.net.note import ChangeNote
from timApp.net.signature import SIGNATURE_HEADERS, Message, address_of, sign_request, verify_answer
from timApp.util.stamp import next_stamp

INVALIDATE = "/user/sessions/invalidate"


@pytest.fixture(scope="module")
def servers(
    sqlite_databases: SQLiteDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[LiveServer]]:
    """Two servers that have one secret."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                live_server(
                    stack.enter_context(sqlite_databases.fresh()),
                    tmp_path_factory.mktemp("server"),
                    DIST_RIGHTS_RECEIVE_SECRET=SECRET,
                )
            )
            for _ in range(2)
        ]


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """What sends requests."""
    client = Client()
    yield client
    client.close()


def send(client: Client, url: str, request: Message, **headers: str) -> Answer:
    """Send a request to that address, whether or not it was signed for it."""
    sent = {"Content-Type": "application/json"} | request.headers | headers
    (answer,) = client.ask_all([Request(url, request.body, sent)], PATIENCE)
    assert answer.failure is None
    return answer


def signed_for(server: LiveServer, path: str = INVALIDATE) -> Message:
    """Return a request that is signed for a server."""
    body = json.dumps({"username": "nobody"} if path == INVALIDATE else {}).encode()
    return sign_request(address_of(server.url, path), body, SECRET)


def test_what_was_signed_for_a_server_is_refused_by_the_other(
    servers: list[LiveServer], client: Client
) -> None:
    """Whatever Host header it is sent with; the one it was signed for takes it, once."""
    one, two = servers
    request = signed_for(one)
    host = one.url.removeprefix("http://")
    for headers in ({}, {"Host": host}, {"Host": host, "X-Forwarded-Host": host}):
        answer = send(client, two.url + INVALIDATE, request, **headers)
        assert answer.status == 400
        assert f"{two.url} (SITE_URL" in json.loads(answer.body)["error"]
        assert answer.headers is not None
        assert not set(SIGNATURE_HEADERS) & set(answer.headers)
    answer = send(client, one.url + INVALIDATE, request, Host="forged.example.org")
    assert answer.status == 200
    again = send(client, one.url + INVALIDATE, request)
    assert again.status == 400
    assert "has come before" in json.loads(again.body)["error"]


def test_an_answer_is_no_proof_for_another_request(
    servers: list[LiveServer], client: Client
) -> None:
    """What a server answered once cannot be given as the answer to what is asked next."""
    request, other = signed_for(servers[0]), signed_for(servers[0])
    answer = send(client, servers[0].url + INVALIDATE, request)
    assert answer.headers is not None
    assert verify_answer(request, answer.status, answer.headers, answer.body, SECRET)
    assert not verify_answer(other, answer.status, answer.headers, answer.body, SECRET)


@pytest.fixture
def asking(sqlite_url: str, make_app: MakeApp) -> Iterator[Flask]:
    """A site that calls others, in its context."""
    app = make_app(sqlite_url, DIST_RIGHTS_SEND_SECRET=SECRET, DIST_RIGHTS_TIMEOUT=PATIENCE)
    with app.app_context():
        yield app


def ask(url: str, *, tells: bool = False) -> Reply:
    """Ask a host whether it takes our secret, or tell it of a change of somebody unknown there."""
    network = current_site().network
    host = NetworkHost(url)
    note = ChangeNote(next_stamp(None), "sam")
    call = Call(host, INVALIDATE, {"username": "nobody"}, note) if tells else None
    (reply,) = call_hosts(network, db.engine, [call or Call(host, "/hosts/check", {})])
    return reply


@pytest.mark.usefixtures("asking")
def test_somebody_unknown_there_is_no_failure(servers: list[LiveServer]) -> None:
    """A server that signs says that it does not know the person."""
    reply = ask(servers[0].url, tells=True)
    assert (reply.error, reply.signs, reply.is_unknown_there) == (None, True, True)


class Replay:
    """A host between, which answers each request as the real server answered the first one."""

    def __init__(self, client: Client, server: LiveServer) -> None:
        self.client, self.server = client, server
        self.host: Host | None = None
        self.first: Answer | None = None

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        assert self.host is not None
        if self.first is None:
            self.first = forward(self.client, self.host, handler, self.server.url)
        reply(handler, self.first)


def forward(client: Client, host: Host, handler: BaseHTTPRequestHandler, base_url: str) -> Answer:
    """Send what the host was asked last on to a server, as a proxy does."""
    headers = dict(handler.headers)
    for name in ("Host", "Content-Length", "Connection"):
        headers.pop(name, None)
    path = handler.path.removeprefix("/exam")
    request = Request(base_url + path, host.asked[-1].content, headers)
    (answer,) = client.ask_all([request], PATIENCE)
    return answer


def reply(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    """Give the answer of another server."""
    headers = answer.headers or {}
    kept = {name: headers[name] for name in SIGNATURE_HEADERS if name in headers}
    says(answer.status, answer.body, **kept)(handler)


@pytest.mark.usefixtures("asking")
def test_whoever_plays_an_answer_again_proves_nothing(
    sqlite_databases: SQLiteDatabases, make_host: MakeHost, client: Client, tmp_path: Path
) -> None:
    """The first answer is the server's own; given to the next request it is not believed."""
    between = make_host()
    with (
        sqlite_databases.fresh() as url,
        live_server(
            url, tmp_path, DIST_RIGHTS_RECEIVE_SECRET=SECRET, SITE_URL=between.url
        ) as server,
    ):
        replay = Replay(client, server)
        replay.host = between
        between.answer = replay
        first, second = ask(between.url), ask(between.url)
    assert (first.error, first.signs) == (None, True)
    assert not second.signs
    assert "without a proof" in (second.error or "")


@pytest.mark.usefixtures("asking")
def test_a_server_may_stand_at_a_path_behind_a_proxy(
    sqlite_databases: SQLiteDatabases, make_host: MakeHost, client: Client, tmp_path: Path
) -> None:
    """Others call it by the proxy's address and path, which is what SITE_URL says."""
    proxy = make_host()
    with (
        sqlite_databases.fresh() as url,
        live_server(
            url, tmp_path, DIST_RIGHTS_RECEIVE_SECRET=SECRET, SITE_URL=f"{proxy.url}/exam"
        ) as server,
    ):
        proxy.answer = lambda handler: reply(handler, forward(client, proxy, handler, server.url))
        through, past = ask(f"{proxy.url}/exam"), ask(server.url)
    assert (through.error, through.signs) == (None, True)
    assert f"{proxy.url}/exam (SITE_URL" in (past.error or "")


@pytest.mark.usefixtures("asking")
def test_a_server_without_its_address_says_what_is_missing(
    sqlite_url: str, make_app: MakeApp, tmp_path: Path
) -> None:
    """The words of the refusal name the option; nothing was changed."""
    Site(make_app(sqlite_url)).add_user("alice")
    options: dict[str, Any] = {"DIST_RIGHTS_RECEIVE_SECRET": SECRET, "SITE_URL": "none"}
    with live_server(sqlite_url, tmp_path, **options) as server:
        for tells in (False, True):
            found = ask(server.url, tells=tells)
            assert "its option SITE_URL is not configured" in (found.error or "")
            assert not found.signs
            assert not found.is_unknown_there
