"""A hall of blocked pages that wait for verification.

The server is `timapp run` with nothing added. Each page has a browser of its own with a connection
that it keeps, which does what the page's script does: it asks for the state in the script's
rhythm, renews its code, and goes to the document as soon as the session is valid. Beside them
others read the document, so many times a second, whether the server keeps up or not. First the
others are alone; then the hall waits beside as many documents that are open, each of which asks for
its session's state in the same rhythm; then it waits beside those who read; then everybody is
verified, one by one or all at once. The time that counts is from the commit of the verification to
the last byte of the document. Cores are those that the server used, and the database beside it.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from bench.apps import environment_of, prepared
from bench.browsers import Browsers
from bench.exam import DOCUMENT, add_document, site
from bench.load import Outcome, outcome_of, start
from bench.measure import percentile
from bench.people import SESSIONS_EACH, fill, forget_when_seen, session_id_of
from bench.report import Section, Table, at_most
from bench.run import POSTGRESQL, Run
from bench.server import Server, cpu_of, timapp_run
from bench.waiters import Waiters, rhythm_of_the_page
from tests.changes import verify_all_sessions
from timApp.auth.session.util import verify_session_for
from timApp.auth.site import db
from timApp.guard.tables.session import UserSession
from timApp.util.clock import now

TITLE = "Blocked pages that wait"
_READERS = 200
_STATE = "/user/sessions/state"
#: How often a second others read the document.
_RATE = 100
#: Cores that a hall which waits and as many open documents may take of the server.
_CORES = 1
#: How much slower others may be answered while the hall waits, to count as unharmed.
_HARM = 2

#: Verifies the first so many people; returns when each was, on the clock `time.monotonic`.
_Verify = Callable[[int], list[float]]


@dataclass(frozen=True)
class _Phase:
    """What was measured in one phase."""

    others: Outcome
    server_cores: float
    database_cores: float

    def row(self, name: str) -> tuple[str, ...]:
        others = (self.others.p50, self.others.p95, self.others.p99)
        return (
            name,
            f"{self.server_cores:.2f}",
            f"{self.database_cores:.2f}",
            *(f"{seconds * 1000:.1f}" for seconds in others),
        )


@dataclass(frozen=True)
class _Watch:
    """What is asked beside those who wait, and whose use of the cores is looked at."""

    server: Server
    #: The database's process, if it has one.
    database: int | None
    readers: Browsers

    def phase(self, seconds: float, work: Callable[[], object] = bool) -> _Phase:
        """Measure for so long, while others read; do the work meanwhile."""
        return self._phase(DOCUMENT, _RATE, seconds, work)

    def open_documents(self, count: int, seconds: float) -> _Phase:
        """Measure for so long, while so many documents are open."""
        return self._phase(_STATE, count / rhythm_of_the_page().mean, seconds, bool)

    def _phase(self, path: str, rate: float, seconds: float, work: Callable[[], object]) -> _Phase:
        load = self.readers.at_a_rate(self.server.port, path, seconds, rate)
        before, begun = self._cpu(), time.monotonic()
        with start(load) as others:
            work()
            outcome = outcome_of(others)
        self.readers.keep(outcome)
        took = time.monotonic() - begun
        server, database = (
            (after - earlier) / took for after, earlier in zip(self._cpu(), before, strict=True)
        )
        return _Phase(outcome, server, database)

    def _cpu(self) -> tuple[float, float]:
        database = cpu_of(self.database) if self.database is not None else 0.0
        return cpu_of(self.server.pid), database


@dataclass(frozen=True)
class _Return:
    """How people came back from the blocked page."""

    beside_open: _Phase
    during: _Phase
    after: _Phase
    #: Seconds from each verification to the document.
    times: list[float]


def measure(run: Run, section: Section) -> None:
    """Measure on both databases."""
    waiting = run.choose(5, 100, 1_000)
    rhythm = rhythm_of_the_page()
    section.notes += [
        f"{waiting:,} pages wait; each asks every {rhythm.shortest:g} to {rhythm.longest:g} s.",
        f"{_READERS} others read the document {_RATE} times a second.",
    ]
    for kind in run.kinds_served:
        with run.database(kind) as url:
            fill(url, waiting + _READERS)
            forget_when_seen(url)
            with site(url, run.new_folder("site")):
                add_document()
                _measure_on(kind, url, waiting, run, section)


def _measure_on(kind: str, url: str, waiting: int, run: Run, section: Section) -> None:
    folder = run.new_folder("server")
    environment = environment_of(url, waiting + _READERS, folder)
    cookies = prepared("timapp", environment)
    with timapp_run(environment, folder) as server:
        database = run.postgresql_pid if kind == POSTGRESQL else None
        watch = _Watch(server, database, Browsers(cookies[waiting:]))
        watch.phase(run.choose(0.1, 0.3, 3))  # a first time that does not count
        alone = watch.phase(run.choose(0.2, 0.6, 12))
        rows = [alone.row("the others alone")]
        for pattern, verify in (
            ("one by one", _one_by_one(run.choose(0.2, 0.5, 15.0))),
            ("all at once", _all_at_once),
        ):
            seen = _verified(watch, cookies[:waiting], verify, run)
            rows += [
                seen.beside_open.row("the hall waits, documents are open"),
                seen.during.row("the hall waits"),
                seen.after.row(f"verified {pattern}"),
            ]
            p95 = percentile(seen.times, 0.95)
            harm = seen.during.others.p95 / alone.others.p95
            what = f"{kind}, {pattern}"
            section.goals += [
                at_most(f"{what}: back at the document, p95", p95, 2, " s"),
                at_most(
                    f"{what}: cores, as many documents open",
                    seen.beside_open.server_cores,
                    _CORES,
                    "",
                ),
                at_most(f"{what}: the server's cores before", seen.during.server_cores, 1, ""),
                at_most(f"{what}: the others' p95 / their p95 alone", harm, _HARM),
            ]
            section.notes.append(
                f"{what}: back after {percentile(seen.times, 0.5):.2f} s (p50), {p95:.2f} s (p95),"
                f" {max(seen.times):.2f} s (the last)."
            )
    columns = ("", "cores, server", "cores, database", "others' p50, ms", "p95, ms", "p99, ms")
    section.tables.append(Table(kind, columns, rows))


def _verified(watch: _Watch, cookies: Sequence[str], verify: _Verify, run: Run) -> _Return:
    _block(len(cookies))
    arrive_within = run.choose(0.0, 0.2, 10.0)
    times: list[float] = []
    with Waiters(watch.server.port, cookies, DOCUMENT, arrive_within) as waiters:
        waiters.wait_until_blocked()
        beside_open = watch.open_documents(len(cookies), run.choose(0.2, 0.4, 10))
        during = watch.phase(run.choose(0.2, 0.4, 15))

        def let_in() -> None:
            verified = verify(len(cookies))
            back = waiters.moments()
            times.extend(there - then for there, then in zip(back, verified, strict=True))

        after = watch.phase(run.choose(0.2, 0.8, 19), let_in)
    return _Return(beside_open, during, after, times)


def _one_by_one(seconds: float) -> _Verify:
    def verify(people: int) -> list[float]:
        begun = time.monotonic()
        moments = []
        for person in range(1, people + 1):
            time.sleep(max(0, begun + seconds * person / people - time.monotonic()))
            verify_session_for(f"user{person}")
            db.session.commit()
            moments.append(time.monotonic())
        return moments

    return verify


def _all_at_once(people: int) -> list[float]:
    verify_all_sessions()
    db.session.commit()
    return [time.monotonic()] * people


def _block(people: int) -> None:
    """Let the latest session of the first people be expired, and the first one active."""
    of_them = UserSession.user_id <= people
    for number, expired_at in ((1, None), (SESSIONS_EACH, now())):
        ids = [session_id_of(person, number) for person in range(1, people + 1)]
        which = UserSession.session_id.in_(ids)
        db.session.execute(
            sa.update(UserSession)
            .where(of_them, which)
            .values(
                expired_at=expired_at,
                last_seen_at=None,
                # The browsers of before are closed; the next ones have the first cookies again.
                token_issued=0,
                token_used=0,
                token_since=None,
            )
        )
    db.session.commit()
