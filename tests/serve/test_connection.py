"""Connections whose clients send and do not read, or end: real sockets, and small limits."""

import asyncio
import gc
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from threading import Thread

import pytest
import uvloop

from tests.live import PATIENCE, eventually
from tests.serve.raw import get, raw_client
from timApp.request.plain import PlainErrors
from timApp.serve.http.connection import Connection
from timApp.serve.http.connections import Connections
from timApp.serve.http.journal import Journal
from timApp.serve.http.large import LargeBodies
from timApp.serve.http.limits import Limits, connections_for
from timApp.serve.http.mailbox import Mailbox
from timApp.serve.http.message import Answer, Exchange, Headers, Request
from timApp.serve.http.refusal import Refusals
from timApp.serve.http.wire import CONTINUE
from timApp.util.tally import Tally

REQUEST = get("/")
#: Bytes of each answer.
SIZE = 65_536
#: Seconds in which a client has to take some of it.
STALLED = 0.5


#: Bytes that are taken at one address, of those who say a number.
LARGE = 50_000


def _sender(headers: Headers) -> int | None:
    return next((int(value) for name, value in headers if name == b"number"), None)


class Desk:
    """A server in a thread of its own, which answers each request at once with the same."""

    def __init__(self, request: float = PATIENCE, **limits: int) -> None:
        self.answered = 0
        self.exchanges: list[Exchange] = []
        self._made: list[Connection] = []
        self.answers = True
        self._loop = uvloop.new_event_loop()
        self._mailbox = Mailbox(self._loop, lambda: None)
        chosen = Limits(
            request=request,
            body_bytes=1000,
            connections_of_address=None,
            stalled=STALLED,
            idle=PATIENCE,
            **limits,
        )
        journal = Journal(Tally())
        refusals = Refusals(PlainErrors(lambda *_: ""), [], journal, lambda *_: ("", "too large"))
        large = LargeBodies({(b"POST", b"/large"): LARGE}, _sender, chosen.large_bytes)
        self._connections = Connections(
            self._mailbox, self._answer, refusals, chosen, journal, large
        )
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = Thread(target=self._run)

    def __enter__(self) -> "Desk":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._made:
            self.call(connection.abort)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def held_bytes(self) -> int:
        """Return how many bytes of requests the server keeps."""
        return self._connections.held_bytes

    def call(self, ask: Callable[[], object]) -> None:
        """Let the server's own thread do something, and wait until it has."""
        done = asyncio.run_coroutine_threadsafe(_coroutine(ask), self._loop)
        done.result(PATIENCE)

    def _run(self) -> None:
        listening = self._loop.create_server(self._make, sock=self._socket)
        server = self._loop.run_until_complete(listening)
        self._sweep()
        self._loop.run_forever()
        server.close()

    def _make(self) -> Connection:
        connection = Connection(self._connections)
        self._made.append(connection)
        return connection

    def _sweep(self) -> None:
        self._connections.sweep()
        self._loop.call_later(STALLED / 10, self._sweep)

    def _answer(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)
        if self.answers:
            self.answered += 1
            exchange.answer(Answer(b"200 OK", [], b"a" * SIZE))


async def _coroutine(ask: Callable[[], object]) -> None:
    ask()


@pytest.fixture
def desk() -> Iterator[Desk]:
    """A server that answers."""
    with Desk() as desk:
        yield desk


def test_who_sends_on_and_takes_no_answer_is_not_answered_on_and_then_cut_off(desk: Desk) -> None:
    """Answers that nobody takes are not made, and whoever takes none of them loses the connection.

    The connection takes as many as the system keeps on the way, some megabytes.
    """
    with (
        closing(socket.create_connection(("127.0.0.1", desk.port), PATIENCE)) as client,
        pytest.raises(ConnectionError),
    ):
        client.sendall(REQUEST * 1_000_000)
    assert desk.answered * SIZE < 32 * 2**20


