"""The load itself: connections are cut where they should be, and recoveries are counted right."""

import socket
import struct
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.storm.exchange import Cut, Departure, NoAnswerError, Question, ask
from tests.storm.timing import Cuts, Timing

_QUESTION = Question("/logout", json={"a": "b" * 100}, cookie="session=x", csrf_token="y")
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: session=z; Path=/\r\n\r\n"
_DEADLINE = 30


@contextmanager
def listener(answer: bytes, expected: int) -> Iterator[tuple[int, Future[bytes]]]:
    """Yield the port of a server, and what it reads: so many bytes, or all until the end."""

    def serve() -> bytes:
        connection, _ = server.accept()
        read = b""
        with connection:
            connection.settimeout(_DEADLINE)
            while len(read) < expected:
                try:
                    more = connection.recv(65536)
                except ConnectionResetError:
                    break
                if not more:
                    break
                read += more
            connection.sendall(answer)
            if not answer:  # reset, so that nobody takes it for the end of an answer
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return read

    with socket.socket() as server, ThreadPoolExecutor(1) as pool:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.settimeout(_DEADLINE)
        yield server.getsockname()[1], pool.submit(serve)


def sent(port: int) -> tuple[bytes, bytes]:
    """Return headers and body of the question."""
    return _QUESTION.encoded(port, "10.0.0.1")


def test_an_answer_is_read_to_its_end() -> None:
    """A reply has the status, the body and the cookie, and the server knows whose mark it is."""
    with listener(_ANSWER + b"ok", 200) as (port, read):
        reply = ask(port, _QUESTION, "10.0.0.1")
        assert (reply.status, reply.body, reply.cookie) == (200, b"ok", "session=z")
        assert b"X-Forwarded-For: 10.0.0.1\r\n" in read.result(_DEADLINE)


@pytest.mark.parametrize("answer", [b"", _ANSWER, _ANSWER + b"o", b"HTTP/1.1 200"])
def test_an_answer_that_is_cut_off_is_none(answer: bytes) -> None:
    """An answer of which something is missing acknowledges nothing."""
    with listener(answer, 200) as (port, _), pytest.raises(NoAnswerError):
        ask(port, _QUESTION, "10.0.0.1")


@pytest.mark.parametrize("cut", Cut)
def test_a_connection_is_cut_where_it_should_be(cut: Cut) -> None:
    """The server sees the headers, and of the body nothing, a part, or all, and then the end."""
    with listener(b"", 1_000_000) as (port, read):
        with pytest.raises(NoAnswerError, match=cut.value):
            ask(port, _QUESTION, "10.0.0.1", Departure(cut, is_abrupt=False))
        headers, body = sent(port)
        part = {Cut.HEADERS: 0, Cut.BODY: len(body) // 2, Cut.ANSWER: len(body)}[cut]
        assert read.result(_DEADLINE) == headers + body[:part]


def test_only_what_was_asked_after_a_kill_counts_as_recovery() -> None:
    """An answer to what was asked before the kill says nothing of the time after it."""
    timing = Timing(["one", "two"])
    before = time.monotonic()
    timing.begin()
    timing.answered("one", before)
    timing.answered("two", time.monotonic())
    assert timing.wait(0) is None
    timing.answered("one", time.monotonic())
    recovery = timing.wait(0)
    assert recovery is not None
    assert 0 <= recovery.first <= recovery.everywhere
    timing.begin()
    assert timing.wait(0) is None


def test_acts_are_counted_from_when_somebody_waits() -> None:
    """Whoever waits for a number of acts waits for that many more."""
    timing = Timing(["one"])
    timing.answered("one", time.monotonic())
    assert not timing.wait_for(1, seconds=0)
    assert timing.wait_for(0, seconds=0)


def test_each_order_to_cut_is_taken_once() -> None:
    """One desk takes an order, and the others go on."""
    cuts = Cuts()
    with ThreadPoolExecutor(1) as pool:
        ordered = pool.submit(cuts.order, Cut.BODY)
        taken = None
        while taken is None:
            taken = cuts.take()
        assert taken is Cut.BODY
        assert cuts.take() is None
        cuts.made()
        assert ordered.result(_DEADLINE)
