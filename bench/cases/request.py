"""A guarded request.

One page that answers with the number of the person who asks, on one server process (granian, with
as many threads as work at a time in a worker of `timapp run`: one on SQLite, two where a server is
waited for), asked over several kept connections without pause, by people who are logged in.
"timApp" is the whole application with this page added:
its gate looks up person, rights and session, and now and then writes down that a session was seen.
It has two floors, both with the driver's own look-up of the session, prepared and on a held
connection: the same application with that in the place of its own look-up, and plain Flask with a
signed cookie.

The peers are set up as their documentation shows, with kept connections. Flask-Session keeps the
content of the session in Redis or in the database; django-qsessions keeps who is logged in from
where, and its page loads the user; Flask-Login loads the user with the ORM and knows of no sessions
that can be ended.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from bench.apps import PATH, environment_of, prepared
from bench.browsers import Browsers
from bench.measure import Series, interleaved
from bench.people import fill, forget_when_seen
from bench.redis_server import redis_server
from bench.report import Section, Table, at_least
from bench.run import POSTGRESQL, THREADS, Run
from bench.server import Server, memory_of, served

TITLE = "A guarded request"

_SAME, _OURS, _PLAIN = "timApp + driver", "timApp", "plain Flask + driver"
_REDIS, _SQLALCHEMY = "Flask-Session, Redis", "Flask-Session, SQLAlchemy"
_QSESSIONS, _LOGIN = "Django + qsessions + user", "Flask-Login + ORM user"
_APPS = {
    _SAME: "timapp_raw",
    _OURS: "timapp",
    _PLAIN: "raw",
    _REDIS: "flask_session_redis",
    _SQLALCHEMY: "flask_session_sqlalchemy",
    _QSESSIONS: "django_qsessions",
    _LOGIN: "flask_login",
}
_GOALS = {_SAME: 0.9, _PLAIN: 0.9, _REDIS: 1, _SQLALCHEMY: 2, _QSESSIONS: 2, _LOGIN: 2}
_CONNECTIONS = 16


def measure(run: Run, section: Section) -> None:
    """Measure on both databases."""
    people = run.choose(20, 2_000, 20_000)
    logged_in = run.choose(2, 50, 200)
    section.notes.append(
        f"{people:,} people, of whom {logged_in} ask in turn over {_CONNECTIONS} connections."
    )
    folder = run.new_folder("redis")
    with redis_server(folder) as redis_port:
        if redis_port is None:
            section.notes.append("There is no redis-server on this machine: Redis is left out.")
        for kind in run.kinds_served:
            with run.database(kind) as url:
                fill(url, people)
                forget_when_seen(url)
                environment = environment_of(url, logged_in, folder, redis_port)
                _measure_on(kind, environment, run, section)


def _measure_on(kind: str, environment: dict[str, str], run: Run, section: Section) -> None:
    # A machine is faster at one second than at the next: turns are short, and there are many.
    seconds = run.choose(0.1, 0.25, 0.3)
    without_redis = environment["BENCH_REDIS_PORT"] == "None"
    names = [name for name in _APPS if not (name == _REDIS and without_redis)]
    # Some log people in for that, and SQLite has one writer at a time.
    with ThreadPoolExecutor(2 if kind == POSTGRESQL else 1) as preparers:
        made = preparers.map(lambda name: prepared(_APPS[name], environment), names)
        cookies = dict(zip(names, made, strict=True))
    with ExitStack() as servers:

        def start(name: str) -> tuple[Server, Browsers]:
            app = _APPS[name]
            # Whoever waits for another process lets others work meanwhile.
            threads = THREADS[POSTGRESQL if name == _REDIS else kind]
            factory, folder = f"bench.apps.{app}:create_app", run.new_folder(app)
            server = served(factory, environment, folder, PATH, threads=threads)
            return servers.enter_context(server), Browsers(cookies[name])

        with ThreadPoolExecutor(2) as starters:
            started = dict(zip(names, starters.map(start, names), strict=True))
        loads = {name: _load(*server, seconds) for name, server in started.items()}
        series = interleaved(loads, run.choose(1, 1, 60))
        memory = {name: memory_of(server.pid) for name, (server, _) in started.items()}
    section.goals += [
        at_least(f"{kind}: timApp / {name}", series[_OURS].ratio_to(series[name]), limit)
        for name, limit in _GOALS.items()
        if name in series
    ]
    section.tables.append(_table(kind, series, memory))


def _load(server: Server, browsers: Browsers, seconds: float) -> Callable[[], float]:
    return lambda: browsers.rate(server.port, PATH, seconds, _CONNECTIONS)


def _table(kind: str, series: dict[str, Series], memory: dict[str, int]) -> Table:
    return Table(
        kind,
        ("", "requests/s", "spread", f"x {_PLAIN}", "memory, MiB"),
        [
            (
                name,
                f"{one.median:,.0f}",
                f"{one.spread:.0%}",
                f"{one.ratio_to(series[_PLAIN]):.2f}",
                f"{memory[name] / 2**20:.0f}",
            )
            for name, one in series.items()
        ],
    )
