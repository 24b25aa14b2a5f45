"""Fifty hosts at once.

`call_hosts`, as a verification that is passed on uses it, against the slowest host alone, asked by
a plain client of the standard library over a connection that is held. The hosts are played by
another process. The dead have no server on their port; the hanging take the request and never
answer, and cost their deadline.
"""

import http.client
import json
import time
from collections.abc import Sequence

from bench.fake_hosts import HANGING, fake_hosts
from bench.measure import Contestant, interleaved
from bench.report import Section, at_most, compared
from bench.run import SQLITE, Run
from bench.server import free_port
from timApp.app import create_app
from timApp.hosts.call import Call, call_hosts
from timApp.hosts.changenote import ChangeNote
from timApp.hosts.network import Host
from timApp.timdb.sqa import db
from timApp.util.stamp import next_stamp

TITLE = "Many hosts"
_PATH = "/user/sessions/verify"
_FLOOR, _ALL = "the slowest host alone", "all of them"


def measure(run: Run, section: Section) -> None:
    """Measure hosts that answer soon or late, and some that do not."""
    hosts = run.choose(8, 50, 50)
    deadline = run.choose(0.3, 1.0, 1.0)
    soon, late = 0.02, run.choose(0.1, 1.0, 1.0)
    app = {
        "INSTANCE_PATH": str(run.new_folder("instance")),
        "SECRET_KEY": "a key",
        "DIST_RIGHTS_SEND_SECRET": "a secret that is long enough for anything",
    }
    with run.database(SQLITE) as url, create_app({"DATABASE_URL": url, **app}).app_context():
        for name, delay, limit, rounds in (
            (f"{hosts} answer in {soon * 1000:g} ms", soon, 2.2, run.choose(1, 10, 51)),
            (f"{hosts} answer in {late:g} s", late, 1.05, run.choose(1, 2, 11)),
        ):
            with fake_hosts([delay] * hosts) as ports:
                series = interleaved(
                    {_FLOOR: _asking_one(ports[0]), _ALL: _asking_all(ports, 10 * late, 0)},
                    rounds,
                )
            section.goals.append(
                at_most(f"{name}: all / one", series[_ALL].ratio_to(series[_FLOOR]), limit)
            )
            section.tables.append(compared(name, series, _FLOOR, "ms", 1e3))
        dead, hanging = [free_port() for _ in range(5)], 2
        delays = [soon] * (hosts - len(dead) - hanging) + [HANGING] * hanging
        with fake_hosts(delays) as ports:
            series = interleaved(
                {_ALL: _asking_all(ports + dead, deadline, len(dead) + hanging)},
                run.choose(1, 2, 11),
            )
        name = f"{len(dead)} of {hosts} are dead and {hanging} hang"
        section.goals.append(
            at_most(f"{name}: all / the deadline", series[_ALL].median / deadline, 1.05)
        )
        db.engine.dispose()


def _asking_one(port: int) -> Contestant:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    body = json.dumps({"username": "user1"})

    def ask() -> float:
        begun = time.perf_counter()
        connection.request("POST", _PATH, body)
        connection.getresponse().read()
        return time.perf_counter() - begun

    return ask


def _asking_all(ports: Sequence[int], deadline: float, failing: int) -> Contestant:
    hosts = [Host(f"http://127.0.0.1:{port}") for port in ports]

    def ask() -> float:
        note = ChangeNote(next_stamp(None))
        calls = [Call(host, _PATH, {"username": "user1"}, note) for host in hosts]
        begun = time.perf_counter()
        replies = call_hosts(calls, deadline)
        seconds = time.perf_counter() - begun
        errors = [reply.error for reply in replies if reply.error is not None]
        if len(errors) != failing:
            msg = f"{len(errors)} hosts failed: {errors}"
            raise RuntimeError(msg)
        return seconds

    return ask
