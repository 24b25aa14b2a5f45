"""People who log in, each with a browser of their own, played by a process of its own.

`python -m bench.rush` reads from its standard input who logs in and within how many seconds, and
writes what came of it; the function `log_in` starts it.
"""

import asyncio
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass

from bench.http import Connection
from bench.measure import percentile


@dataclass(frozen=True)
class Arrivals:
    """How many come; their names are user1, user2, ..."""

    port: int
    people: int
    password: str
    #: Seconds over which they are spread evenly; 0: all come at once.
    within: float


@dataclass(frozen=True)
class Admission:
    """What came of it, in seconds; each waits from when they came to the end of the answer."""

    #: From the first one who came to the last one who was let in.
    seconds: float
    p50: float
    longest: float


def log_in(arrivals: Arrivals) -> Admission:
    """Return when all are in; `RuntimeError` if any answer was not 200."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.rush"],
        input=json.dumps(asdict(arrivals)),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        msg = "Not all have been let in."
        raise RuntimeError(msg)
    return Admission(**json.loads(done.stdout))


def login_request(person: int, password: str) -> bytes:
    """Return the login of user1, user2 and so on as it goes over the wire."""
    body = json.dumps({"username": f"user{person}", "password": password})
    lines = [
        "POST /login HTTP/1.1",
        "Host: 127.0.0.1",
        "Accept: application/json",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "User-Agent: Firefox",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


async def _all_in(arrivals: Arrivals) -> Admission:
    begun = time.perf_counter()

    async def one(person: int) -> float:
        due = begun + arrivals.within * (person - 1) / arrivals.people
        await asyncio.sleep(due - time.perf_counter())
        connection = Connection(arrivals.port)
        status, body = await connection.ask(login_request(person, arrivals.password))
        if status != 200:
            msg = f"answered {status}: {body[:300]!r}"
            raise RuntimeError(msg)
        connection.close()
        return time.perf_counter() - due

    waits = await asyncio.gather(*(one(person) for person in range(1, arrivals.people + 1)))
    return Admission(time.perf_counter() - begun, percentile(waits, 0.5), max(waits))


def _main() -> None:
    arrivals = Arrivals(**json.load(sys.stdin))
    json.dump(asdict(asyncio.run(_all_in(arrivals))), sys.stdout)


if __name__ == "__main__":
    _main()
