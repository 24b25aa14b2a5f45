"""People before the blocked page, played by a process of its own.

`python -m bench.waiters` reads from its standard input who waits, and does what the page's script
does: it asks for the session's state in the same rhythm, renews the code on the page, and goes to
the document when the session is valid. It writes a line when all have their blocked page, and one
with what came of it at the end. `Waiters` starts it.
"""

import asyncio
import json
import random
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import timApp.ui
from bench.http import Connection, get, with_cookie

_PAGE = "text/html,*/*;q=0.8"
_STATE = "/user/sessions/state"
#: Seconds after which an answer does not come any more.
_PATIENCE = 60
_BLOCKED = 490
_OK = 200
_RENEW = re.compile(rb'data-renew-seconds="(\d+)"')
_PAUSE = re.compile(r"for \(;;\) \{\n +await pause\((\d+(?:\.\d+)?)\);")
_JITTER = re.compile(r"\((\d+\.\d+) \+ (\d+\.\d+) \* Math\.random\(\)\)")


@dataclass(frozen=True)
class Rhythm:
    """The pauses of the page's script, in seconds."""

    shortest: float
    longest: float

    @property
    def mean(self) -> float:
        """The pause between two questions, on the average."""
        return (self.shortest + self.longest) / 2

    def pause(self) -> float:
        """Return the next one."""
        return random.uniform(self.shortest, self.longest)


def rhythm_of_the_page() -> Rhythm:
    """Return the rhythm that the script has now."""
    script = (Path(timApp.ui.__file__).parent / "static" / "watch.js").read_text()
    pause, jitter = _PAUSE.search(script), _JITTER.search(script)
    if pause is None or jitter is None:
        msg = "static/watch.js has changed: the rhythm is not to be found in it."
        raise RuntimeError(msg)
    mean, least, more = float(pause[1]), float(jitter[1]), float(jitter[2])
    return Rhythm(mean * least, mean * (least + more))


class Waiters:
    """The process; `with` starts and, if need be, ends it."""

    def __init__(self, port: int, cookies: Sequence[str], path: str, arrive_within: float) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.waiters"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin is not None
        task = _Task(port, list(cookies), path, arrive_within)
        self._process.stdin.write(json.dumps(asdict(task)))
        self._process.stdin.close()

    def __enter__(self) -> "Waiters":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def wait_until_blocked(self) -> None:
        """Return when everybody has the blocked page."""
        self._line()

    def moments(self) -> list[float]:
        """Return when each was back at the document, on the clock `time.monotonic`."""
        back: list[float] = json.loads(self._line())
        return back

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            msg = "The process with those who wait has failed."
            raise RuntimeError(msg)
        return line


@dataclass(frozen=True)
class _Task:
    port: int
    cookies: list[str]
    path: str
    arrive_within: float


class _Hall:
    def __init__(self, task: _Task) -> None:
        self._task = task
        self._rhythm = rhythm_of_the_page()
        self._blocked = 0

    async def run(self) -> list[float]:
        return await asyncio.gather(*(self._wait(cookie) for cookie in self._task.cookies))

    async def _wait(self, cookie: str) -> float:
        document = get(self._task.path, cookie, _PAGE)
        state = get(_STATE, cookie)
        await asyncio.sleep(random.uniform(0, self._task.arrive_within))
        connection = Connection(self._task.port)
        renew_every = _renewal(await _ask(connection, document))
        document, state = _with_newest(connection, document, state)
        # As if the hall had been waiting for long: not all renew at the same time.
        renew_at = time.monotonic() + random.uniform(0, renew_every)
        self._blocked += 1
        if self._blocked == len(self._task.cookies):
            print("blocked", flush=True)
        while True:
            await asyncio.sleep(self._rhythm.pause())
            code, body = await _ask(connection, state)
            document, state = _with_newest(connection, document, state)
            if code != _OK:
                msg = f"{_STATE} answered {code}"
                raise RuntimeError(msg)
            if json.loads(body)["standing"] == "valid":
                break
            if time.monotonic() > renew_at:
                renew_at = time.monotonic() + renew_every
                await _ask(connection, document)  # the document itself, if verified by now
                document, state = _with_newest(connection, document, state)
        code, _ = await _ask(connection, document)
        if code != _OK:
            msg = f"{self._task.path} answered {code}"
            raise RuntimeError(msg)
        connection.close()
        return time.monotonic()


def _with_newest(connection: Connection, *requests: bytes) -> list[bytes]:
    """Return the requests with the cookie of the last answer, if that has set one."""
    cookie = connection.cookie
    return [one if cookie is None else with_cookie(one, cookie) for one in requests]


async def _ask(connection: Connection, request: bytes) -> tuple[int, bytes]:
    try:
        async with asyncio.timeout(_PATIENCE):
            return await connection.ask(request)
    except TimeoutError:
        msg = f"no answer within {_PATIENCE} s: {request[:80]!r}"
        raise RuntimeError(msg) from None


def _renewal(answer: tuple[int, bytes]) -> float:
    """Return after how many seconds the code on the blocked page is to be renewed."""
    status, body = answer
    found = _RENEW.search(body)
    if status != _BLOCKED or found is None:
        msg = f"no blocked page, but {status}: {body[-900:]!r}"
        raise RuntimeError(msg)
    return float(found[1])


def _main() -> None:
    task = _Task(**json.load(sys.stdin))
    print(json.dumps(asyncio.run(_Hall(task).run())), flush=True)


if __name__ == "__main__":
    _main()
