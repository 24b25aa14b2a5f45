"""How other hosts are called: what is shown to whom, which connections are used, and how often."""

import asyncio
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from threading import Thread

import pytest
from flask import Flask

from tests.conftest import MakeApp
from tests.hosts import OK, Answer, MakeHost, says
from tests.live import PATIENCE
from tests.signing import SECRET, proves
from tests.together import Turns
from timApp.auth.site import current_site, db
from timApp.guard.vocabulary import Action
from timApp.hosts.check import check_hosts
from timApp.hosts.outbox.debts import owe
from timApp.hosts.outbox.delivery import HostChange
from timApp.hosts.outbox.worker import deliver
from timApp.net.call import Call, Reply, call_hosts
from timApp.net.client import Client, Request
from timApp.net.network import Host
from timApp.net.note import ChangeNote
from timApp.net.signature import INPUT_HEADER
from timApp.util.stamp import next_stamp

HTTP_OK = b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{"status": "ok"}'


PROVES_OK = proves(200, {"status": "ok"})


@pytest.fixture
def sender(database_url: str, make_app: MakeApp) -> Iterator[Flask]:
    """A site that calls others, in its context."""
    app = make_app(database_url, DIST_RIGHTS_SEND_SECRET=SECRET, DIST_RIGHTS_TIMEOUT=PATIENCE)
    with app.app_context():
        yield app


def tell(url: str) -> str | None:
    """Tell a host of a change, as the console does, and return what went wrong."""
    change = HostChange(Action.VERIFY, "alice", "s1", ChangeNote(next_stamp(None)))
    leases = owe(db, current_site().network, [Host(url)], change)
    db.session.commit()
    (outcome,) = deliver(current_site().network, db.engine, leases)
    return outcome.error


def ask(url: str) -> Reply:
    """Ask a host a question."""
    (reply,) = call_hosts(current_site().network, db.engine, [Call(Host(url), "/hosts/check", {})])
    return reply


# Who is shown the secret


@pytest.mark.usefixtures("sender")
def test_a_host_that_has_proved_that_it_signs_is_not_shown_the_secret_again(
    make_host: MakeHost,
) -> None:
    """The first request shows it, as some hosts know nothing else; those after the proof do not."""
    host = make_host(PROVES_OK)
    assert [tell(host.url) for _ in range(3)] == [None] * 3
    assert ["secret" in asked.body for asked in host.asked] == [True, False, False]
    assert all(INPUT_HEADER in asked.headers for asked in host.asked)


@pytest.mark.usefixtures("sender")
@pytest.mark.parametrize("answer", [OK, proves(200, {"status": "ok"}, "another secret")])
def test_a_host_that_has_not_proved_it_is_shown_the_secret(
    make_host: MakeHost, answer: Answer
) -> None:
    """A host that does not sign, and one whose proof is not ours, are shown the secret."""
    host = make_host(answer)
    assert [tell(host.url) for _ in range(2)] == [None] * 2
    assert [asked.body["secret"] for asked in host.asked] == [SECRET] * 2


@pytest.mark.usefixtures("sender")
def test_whoever_answers_in_place_of_a_signing_host_gets_no_secret(make_host: MakeHost) -> None:
    """Until an operator has checked it, a host that signed is not believed not to sign."""
    host = make_host(PROVES_OK)
    assert tell(host.url) is None
    host.answer = says(403, '{"error": "Only administrators may do this."}')
    error = tell(host.url)
    assert error
    assert "does not sign" in error
    assert "timapp hosts check" in error
    assert "secret" not in host.asked[-1].body

    host.answer = lambda handler: (says(404) if "hosts/check" in handler.path else OK)(handler)
    (check,) = check_hosts(current_site().network, db.engine, [Host(host.url)])
    assert (check.error, check.signs) == (None, False)
    assert tell(host.url) is None
    assert host.asked[-1].body["secret"] == SECRET


@pytest.mark.usefixtures("sender")
def test_a_question_never_shows_the_secret(make_host: MakeHost) -> None:
    """Questions are for hosts that sign; others are seen not to sign, or to be wrong."""
    host = make_host(PROVES_OK)
    reply = ask(host.url)
    assert (reply.error, reply.content, reply.signs) == (None, {"status": "ok"}, True)
    host.answer = says(404, "<h1>Not Found</h1>")
    assert ask(host.url).is_unsigned
    host.answer = OK
    error = ask(host.url).error
    assert error
    assert "without a proof" in error
    assert all("secret" not in asked.body for asked in host.asked)


