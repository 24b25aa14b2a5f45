"""Load on a server, made by a process of its own: as much as it takes, or so much a second.

`python -m bench.load` reads what to do from its standard input, and writes what came of it; `start`
starts it. `bench.browsers` says what is asked.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import cycle

from bench.http import Connection, with_cookie
from bench.measure import percentile


@dataclass(frozen=True)
class Load:
    """What to ask, in turn; without a rate, each connection asks without pause."""

    port: int
    requests: list[str]
    seconds: float
    connections: int
    #: Requests a second, whether the server keeps up or not; latencies count from when each is due.
    rate: float | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of it; latencies are in seconds."""

    rate: float
    p50: float
    p95: float
    p99: float
    #: The requests as they are now, each with the cookie that it was given last.
    requests: list[str]


def outcome_of_load(load: Load) -> Outcome:
    """Return what came of a load; `RuntimeError` if any answer was not 200."""
    with start(load) as process:
        return outcome_of(process)


def start(load: Load) -> subprocess.Popen[str]:
    """Start the process; `outcome_of` waits for it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.load"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(asdict(load)))
    process.stdin.close()
    return process


def outcome_of(process: subprocess.Popen[str]) -> Outcome:
    """Return what came of a load; `RuntimeError` if any answer was not 200."""
    assert process.stdout is not None
    written = process.stdout.read()
    if process.wait() != 0:
        msg = "The load has failed."
        raise RuntimeError(msg)
    return Outcome(**json.loads(written))


def _texts(requests: Sequence[bytes]) -> list[str]:
    return [request.decode() for request in requests]


class _Generator:
    def __init__(self, load: Load) -> None:
        self._load = load
        self._requests = [request.encode() for request in load.requests]
        self._turns = cycle(range(len(self._requests)))
        self._latencies: list[float] = []
        self._idle: list[Connection] = []

    async def run(self) -> Outcome:
        begun = time.perf_counter()
        if self._load.rate is None:
            deadline = begun + self._load.seconds
            await asyncio.gather(
                *(self._ask_until(deadline) for _ in range(self._load.connections))
            )
        else:
            await self._keep_rate(begun, self._load.rate)
        seconds = time.perf_counter() - begun
        times = self._latencies
        return Outcome(
            len(times) / seconds,
            percentile(times, 0.5),
            percentile(times, 0.95),
            percentile(times, 0.99),
            _texts(self._requests),
        )

    async def _ask_until(self, deadline: float) -> None:
        connection = Connection(self._load.port)
        while time.perf_counter() < deadline:
            await self._ask(connection, time.perf_counter())
        connection.close()

    async def _keep_rate(self, begun: float, rate: float) -> None:
        asked = []
        for number in range(int(self._load.seconds * rate)):
            due = begun + number / rate
            await asyncio.sleep(due - time.perf_counter())
            asked.append(asyncio.create_task(self._ask_when_due(due)))
        await asyncio.gather(*asked)

    async def _ask_when_due(self, due: float) -> None:
        connection = self._idle.pop() if self._idle else Connection(self._load.port)
        await self._ask(connection, due)
        self._idle.append(connection)

    async def _ask(self, connection: Connection, begun: float) -> None:
        turn = next(self._turns)
        status, body = await connection.ask(self._requests[turn])
        if connection.cookie is not None:
            # As browsers do, which send from then on what they were given last.
            self._requests[turn] = with_cookie(self._requests[turn], connection.cookie)
        if status != 200:
            msg = f"answered {status}: {body[:300]!r}"
            raise RuntimeError(msg)
        self._latencies.append(time.perf_counter() - begun)


def _main() -> None:
    load = Load(**json.load(sys.stdin))
    json.dump(asdict(asyncio.run(_Generator(load).run())), sys.stdout)


if __name__ == "__main__":
    _main()