def test_who_takes_the_answers_late_gets_all_of_them(desk: Desk) -> None:
    """Requests that are sent before an answer is read are answered when it is, each of them."""
    count = 400
    with closing(socket.create_connection(("127.0.0.1", desk.port), PATIENCE)) as client:
        client.settimeout(PATIENCE)
        Thread(target=client.sendall, args=(REQUEST * count,)).start()
        received = 0
        while received < count * SIZE:
            received += len(client.recv(SIZE))
    assert desk.answered == count


def test_a_client_that_has_said_all_is_answered_and_left(desk: Desk) -> None:
    """Whoever ends their side is told what is worked on, that it was the last, and nothing else."""
    desk.answers = False
    with closing(socket.create_connection(("127.0.0.1", desk.port), PATIENCE)) as client:
        client.sendall(REQUEST)
        client.shutdown(socket.SHUT_WR)
        eventually(lambda: (desk.exchanges and not desk.exchanges[0].is_wanted) or None)
        desk.call(lambda: desk.exchanges[0].answer(Answer(b"200 OK", [], b"all")))
        with client.makefile("rb") as received:
            answer = received.read()
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Connection: close\r\n" in answer
    assert answer.endswith(b"\r\n\r\nall")


def test_what_is_not_whole_when_the_client_ends_is_nothing(desk: Desk) -> None:
    """Whoever ends in the middle of a request has the connection closed at once."""
    with closing(socket.create_connection(("127.0.0.1", desk.port), PATIENCE / 2)) as client:
        client.sendall(REQUEST[:-1])
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
    assert not desk.exchanges


def test_a_mistake_after_a_request_is_told_after_its_answer(desk: Desk) -> None:
    """What was asked before is answered first, then comes the refusal, and then the end."""
    with closing(socket.create_connection(("127.0.0.1", desk.port), PATIENCE)) as client:
        client.sendall(REQUEST + b"this is no HTTP\r\n\r\n" + REQUEST)
        with client.makefile("rb") as received:
            first, _, second = received.read().rpartition(b"HTTP/1.1 400 Bad Request\r\n")
    assert first.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Connection: close\r\n" in second
    assert desk.answered == 1


def test_what_is_kept_of_requests_has_a_limit_for_all_together() -> None:
    """Who sends much while much is kept of others is told to come again, and then has place.

    Those of whom it is kept go on, and so does who sends a little.
    """
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
    with Desk(held_bytes=1500, little_bytes=100) as desk, ExitStack() as stack:
        first, second = (stack.enter_context(raw_client(desk.port)) for _ in range(2))
        first.send(head + b"a" * 900)
        eventually(lambda: desk.held_bytes() > 850 or None)
        refused = second.ask(head + b"a" * 900)
        assert refused.status == 503
        assert refused.header("Retry-After") == "2"
        assert second.is_closed()
        assert stack.enter_context(raw_client(desk.port)).ask(REQUEST).status == 200
        assert first.ask(b"a" * 100).status == 200
        assert stack.enter_context(raw_client(desk.port)).ask(head + b"a" * 1000).status == 200
        assert desk.held_bytes() == 0


def test_no_more_requests_wait_than_may(desk: Desk) -> None:
    """What a client sends on meanwhile is neither parsed nor read, and is answered in its time."""
    desk.answers = False
    with raw_client(desk.port) as client:

        def send_on() -> None:
            with suppress(OSError):
                client.send(REQUEST * 20_000)

        Thread(target=send_on).start()
        eventually(lambda: desk.exchanges or None)
        gc.collect()
        waiting = [one for one in gc.get_objects() if isinstance(one, Request)]
        assert len(waiting) < 200
        assert len(desk.exchanges) == 1


@pytest.mark.parametrize(
    ("files", "connections"), [(-1, 8192), (1_048_576, 8192), (4096, 3584), (1024, 512), (64, 32)]
)
def test_as_many_connections_are_taken_as_files_leave(files: int, connections: int) -> None:
    """The database has its part of the files that a process may open."""
    assert connections_for(files) == connections


def post(path: str, *lines: str) -> bytes:
    """Return the head of a request with a body."""
    return get(path, *lines).replace(b"GET", b"POST", 1)


