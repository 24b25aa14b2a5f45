"""Clients that begin requests and never end them, played by a process of its own.

`python -m bench.unfinished` reads from its standard input how many begin each second and for how
long, and writes at the end how many were answered 408.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from bench.http import Statuses

_BEGINNINGS = (
    b"GET /login HTTP/1.1\r\nHost: localhost\r\nX-Unfinished: ",
    b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{",
)
#: Seconds after which an answer does not come any more.
_PATIENCE = 60


@dataclass(frozen=True)
class Siege:
    """How many clients begin, and when."""

    port: int
    each_second: int
    seconds: float


@dataclass
class Unfinished:
    """Clients at work; `refused` counts those that were told 408, once all have begun and ended."""

    begun: int = 0
    refused: int = 0


@contextmanager
def unfinished(siege: Siege) -> Iterator[Unfinished]:
    """Let clients begin, and wait for what becomes of them at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.unfinished"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        json.dump(asdict(siege), process.stdin)
        process.stdin.close()
        clients = Unfinished()
        yield clients
        told = json.loads(process.stdout.read())
    clients.begun, clients.refused = told["begun"], told["refused"]


async def _besiege(siege: Siege) -> dict[str, int]:
    statuses = Statuses()
    clients = []
    for number in range(round(siege.each_second * siege.seconds)):
        clients.append(asyncio.create_task(_begin(siege.port, number, statuses)))
        await asyncio.sleep(1 / siege.each_second)
    await asyncio.wait_for(asyncio.gather(*clients), _PATIENCE)
    return {"begun": len(clients), "refused": statuses.counts.get(408, 0)}


async def _begin(port: int, number: int, statuses: Statuses) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(_BEGINNINGS[number % len(_BEGINNINGS)])
    line = await reader.read()
    statuses.add(int(line[9:12] or 0))
    writer.close()


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_besiege(Siege(**json.load(sys.stdin))))))
