"""Whoever has guessed too often is told so a moment later, and nobody waits for that."""

from collections.abc import Callable

from timApp.serve.heldback import HOLD, HeldBack
from timApp.serve.http.message import Answer, Request, Stream, status_line


class _Clock:
    """A loop that notes for when it was asked to call."""

    def __init__(self) -> None:
        self.later: list[tuple[float, Callable[..., object], tuple[object, ...]]] = []

    def call_soon_threadsafe(self, callback: Callable[..., object], *args: object) -> None:
        """Call at once."""
        callback(*args)

    def call_later(self, delay: float, callback: Callable[..., object], *args: object) -> None:
        """Note the call."""
        self.later.append((delay, callback, args))


class _Client:
    """A client that notes what it is answered."""

    is_wanted = True

    def __init__(self) -> None:
        self.request = Request(b"POST", b"/login", "1.1", [], ("127.0.0.1", 5))
        self.answers: list[Answer] = []

    def answer(self, answer: Answer) -> None:
        """Note the answer."""
        self.answers.append(answer)

    answer_soon = answer

    def stream(self, head: Answer) -> Stream:
        """Nothing is so long."""
        raise NotImplementedError


def test_only_the_answer_429_is_held_back_and_no_thread_with_it() -> None:
    """From whichever thread it comes; a right password, a wrong one and an error go on at once."""
    clock, client = _Clock(), _Client()
    exchange = HeldBack(client, clock)
    for code in (200, 302, 403, 503):
        for write in (exchange.answer, exchange.answer_soon):
            write(Answer(status_line(code), []))
            assert client.answers.pop().status == status_line(code)
    refused = Answer(status_line(429), [])
    for write in (exchange.answer, exchange.answer_soon):
        write(refused)
        assert client.answers == []
        ((delay, call, arguments),) = clock.later
        clock.later.clear()
        assert delay == HOLD
        call(*arguments)
        assert client.answers.pop() is refused
    assert exchange.is_wanted
    assert exchange.request is client.request
