"""Who looks people up for the front: the loop, as long as a server answers at once, or a thread.

The thread is started late, so that it is seen who has answered.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import psycopg
import pytest
import uvloop

from tests.guard.hall import ANN
from tests.live import PATIENCE
from timApp.database.engine import open_engine
from timApp.guard import Claims, Cookies, Guard, GuardOptions, Identity, Standing
from timApp.guard.verdict import Verdict
from timApp.serve.http.mailbox import Mailbox
from timApp.serve.standing.looks import Bearer, Looks
from timApp.util.tally import Tally

_CAREFUL = Identity("bob", groups=frozenset({"Careful"}))
_NOBODY = Bearer(Claims(2**31 - 1, "nobody's"), renews=True)
_LOCK = "LOCK TABLE usersession IN ACCESS EXCLUSIVE MODE"
_END_OTHERS = (
    "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
_Told = list[Standing | None] | None


class Desk:
    """Asks how it stands with people, in a loop, on PostgreSQL."""

    def __init__(self, guard: Guard, loop: asyncio.AbstractEventLoop) -> None:
        self._guard = guard
        self._loop = loop
        self.is_quiet = True
        mailbox = Mailbox(loop, lambda: None)
        self.looks = Looks(guard, mailbox, Tally(), lambda: self.is_quiet)

    def log_in(self, identity: Identity = ANN) -> Bearer:
        """Let somebody log in, and a connection stay open; return the bearer of the cookie."""
        claims = self._guard.cookies.claims(self._guard.begin(identity, "here").cookie)
        assert claims is not None
        self._guard.running_exams.mark()
        self._guard.check_all([claims])
        return Bearer(claims, renews=True)

    def ask(self, *bearers: Bearer) -> "asyncio.Future[_Told]":
        """Ask how it stands with them."""
        told: asyncio.Future[_Told] = self._loop.create_future()

        def heard(verdicts: Sequence[Verdict | None] | None, _exams: str) -> None:
            told.set_result(
                None if verdicts is None else [one and one.standing for one in verdicts]
            )

        self.looks.look_up(bearers, heard)
        return told


@pytest.fixture
def guard(postgresql_url: str) -> Iterator[Guard]:
    """A guard that wants a second factor of some people."""
    options = GuardOptions(second_factor_groups=frozenset({"Careful"}))
    guard = Guard(open_engine(postgresql_url), Cookies(["a key"]), options)
    yield guard
    guard.engine.dispose()


@pytest.fixture
def other(postgresql_url: str) -> Iterator[psycopg.Connection]:
    """Somebody else who works on the same database."""
    with psycopg.connect(postgresql_url) as connection:
        yield connection


def in_loop(guard: Guard, work: Callable[[Desk], Awaitable[None]]) -> None:
    """Do some work in a loop."""

    async def run() -> None:
        async with asyncio.timeout(PATIENCE):
            await work(Desk(guard, asyncio.get_running_loop()))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


def test_the_loop_waits_for_a_server_by_itself(guard: Guard) -> None:
    """What a thread would say is said without one, also when the same connection is used again."""

    async def work(desk: Desk) -> None:
        bearers = [desk.log_in(), desk.log_in(), _NOBODY]
        for _ in range(10):
            told = await desk.ask(*bearers)
            assert told == [Standing.VALID, Standing.BLOCKED, Standing.ANONYMOUS]

    in_loop(guard, work)


def test_while_others_work_the_thread_is_asked(guard: Guard) -> None:
    """Nobody is told anything until the thread is there."""

    async def work(desk: Desk) -> None:
        bearer = desk.log_in()
        desk.is_quiet = False
        asked = desk.ask(bearer)
        await asyncio.sleep(0.05)
        assert not asked.done()
        desk.looks.start()
        assert await asked == [Standing.VALID]

    in_loop(guard, work)


def test_the_thread_goes_on_with_what_takes_long(guard: Guard, other: psycopg.Connection) -> None:
    """The same look, which waits for a lock, ends in the thread once that is gone."""

    async def work(desk: Desk) -> None:
        bearer = desk.log_in()
        other.execute(_LOCK)
        asked = desk.ask(bearer)
        desk.looks.start()
        await asyncio.sleep(0.1)  # longer than the loop waits
        assert not asked.done()
        other.rollback()
        assert await asked == [Standing.VALID]
        assert await desk.ask(bearer) == [Standing.VALID]

    in_loop(guard, work)


def test_nobody_is_waited_for_longer_than_patience(guard: Guard, other: psycopg.Connection) -> None:
    """While a lock stays, those who ask are told that nobody can tell; then they are told again."""

    async def work(desk: Desk) -> None:
        bearer = desk.log_in()
        other.execute(_LOCK)
        desk.looks.start()
        assert await desk.ask(bearer) is None
        other.rollback()
        assert await desk.ask(bearer) == [Standing.VALID]

    in_loop(guard, work)


def test_a_connection_that_was_ended_is_replaced(guard: Guard, other: psycopg.Connection) -> None:
    """Before the loop asks, or while it waits: whoever asks is told what they would be."""

    async def work(desk: Desk) -> None:
        bearer = desk.log_in()
        desk.looks.start()
        other.execute(_END_OTHERS)
        assert await desk.ask(bearer) == [Standing.VALID]
        other.rollback()
        other.execute(_LOCK)
        asked = desk.ask(bearer)
        with ThreadPoolExecutor(1) as threads:
            await asyncio.get_running_loop().run_in_executor(threads, other.execute, _END_OTHERS)
        other.rollback()
        assert await asked == [Standing.VALID]

    in_loop(guard, work)


def test_a_row_that_nobody_can_read_keeps_nobody_else(
    guard: Guard, other: psycopg.Connection
) -> None:
    """Whoever it is about is told that nobody can tell, and the next ones are answered."""

    async def work(desk: Desk) -> None:
        broken, whole = desk.log_in(), desk.log_in(Identity("eve"))
        other.execute(
            "UPDATE usersession SET key_state = 'bogus' WHERE session_id = %s",
            [broken.claims.session_id],
        )
        other.commit()
        desk.looks.start()
        assert await desk.ask(broken) is None
        assert await desk.ask(whole) == [Standing.VALID]

    in_loop(guard, work)


def test_the_thread_is_asked_about_those_who_are_undecided(guard: Guard) -> None:
    """Whoever may owe a passkey is looked up by the thread, and all are told at once."""

    async def work(desk: Desk) -> None:
        bearers = [desk.log_in(), desk.log_in(_CAREFUL), _NOBODY]
        asked = desk.ask(*bearers)
        await asyncio.sleep(0.05)
        assert not asked.done()
        desk.looks.start()
        assert await asked == [Standing.VALID, Standing.VALID, Standing.ANONYMOUS]

    in_loop(guard, work)


class Slow(Guard):
    """A guard whose database takes as long as it is told, or breaks."""

    seconds = 0.0
    error: Exception | None = None

    def check_at_once(self, claims: Claims, *, renews: bool = True) -> Verdict | None:
        """Say so after that time."""
        Event().wait(self.seconds)
        if self.error is not None:
            raise self.error
        return super().check_at_once(claims, renews=renews)


def test_after_a_look_that_took_long_the_loop_leaves_the_next_ones_to_the_thread(
    sqlite_url: str,
) -> None:
    """What kept it once may keep it again; what fails is for the thread to tell of."""
    guard = Slow(open_engine(sqlite_url), Cookies(["a key"]))

    async def work(desk: Desk) -> None:
        bearer = desk.log_in()
        looks = desk.looks
        verdict = looks.at_once(bearer)
        assert verdict is not None
        assert verdict.standing is Standing.VALID
        guard.error = RuntimeError("broken")
        assert looks.at_once(bearer) is None
        guard.error = None
        assert looks.exams_at_once() is not None
        guard.seconds = 0.25
        assert looks.at_once(bearer) is not None
        guard.seconds = 0.0
        assert looks.exams_at_once() is None
        assert looks.at_once(bearer) is None
        looks.start()
        assert await desk.ask(bearer) == [Standing.VALID]

    in_loop(guard, work)
    guard.engine.dispose()
