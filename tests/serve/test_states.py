"""Questions that the front looks up by itself, and which of them wait for others."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from queue import SimpleQueue
from typing import Any

import pytest

from tests.guard.hall import ANN
from tests.live import PATIENCE
from tests.serve.caller import Caller
from timApp.database.engine import open_engine
from timApp.guard import Claims, Cookies, Guard, GuardOptions
from timApp.guard.verdict import Verdict
from timApp.serve.http.mailbox import Mailbox
from timApp.serve.http.message import Answer, Exchange, status_line
from timApp.serve.standing.looks import Looks
from timApp.serve.standing.states import States
from timApp.util.tally import Tally

_YES = Answer(status_line(200), [])


class Noon:
    """A loop in which it stays noon: what is to be done later never is."""

    def __init__(self) -> None:
        self.later: list[Callable[[], None]] = []
        self._soon: SimpleQueue[Callable[[], None]] = SimpleQueue()

    def time(self) -> float:
        """Return the time."""
        return 43_200.0

    def call_at(self, _when: float, call: Callable[[], None]) -> None:
        """Keep it."""
        self.later.append(call)

    def call_soon_threadsafe(self, call: Callable[[], None]) -> None:
        """Let `go_on` do it."""
        self._soon.put(call)

    def call_soon(self, call: Callable[[], None]) -> None:
        """Do it."""
        call()

    def go_on(self) -> None:
        """Do what comes next from another thread."""
        self._soon.get(timeout=PATIENCE)()


class Desk:
    """Looks up the questions of one person."""

    def __init__(self, guard: Guard, loop: Any) -> None:
        self.loop = loop
        #: Whether other threads of the process have nothing to do.
        self.is_quiet = False
        self.guard = guard
        cookie = f"{guard.cookies.name}={guard.begin(ANN, 'here').cookie}"
        self._header = (b"cookie", cookie.encode())
        mailbox = Mailbox(loop, lambda: None)
        looks = Looks(guard, mailbox, Tally(), lambda: self.is_quiet)
        looks.start()
        self._states = States(looks, guard.cookies, [], mailbox, _fail)

    def ask(self, *, is_urgent: bool = False) -> Caller:
        """Ask a question."""
        caller = Caller()
        caller.request.headers.append(self._header)
        assert self._states.ask(caller, _say, PATIENCE, _fail, renews=False, is_urgent=is_urgent)
        return caller


def _say(_claims: Claims, _verdict: Verdict, _exams: str) -> Answer:
    return _YES


def _fail(exchange: Exchange) -> None:
    raise AssertionError(exchange)


@pytest.fixture
def desk(sqlite_url: str) -> Iterator[Desk]:
    """A desk at noon."""
    engine = open_engine(sqlite_url)
    yield Desk(Guard(engine, Cookies(["a key"]), GuardOptions()), Noon())
    engine.dispose()


def test_pages_wait_for_each_other_and_proxies_for_nobody(desk: Desk) -> None:
    """A look-up waits a moment for the next pages that ask, and none if a proxy asks."""
    first = desk.ask()
    desk.loop.go_on()
    page = desk.ask()
    assert (first.answers, page.answers, len(desk.loop.later)) == ([_YES], [], 1)
    proxy = desk.ask(is_urgent=True)
    desk.loop.go_on()
    assert (page.answers, proxy.answers) == ([_YES], [_YES])


def test_the_loop_looks_by_itself_if_nobody_else_works(desk: Desk) -> None:
    """Once it is known which exams run, no thread is asked until another one works."""
    first = desk.ask()
    desk.loop.go_on()
    desk.is_quiet = True
    assert desk.ask().answers == desk.ask(is_urgent=True).answers == first.answers == [_YES]
    desk.is_quiet = False
    later = desk.ask(is_urgent=True)
    desk.loop.go_on()
    assert later.answers == [_YES]


def test_the_loop_leaves_to_the_thread_what_would_keep_it(desk: Desk) -> None:
    """While somebody keeps the file from all others, it is the thread that waits for them."""
    desk.ask()
    desk.loop.go_on()
    desk.is_quiet = True
    desk.guard.engine.dispose()
    path = str(desk.guard.engine.url.database)
    with closing(sqlite3.connect(path, isolation_level=None)) as keeper:
        keeper.execute("PRAGMA locking_mode = EXCLUSIVE")
        keeper.execute("BEGIN EXCLUSIVE")
        kept = desk.ask(is_urgent=True)
        assert kept.answers == []
    desk.loop.go_on()
    assert kept.answers == [_YES]
