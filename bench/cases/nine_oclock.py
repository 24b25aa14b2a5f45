"""Nine o'clock: a hall of people logs in while others read.

The server is `timapp run` with nothing added. Everybody logs in over HTTP with a browser of their
own, and the server checks a real argon2 hash with its own parameters for each; only the filling of
the database gives everybody the same one. All of them come at once, while nobody reads. Then
others read a guarded page, so many times a second, whether the server keeps up or not: first alone,
then while people come evenly over a minute, then while all of them come at once. Compared are the
readers' times with those alone, and the time until all are let in with what all cores take for the
hashes alone, just before and just after. Readers, load generator, server and database share these
cores, so what they take is missing for the hashes: the second goal for all at once allows for the
readers. All at once they come several times, with readers and without in turn; the middle ratios
count, and the first times are in the table. Memory is the most that the server's processes have had
until then, each with what it shares with others.
"""

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import sqlalchemy as sa

from bench.apps import environment_of, prepared
from bench.browsers import Browsers
from bench.exam import DOCUMENT, add_document, site
from bench.load import Outcome, outcome_of, start
from bench.people import fill, forget_when_seen
from bench.report import Section, Table, at_most
from bench.run import Run
from bench.rush import Admission, Arrivals, log_in
from bench.server import Server, cpu_of, peak_memory_of, timapp_run
from timApp.auth.site import db
from timApp.serve.server import available_cores
from timApp.user.hashing import use_threads
from timApp.user.password import hash_password, password_matches
from timApp.user.user import User

TITLE = "Nine o'clock"
_PASSWORD = "a password"
_READERS = 200
#: How often a second the others read.
_RATE = 100
#: How much slower the others may be answered.
_HARM = 5
#: How much longer than their hashes alone it may take to let all in.
_WORK = 1.3
#: The same while others read.
_WORK_BESIDE_READERS = 1.5
#: Everybody comes so many times.
_TIMES = 3


@dataclass(frozen=True)
class _Phase:
    """What was measured in one phase."""

    #: None if nobody read.
    others: Outcome | None
    cores: float
    memory: int
    admission: Admission | None

    def row(self, name: str) -> tuple[str, ...]:
        let_in, others = self.admission, self.others
        return (
            name,
            *(
                (f"{s * 1000:.1f}" for s in (others.p50, others.p95, others.p99))
                if others
                else ("", "", "")
            ),
            f"{self.cores:.2f}",
            f"{self.memory / 2**20:.0f}",
            *(
                (f"{let_in.seconds:.1f}", f"{let_in.p50:.2f}", f"{let_in.longest:.2f}")
                if let_in
                else ("", "", "")
            ),
        )


@dataclass(frozen=True)
class _Watch:
    """What is asked beside those who log in."""

    server: Server
    readers: Browsers

    def rush(self, arrivals: Arrivals) -> _Phase:
        """Measure while people log in and nobody reads."""
        before, begun = cpu_of(self.server.pid), time.monotonic()
        admission = log_in(arrivals)
        cores = (cpu_of(self.server.pid) - before) / (time.monotonic() - begun)
        return _Phase(None, cores, peak_memory_of(self.server.pid), admission)

    def phase(self, seconds: float, arrivals: Arrivals | None = None) -> _Phase:
        """Measure for so long, and until the answers have come."""
        before, begun = cpu_of(self.server.pid), time.monotonic()
        admission = None
        load = self.readers.at_a_rate(self.server.port, DOCUMENT, seconds, _RATE)
        with start(load) as others:
            if arrivals:
                admission = log_in(arrivals)
            outcome = outcome_of(others)
        self.readers.keep(outcome)
        cores = (cpu_of(self.server.pid) - before) / (time.monotonic() - begun)
        return _Phase(outcome, cores, peak_memory_of(self.server.pid), admission)


def measure(run: Run, section: Section) -> None:
    """Measure on both databases."""
    people = run.choose(5, 50, 1_000)
    section.notes += [
        f"{people:,} people log in; {_READERS} others read a document {_RATE} times a second.",
        "The hash of one password takes at least 19 MiB and 2 passes of argon2id.",
    ]
    for kind in run.kinds_served:
        with run.database(kind) as url:
            fill(url, people + _READERS)
            forget_when_seen(url)
            with site(url, run.new_folder("site")):
                add_document()
                db.session.execute(sa.update(User).values(password_hash=hash_password(_PASSWORD)))
                db.session.commit()
            _measure_on(kind, url, people, run, section)


def _measure_on(kind: str, url: str, people: int, run: Run, section: Section) -> None:
    folder = run.new_folder("server")
    environment = environment_of(url, people + _READERS, folder)
    cookies = prepared("timapp", environment)
    with timapp_run(environment, folder) as server:
        watch = _Watch(server, Browsers(cookies[people:]))
        watch.phase(run.choose(0.1, 0.3, 3))  # a first time that does not count
        idle = watch.phase(run.choose(0.2, 0.6, 20))
        within = run.choose(0.2, 1.0, 60.0)
        spread = watch.phase(within, Arrivals(server.port, people, _PASSWORD, within))
        rush_seconds = run.choose(0.2, 1, 20)
        at_once = Arrivals(server.port, people, _PASSWORD, 0)
        alone, rushes = [_hashes_alone(people)], []
        ratios: dict[float, list[float]] = {_WORK: [], _WORK_BESIDE_READERS: []}
        for _ in range(run.choose(1, 1, _TIMES)):
            for goal, measured in ratios.items():
                reads = goal is _WORK_BESIDE_READERS
                rush = watch.phase(rush_seconds, at_once) if reads else watch.rush(at_once)
                assert rush.admission is not None
                rushes.append(rush)
                alone.append(_hashes_alone(people))
                measured.append(rush.admission.seconds / statistics.mean(alone[-2:]))
    told = ", ".join(f"{seconds:.1f}" for seconds in alone)
    section.notes.append(f"{kind}: the hashes alone take all cores {told} s.")
    section.goals += [
        at_most(
            f"{kind}: all at once let in / hashes alone", statistics.median(ratios[_WORK]), _WORK
        ),
        at_most(
            f"{kind}: all at once let in beside readers / hashes alone",
            statistics.median(ratios[_WORK_BESIDE_READERS]),
            _WORK_BESIDE_READERS,
        ),
        at_most(
            f"{kind}: readers' p99 / idle, spread over {within:g} s",
            _p99(spread) / _p99(idle),
            _HARM,
        ),
    ]
    columns = (
        *("", "readers' p50, ms", "p95, ms", "p99, ms", "cores, server", "memory, MiB"),
        *("all in after, s", "login p50, s", "longest, s"),
    )
    rows = [
        idle.row("readers alone"),
        spread.row(f"logins spread over {within:g} s"),
        rushes[0].row("logins all at once, nobody reads"),
        rushes[1].row("logins all at once"),
    ]
    section.tables.append(Table(kind, columns, rows))


def _p99(phase: _Phase) -> float:
    assert phase.others is not None
    return phase.others.p99


def _hashes_alone(people: int) -> float:
    """Return how many seconds all cores together take for so many hashes."""
    use_threads(available_cores())
    known = hash_password(_PASSWORD)
    begun = time.monotonic()
    with ThreadPoolExecutor(available_cores() + 1) as callers:
        assert all(callers.map(lambda _: password_matches(known, _PASSWORD), range(people)))
    return time.monotonic() - begun