@pytest.mark.parametrize(
    ("path", "lines", "status"),
    [
        ("/large", ("Number: 1", f"Content-Length: {LARGE + 1}"), 413),
        ("/large", (f"Content-Length: {LARGE}",), 413),
        ("/large?x", ("Content-Length: 1001", "Expect: 100-continue"), 413),
        ("/other", ("Number: 1", f"Content-Length: {LARGE}"), 413),
        ("/large/", ("Number: 1", f"Content-Length: {LARGE}"), 413),
        ("/large", ("Number: 1", "Transfer-Encoding: gzip, chunked"), 501),
    ],
)
def test_what_is_too_large_is_refused_before_it_comes(
    desk: Desk, path: str, lines: tuple[str, ...], status: int
) -> None:
    """At an address that takes no more, by somebody who may not send more, or above the limit."""
    with raw_client(desk.port) as client:
        answer = client.ask(post(path, *lines))
        assert answer.status == status
        assert client.is_closed()
    assert not desk.exchanges


def test_a_large_body_is_taken_of_those_who_may_send_it(desk: Desk) -> None:
    """With its length, after a question whether to send it, or in chunks."""
    chunk = b"%x\r\n%b\r\n" % (LARGE // 2, b"x" * (LARGE // 2))
    with raw_client(desk.port) as client:
        client.send(post("/large?x=y", "Number: 1", f"Content-Length: {LARGE}") + b"x" * LARGE)
        assert client.read().status == 200
        length = f"Content-Length: {LARGE}"
        client.send(post("/large", "Number: 1", length, "Expect: 100-continue"))
        assert client.socket.recv(100) == CONTINUE
        client.send(b"x" * LARGE)
        assert client.read().status == 200
        chunks = post("/large", "Number: 1", "Transfer-Encoding: chunked") + chunk * 2
        client.send(chunks + b"0\r\n\r\n")
        assert client.read().status == 200
    assert [len(exchange.request.body) for exchange in desk.exchanges] == [LARGE] * 3


@pytest.mark.parametrize(("number", "size"), [("Number: 1", LARGE), ("X: 1", 1000)])
def test_chunks_end_where_a_body_that_says_its_length_does(
    desk: Desk, number: str, size: int
) -> None:
    """Who says no length is refused as soon as there is more."""
    chunk = b"%x\r\n%b\r\n1\r\ny" % (size, b"x" * size)
    with raw_client(desk.port) as client:
        answer = client.ask(post("/large", number, "Transfer-Encoding: chunked") + chunk)
        assert answer.status == 413


def test_few_large_bodies_are_taken_at_a_time() -> None:
    """One of a person, and no more than there is room for; others are told to come again."""
    first, second, third = (
        post("/large", f"Number: {number}", "Content-Length: 30000") for number in (1, 2, 3)
    )
    with Desk(large_bytes=60_000) as desk, ExitStack() as stack:
        one, two, other = (stack.enter_context(raw_client(desk.port)) for _ in range(3))
        for client, head in ((one, first), (two, second)):
            client.send(head.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"))
            assert client.socket.recv(100) == CONTINUE
        for head in (first, third):
            with raw_client(desk.port) as client:
                refused = client.ask(head)
                assert refused.status == 503
                assert refused.header("Retry-After")
        assert other.ask(post("/large", "Number: 1", "Content-Length: 3") + b"abc").status == 200
        two.send(b"x" * 30_000)
        assert two.read().status == 200
        assert two.ask(third + b"x" * 30_000).status == 200
        one.close()

        def is_free() -> bool | None:
            with raw_client(desk.port) as client, suppress(ConnectionError):
                return True if client.ask(first + b"x" * 30_000).status == 200 else None
            return None

        eventually(is_free)


def test_a_large_body_has_the_time_that_it_takes() -> None:
    """Beside the time of any request, as long as a slow line needs for so many bytes."""
    with Desk(request=0.2, large_rate=500) as desk, raw_client(desk.port) as client:
        client.send(post("/large", "Number: 1", f"Content-Length: {LARGE}") + b"x")
        with raw_client(desk.port) as other:
            other.send(post("/large", "Content-Length: 2") + b"x")
            assert other.read().status == 408
        client.send(b"x" * (LARGE - 1))
        assert client.read().status == 200
