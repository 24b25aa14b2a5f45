"""Static files, of which the front keeps what the application has answered."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.serve.caller import Caller
from timApp.serve.http.mailbox import Mailbox
from timApp.serve.http.message import Answer, Exchange, status_line
from timApp.serve.statics import Statics


@pytest.fixture
def statics() -> Iterator[Statics]:
    """Static files below ``/static/``."""
    loop = asyncio.new_event_loop()
    yield Statics([b"/static/"], Mailbox(loop, lambda: None))
    loop.close()


def asks_encoded(statics: Statics, *encodings: bytes | None) -> list[tuple[bytes, ...]]:
    """Ask for a file with these `Accept-Encoding`; return with which the application was asked."""
    passed_on = []

    def ask(exchange: Exchange) -> None:
        said = [value for name, value in exchange.request.headers if name == b"accept-encoding"]
        passed_on.append(tuple(said))
        exchange.answer(Answer(status_line(200), [], b"|".join(said)))

    for encoding in encodings:
        asked = Caller(b"/static/ui.css")
        if encoding is not None:
            asked.request.headers.append((b"accept-encoding", encoding))
        statics.answer(asked, ask)
        is_packed = encoding is not None and b"gzip" in encoding and b"q=0," not in encoding
        assert [answer.body for answer in asked.answers] == [b"gzip" if is_packed else b""]
    return passed_on


def asks(statics: Statics, *targets: bytes) -> list[bytes]:
    """Ask for these; return what the application was asked for, which has all files."""
    targets_asked = []

    def ask(exchange: Exchange) -> None:
        targets_asked.append(exchange.request.target)
        exchange.answer(Answer(status_line(200), [], b"body { }"))

    for target in targets:
        asked = Caller(target)
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


def test_a_compressed_file_is_for_those_who_understand_it(statics: Statics) -> None:
    """The application is asked for both, once each, however many encodings clients make up."""
    said = (
        b"gzip, deflate, br",
        None,
        b"gzip;q=0, br",
        b"br",
        b"deflate, gzip;q=0.5",
        b"gzip,x",
        b"",
    )
    assert asks_encoded(statics, *said) == [(b"gzip",), ()]
