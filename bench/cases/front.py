"""The front.

`timapp run` against the same application on a bare server: granian, with as many workers, and in
each as many threads as work at a time in a worker of ours. Both are asked over several kept
connections without pause, by people who are logged in. A document is asked for from `timapp run`
with nothing added, as people run it: with a worker for each core. What the front answers itself,
the state of a session and a static file, is asked for from one worker, since the load generator
could not ask more of them; of one worker a document is in the tables, too, where there is less in
it for ours, which reads requests and answers them in a single thread. The server of before answered
the state 2,300 times a second where the bare one did so 3,800 times, so that three times the bare
one is five times as much as then.

Then clients begin requests and never end them, fifty each second for twenty seconds, half of them
in the head and half in the body, while others read the document so many times a second; these are
compared with others who are alone. Memory is that of a worker after all this, of what it shares
with its parent a half, without the pages of SQLite's file that the system has in its cache.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from sqlalchemy.engine import make_url

from bench.apps import environment_of, prepared
from bench.browsers import Browsers
from bench.exam import DOCUMENT, add_document, site
from bench.load import outcome_of_load
from bench.measure import Series, interleaved
from bench.people import fill, forget_when_seen
from bench.report import Section, Table, at_least, at_most, compared
from bench.run import THREADS, Run
from bench.server import Server, memory_of_workers, served, timapp_run
from bench.unfinished import Siege, unfinished
from timApp.serve.server import available_cores

TITLE = "The front"
_CONNECTIONS = 16
_READERS = 200
#: How often a second others read the document.
_RATE = 100
_OURS, _BARE = "timapp run", "bare server"
#: What is asked for, and how many times the bare server's rate ours is to be.
_Asked = Mapping[str, tuple[str, float | None]]
_ASKED_OF_ALL: _Asked = {"a document": (DOCUMENT, 0.9)}
_ASKED_OF_ONE: _Asked = {
    "a document, one worker": (DOCUMENT, None),
    "the state of the session, one worker": ("/user/sessions/current", 3),
    "a static file, one worker": ("/static/ui/ui.css", None),
}
_ASKED = {**_ASKED_OF_ALL, **_ASKED_OF_ONE}
_HARM = 2
_MEMORY = 75.0


def measure(run: Run, section: Section) -> None:
    """Measure on both databases."""
    for kind in run.kinds_served:
        with run.database(kind) as url:
            fill(url, run.choose(20, 2_000, 20_000))
            forget_when_seen(url)
            with site(url, run.new_folder("site")):
                add_document()
            _measure_on(kind, url, run, section)


def _measure_on(kind: str, url: str, run: Run, section: Section) -> None:
    folder = run.new_folder("server")
    environment = environment_of(url, run.choose(2, 50, _READERS), folder)
    browsers = Browsers(prepared("timapp", environment))

    def bare(workers: int) -> AbstractContextManager[Server]:
        factory, threads = "timApp.app:create_app", THREADS[kind]
        return served(factory, environment, folder, "/login", threads=threads, workers=workers)

    with timapp_run(environment, folder) as ours, bare(available_cores()) as other:
        rates = _rates({_OURS: ours, _BARE: other}, _ASKED_OF_ALL, browsers, run)
    with timapp_run(environment, folder, "--workers", "1") as ours:
        with bare(1) as other:
            rates |= _rates({_OURS: ours, _BARE: other}, _ASKED_OF_ONE, browsers, run)
        for what, series in rates.items():
            _, goal = _ASKED[what]
            if goal is not None:
                ratio = series[_OURS].ratio_to(series[_BARE])
                section.goals.append(at_least(f"{kind}, {what}: {_OURS} / {_BARE}", ratio, goal))
            section.tables.append(compared(f"{kind}, {what}", series, _BARE, "requests/s"))
        _measure_siege(kind, ours, browsers, run, section)
        memory = max(memory_of_workers(ours.pid, but=_file_of(url))) / 2**20
    section.goals.append(at_most(f"{kind}: memory of a worker", memory, _MEMORY, " MiB"))


def _rates(
    servers: Mapping[str, Server], asked: _Asked, browsers: Browsers, run: Run
) -> dict[str, dict[str, Series]]:
    """Return the servers' rates for each of what is asked for."""
    # As in `bench.cases.request`: short turns, and many.
    seconds = run.choose(0.1, 0.25, 0.3)
    rates = {}
    for what, (path, _) in asked.items():
        # The same people ask both, in turn.
        loads = {name: _load(server, browsers, path, seconds) for name, server in servers.items()}
        rates[what] = interleaved(loads, run.choose(1, 1, 50))
    return rates


def _file_of(url: str) -> Path | None:
    """Return the file of a database, if it has one."""
    parts = make_url(url)
    return Path(str(parts.database)) if parts.get_backend_name() == "sqlite" else None


def _measure_siege(
    kind: str, server: Server, browsers: Browsers, run: Run, section: Section
) -> None:
    seconds = run.choose(0.2, 0.5, 20.0)
    alone = outcome_of_load(browsers.at_a_rate(server.port, DOCUMENT, seconds, _RATE))
    browsers.keep(alone)
    with unfinished(Siege(server.port, 50, seconds)) as clients:
        beside = outcome_of_load(browsers.at_a_rate(server.port, DOCUMENT, seconds, _RATE))
    what = f"{kind}, beside {clients.begun:,} unfinished requests"
    section.goals += [
        at_most(f"{what}: the others' p95 / their p95 alone", beside.p95 / alone.p95, _HARM),
        at_least(f"{what}: part that was told 408", clients.refused / clients.begun, 1, ""),
    ]
    section.tables.append(
        Table(
            what,
            ("", "others' p50, ms", "p95, ms", "p99, ms"),
            [
                (name, *(f"{part * 1000:.1f}" for part in (one.p50, one.p95, one.p99)))
                for name, one in (("alone", alone), ("beside them", beside))
            ],
        )
    )


def _load(server: Server, browsers: Browsers, path: str, seconds: float) -> Callable[[], float]:
    return lambda: browsers.rate(server.port, path, seconds, _CONNECTIONS)
