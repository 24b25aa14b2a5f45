"""Static files, of which the front keeps what the application has answered."""

import asyncio
from collections.abc import Iterator

import pytest

from timApp.serve.http.mailbox import Mailbox
from timApp.serve.http.message import Answer, Exchange, Request, Stream, status_line
from timApp.serve.statics import Statics


class Asked:
    """A request for a file, and what it was answered."""

    is_wanted = True

    def __init__(self, target: bytes) -> None:
        self.request = Request(b"GET", target, "1.1", [], ("192.0.2.1", 4711))
        self.answers: list[Answer] = []

    def answer(self, answer: Answer) -> None:
        """Keep the answer."""
        self.answers.append(answer)

    def answer_soon(self, answer: Answer) -> None:
        """Keep the answer."""
        self.answer(answer)

    def stream(self, head: Answer) -> Stream:
        """Fail, for no file is that long."""
        raise NotImplementedError(head.status)


@pytest.fixture
def statics() -> Iterator[Statics]:
    """Static files below ``/static/``."""
    loop = asyncio.new_event_loop()
    yield Statics([b"/static/"], Mailbox(loop, lambda: None))
    loop.close()


def asks(statics: Statics, *targets: bytes) -> list[bytes]:
    """Ask for these; return what the application was asked for, which has all files."""
    targets_asked = []

    def ask(exchange: Exchange) -> None:
        targets_asked.append(exchange.request.target)
        exchange.answer(Answer(status_line(200), [], b"body { }"))

    for target in targets:
        asked = Asked(target)
        statics.answer(asked, ask)
        assert [answer.body for answer in asked.answers] == [b"body { }"]
    return targets_asked


def test_the_application_is_asked_for_a_file_once(statics: Statics) -> None:
    """Whatever is asked behind the path, of which anybody can make up as much as they like."""
    targets = [b"/static/ui.css?%d" % number for number in range(100)]
    assert asks(statics, b"/static/ui.css", *targets) == [b"/static/ui.css"]


def test_what_is_kept_are_files_and_not_the_ways_to_them(statics: Statics) -> None:
    """A file has one path by which it is kept; by each other one the application is asked again."""
    for detour in (b"/static/%75i.css", b"/static/./ui.css", b"/static//ui.css"):
        assert asks(statics, detour, detour) == [detour, detour]