# Connections


@pytest.fixture
def client() -> Iterator[Client]:
    """What asks hosts."""
    client = Client()
    yield client
    client.close()


class Server:
    """A server that does with each connection what the test says."""

    def __init__(self, *, listens: bool = True) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0)) if listens else socket.socket()
        if not listens:
            self.socket.bind(("127.0.0.1", 0))
        self.request = Request(
            f"http://127.0.0.1:{self.socket.getsockname()[1]}/", b"{}", {"Accept": "*/*"}
        )
        self.connections = 0
        self._threads: list[Thread] = []

    def serve(self, *requests_of_each: int, reset: int = 0) -> None:
        """Take a connection for each number, answer that number of requests on it, and close it.

        The first ones are `reset`: each waits for one request more, and ends without a word.
        """

        def work() -> None:
            for place, number in enumerate(requests_of_each):
                connection, _ = self.socket.accept()
                self.connections += 1
                with connection:
                    for _ in range(number):
                        while b"{}" not in connection.recv(65536):
                            pass
                        connection.sendall(HTTP_OK)
                    if place < reset:
                        connection.recv(65536)
                        connection.setsockopt(
                            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                        )

        thread = Thread(target=work, daemon=True)
        thread.start()
        self._threads.append(thread)

    def stop(self) -> None:
        """Wait for the end of what it serves."""
        for thread in self._threads:
            thread.join(PATIENCE)
        self.socket.close()


def test_a_connection_is_used_again(client: Client) -> None:
    """Several requests to a host, one after the other, take one connection."""
    server = Server()
    server.serve(3)
    for _ in range(3):
        (answer,) = client.ask_all([server.request], PATIENCE)
        assert (answer.status, answer.failure) == (200, None)
    server.stop()
    assert server.connections == 1


def test_a_request_on_a_connection_that_the_host_has_closed_is_made_again(
    client: Client,
) -> None:
    """A host that was restarted, or closes what it does not need, is no failure."""
    server = Server()
    server.serve(1, 2)
    for _ in range(3):
        (answer,) = client.ask_all([server.request], PATIENCE)
        assert (answer.status, answer.failure) == (200, None)
    server.stop()
    assert server.connections == 2


def test_a_request_on_a_connection_that_the_host_resets_is_made_again(client: Client) -> None:
    """A host that was killed and started again resets what was kept; that is no failure."""
    server = Server()
    server.serve(1, 1, reset=1)
    for _ in range(2):
        (answer,) = client.ask_all([server.request], PATIENCE)
        assert (answer.status, answer.failure) == (200, None)
    server.stop()
    assert server.connections == 2


def test_a_host_that_closes_a_new_connection_is_asked_once(client: Client) -> None:
    """What a host may have begun to work on is not asked again by itself."""
    server = Server()
    server.serve(0)
    (answer,) = client.ask_all([server.request], PATIENCE)
    assert answer.failure
    server.stop()
    assert server.connections == 1


def test_a_refused_connection_is_tried_once_more(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that is being restarted has a moment; one that refuses twice cannot be reached."""
    server = Server(listens=False)
    pauses = []
    sleep = asyncio.sleep

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            server.socket.listen()
            server.serve(1)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", pause)
    (answer,) = client.ask_all([server.request], PATIENCE)
    assert "cannot be reached" in str(answer.failure)
    assert len(pauses) == 1
    (answer,) = client.ask_all([server.request], PATIENCE)
    assert (answer.status, answer.failure) == (200, None)
    assert len(pauses) == 2
    server.stop()


def test_the_deadline_is_for_the_retry_as_well(client: Client) -> None:
    """A host that refuses is not waited for longer than the deadline."""
    with ExitStack() as stack:
        server = Server(listens=False)
        stack.callback(server.stop)
        (answer,) = client.ask_all([server.request], 0.05)
        assert answer.failure == "no answer within 0.05 s."


def test_others_are_worked_on_while_a_host_is_waited_for(client: Client) -> None:
    """With one turn for all requests, a reader is answered while a host takes its time."""
    server = Server()

    turns = Turns(1)
    teller = turns.submit(lambda: client.ask_all([server.request], PATIENCE))
    connection, _ = server.socket.accept()
    reader = turns.submit(lambda: "read")
    assert reader.result(PATIENCE) == "read"
    assert not teller.done()
    with connection:
        connection.sendall(HTTP_OK)
        assert len(teller.result(PATIENCE)) == 1
    server.stop()
