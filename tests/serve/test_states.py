"""Questions that the front looks up by itself, and which of them wait for others."""

from collections.abc import Callable, Iterator
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
from timApp.serve.states import States
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
        cookie = f"{guard.cookies.name}={guard.begin(ANN, 'here').cookie}"
        self._header = (b"cookie", cookie.encode())
        self._states = States(guard, [], Mailbox(loop, lambda: None), _fail, Tally())
        self._states.start()

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
