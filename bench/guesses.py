"""Clients that try wrong passwords, played by a process of its own.

`python -m bench.guesses` reads from its standard input how many try at a time, whose passwords, and
for how long they go on; it writes at the end how many were looked at, and how many had to wait.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from bench.http import Connection
from bench.rush import login_request

#: Seconds from the first guesses to the moment when all are on their way.
_BEGUN = 0.5


@dataclass(frozen=True)
class Guesses:
    """How many are in flight all the time, of which people in turn, and for how many seconds."""

    port: int
    at_a_time: int
    #: Their numbers.
    people: Sequence[int]
    seconds: float


@dataclass
class Guessed:
    """What came of it; known once all have ended."""

    looked_at: int = 0
    told_to_wait: int = 0


@contextmanager
def guessing(guesses: Guesses) -> Iterator[Guessed]:
    """Let clients guess, and wait for what becomes of them at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.guesses"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        json.dump(asdict(guesses), process.stdin)
        process.stdin.close()
        process.stdout.readline()  # it has begun
        guessed = Guessed()
        yield guessed
        told = json.loads(process.stdout.read())
    guessed.looked_at, guessed.told_to_wait = told.get("403", 0), told.get("429", 0)


async def _guess(guesses: Guesses) -> Counter[str]:
    end = time.monotonic() + guesses.seconds
    statuses: Counter[str] = Counter()

    async def client(number: int) -> None:
        connection = Connection(guesses.port)
        person = guesses.people[number % len(guesses.people)]
        while time.monotonic() < end:
            status, _ = await connection.ask(login_request(person, "a wrong one"))
            statuses[str(status)] += 1
        connection.close()

    async def tell() -> None:
        await asyncio.sleep(_BEGUN)
        print(flush=True)

    await asyncio.gather(tell(), *(client(number) for number in range(guesses.at_a_time)))
    return statuses


def _main() -> None:
    guesses = Guesses(**json.load(sys.stdin))
    json.dump(asyncio.run(_guess(guesses)), sys.stdout)


if __name__ == "__main__":
    _main()
