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
from contextlib import closing
from dataclasses import replace

from bench.fake_hosts import HANGING, fake_hosts
from bench.measure import Contestant, interleaved
from bench.report import Section, at_most, compared
from bench.run import SQLITE, Run
from bench.server import free_port
from timApp.app import create_app
from timApp.auth.site import current_site, db
from timApp.net.call import Call, call_hosts
from timApp.net.network import Host
from timApp.net.note import ChangeNote
from timApp.util.stamp import next_stamp

TITLE = "Many hosts"
_PATH = "/user/sessions/verify"
_DEAD, _HANGING = 5, 2
#: Seconds after which a host answers that is near; and until one that answers late is given up.
_SOON, _PATIENCE = 0.02, 10
_FLOOR, _ALL = "the slowest host alone", "all of them"


def measure(run: Run, section: Section) -> None:
    """Measure hosts that answer soon or late, and some that do not."""
    hosts = run.choose(8, 50, 50)
    options = {
        "INSTANCE_PATH": str(run.new_folder("instance")),
        "SECRET_KEY": "a key of the bench",
        "DIST_RIGHTS_SEND_SECRET": "a secret that is long enough for anything",
    }
    with run.database(SQLITE) as url, create_app({"DATABASE_URL": url, **options}).app_context():
        _measure_answering(hosts, _SOON, 2.2, run.choose(1, 10, 51), section)
        _measure_answering(hosts, run.choose(0.1, 0.3, 1.0), 1.05, run.choose(1, 1, 11), section)
        _measure_failing(hosts, run.choose(0.3, 0.3, 1.0), run.choose(1, 1, 11), section)
        db.engine.dispose()


def _measure_answering(
    hosts: int, delay: float, limit: float, rounds: int, section: Section
) -> None:
    with fake_hosts([delay] * hosts) as ports, closing(_connection(ports[0])) as held:
        everybody = _asking_all(ports, _PATIENCE, failing=0)
        series = interleaved({_FLOOR: _asking_one(held), _ALL: everybody}, rounds)
    name = f"{hosts} answer in {delay * 1000:g} ms"
    ratio = series[_ALL].ratio_to(series[_FLOOR])
    section.goals.append(at_most(f"{name}: all / one", ratio, limit))
    section.tables.append(compared(name, series, _FLOOR, "ms", 1e3))


def _measure_failing(hosts: int, deadline: float, rounds: int, section: Section) -> None:
    answering = [_SOON] * (hosts - _DEAD - _HANGING)
    with fake_hosts(answering + [HANGING] * _HANGING) as ports:
        dead = [free_port() for _ in range(_DEAD)]
        everybody = _asking_all(ports + dead, deadline, failing=_DEAD + _HANGING)
        series = interleaved({_ALL: everybody}, rounds)
    name = f"{_DEAD} of {hosts} are dead and {_HANGING} hang"
    took = series[_ALL].median / deadline
    section.goals.append(at_most(f"{name}: all / the deadline", took, 1.05))


def _connection(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port)


def _asking_one(connection: http.client.HTTPConnection) -> Contestant:
    body = json.dumps({"username": "user1"})

    def ask() -> float:
        begun = time.perf_counter()
        connection.request("POST", _PATH, body)
        connection.getresponse().read()
        return time.perf_counter() - begun

    return ask


def _asking_all(ports: Sequence[int], deadline: float, failing: int) -> Contestant:
    hosts = [Host(f"http://127.0.0.1:{port}") for port in ports]
    network = replace(current_site().network, timeout=deadline)

    def ask() -> float:
        note = ChangeNote(next_stamp(None))
        calls = [Call(host, _PATH, {"username": "user1"}, note) for host in hosts]
        begun = time.perf_counter()
        replies = call_hosts(network, db.engine, calls)
        seconds = time.perf_counter() - begun
        errors = [reply.error for reply in replies if reply.error is not None]
        if len(errors) != failing:
            msg = f"{len(errors)} hosts failed: {errors}"
            raise RuntimeError(msg)
        return seconds

    return ask
