"""Several servers on one database.

One or two servers of timApp, with one worker each, on one PostgreSQL, asked for a guarded page over
kept connections without pause. Cores are those that the servers, the database and the load itself
used, which share one machine: so requests a core say more than requests. Meanwhile somebody's
session is invalidated and verified in turn on one server, and asked for on the other right after
the answer: how often that one still let them in, or still kept them out, is counted.
"""

import json
import resource
import statistics
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from http.client import HTTPConnection

from bench.apps import PATH, environment_of, prepared
from bench.browsers import Browsers
from bench.load import outcome_of, start
from bench.people import fill, forget_when_seen
from bench.report import Section, Table, at_most
from bench.run import POSTGRESQL, THREADS, Run
from bench.server import Server, cpu_of, served

TITLE = "Several servers on one database"
_SERVERS = 2
_CONNECTIONS = 16
_SECRET = "a secret that is long enough for anything"
_ANSWERS = {"invalidate": 490, "verify": 200}


@dataclass(frozen=True)
class _Use:
    """What a second of load took."""

    requests: float
    server_cores: float
    database_cores: float
    load_cores: float


def measure(run: Run, section: Section) -> None:
    """Measure one server, and two."""
    people = run.choose(20, 2_000, 20_000)
    logged_in = run.choose(3, 51, 201)
    folder = run.new_folder("servers")
    with run.database(POSTGRESQL) as url, ExitStack() as stack:
        fill(url, people)
        forget_when_seen(url)
        environment = environment_of(url, logged_in, folder)
        environment["TIM_DIST_RIGHTS_RECEIVE_SECRET"] = _SECRET
        cookies = prepared("timapp", environment)
        servers = [
            stack.enter_context(
                served(
                    "bench.apps.timapp:create_app",
                    environment,
                    folder,
                    PATH,
                    threads=THREADS[POSTGRESQL],
                )
            )
            for _ in range(_SERVERS)
        ]
        # Nobody asks both servers at once, as two who had the same cookie would; the first person's
        # session is changed below.
        browsers = [Browsers(cookies[1 + number :: _SERVERS]) for number in range(_SERVERS)]
        seconds = run.choose(0.1, 0.3, 3.0)
        counts = (1, _SERVERS)
        uses: dict[int, list[_Use]] = {count: [] for count in counts}
        for number in range(1 + run.choose(1, 1, 9)):
            for count in counts:
                use = _use(run, servers[:count], browsers[:count], seconds)
                if number > 0:  # the first time does not count
                    uses[count].append(use)
        changes = run.choose(4, 20, 200)
        late = _late_answers(servers, cookies[0], changes)
    section.tables.append(_table(uses))
    what = f"answers that were late, of {changes} after a change on the other server"
    section.goals.append(at_most(what, late, 0, ""))


def _use(run: Run, servers: Sequence[Server], browsers: Sequence[Browsers], seconds: float) -> _Use:
    pairs = list(zip(servers, browsers, strict=True))
    each = _CONNECTIONS // len(servers)
    database = run.postgresql_pid
    before = (sum(cpu_of(server.pid) for server in servers), cpu_of(database), _cpu_of_loads())
    loads = [
        start(some.as_fast_as_it_goes(server.port, PATH, seconds, each)) for server, some in pairs
    ]
    outcomes = [outcome_of(load) for load in loads]
    rate = sum(outcome.rate for outcome in outcomes)
    for some, outcome in zip(browsers, outcomes, strict=True):
        some.keep(outcome)
    after = (sum(cpu_of(server.pid) for server in servers), cpu_of(database), _cpu_of_loads())
    cores = [(late - early) / seconds for late, early in zip(after, before, strict=True)]
    return _Use(rate, *cores)


def _cpu_of_loads() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _table(uses: dict[int, list[_Use]]) -> Table:
    rows = []
    for count, of_count in uses.items():
        middle = _Use(
            *(
                statistics.median(values)
                for values in zip(
                    *(
                        (one.requests, one.server_cores, one.database_cores, one.load_cores)
                        for one in of_count
                    ),
                    strict=True,
                )
            )
        )
        rows.append(
            (
                f"{count}",
                f"{middle.requests:,.0f}",
                f"{middle.server_cores:.2f}",
                f"{middle.database_cores:.2f}",
                f"{middle.load_cores:.2f}",
                f"{middle.requests / middle.server_cores:,.0f}",
                f"{middle.requests / middle.database_cores:,.0f}",
            )
        )
    columns = (
        "servers",
        "requests/s",
        "cores, servers",
        "cores, database",
        "cores, load",
        "requests a core, servers",
        "requests a core, database",
    )
    return Table("A guarded page", columns, rows)


def _late_answers(servers: Sequence[Server], cookie: str, changes: int) -> int:
    """Change the first person's session on one server; return how often the other had not heard.

    Each is the one that changes in turn.
    """
    late = 0
    with ExitStack() as stack:
        one, other = (
            stack.enter_context(closing(HTTPConnection("127.0.0.1", server.port)))
            for server in servers
        )
        for number in range(changes):
            action = ("invalidate", "verify")[number % 2]
            changing, asked = (one, other) if number % 4 < 2 else (other, one)
            body = json.dumps({"username": "user1", "secret": _SECRET})
            headers = {"Content-Type": "application/json"}
            if _status(changing, "POST", f"/user/sessions/{action}", body, headers) != 200:
                msg = f"The session was not changed: {action}."
                raise RuntimeError(msg)
            status = _status(asked, "GET", PATH, None, {"Cookie": cookie})
            late += status != _ANSWERS[action]
    return late


def _status(
    connection: HTTPConnection, method: str, path: str, body: str | None, headers: dict[str, str]
) -> int:
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status
