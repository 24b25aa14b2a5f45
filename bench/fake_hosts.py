"""Other hosts, all played by one process: each on a port of its own.

`python -m bench.fake_hosts` is told how each of them behaves, and prints their ports; `fake_hosts`
starts it.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

#: A host that takes requests and never answers.
HANGING = -1.0
_BODY = b'{"status": "ok"}'
_ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
    + str(len(_BODY)).encode()
    + b"\r\n\r\n"
    + _BODY
)


@contextmanager
def fake_hosts(delays: Sequence[float]) -> Iterator[list[int]]:
    """Yield the ports of hosts that answer after these seconds."""
    command = [sys.executable, "-m", "bench.fake_hosts", json.dumps(list(delays))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ports: list[int] = json.loads(process.stdout.readline())
        try:
            yield ports
        finally:
            process.terminate()


async def _answer(delay: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                line for line in head.lower().splitlines() if line.startswith(b"content-length:")
            )
            await reader.readexactly(int(length.split(b":")[1]))
            if delay == HANGING:
                await reader.read()
                break
            await asyncio.sleep(delay)
            writer.write(_ANSWER)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass  # who asked has gone
    finally:
        writer.close()


async def _play(delays: Sequence[float]) -> None:
    servers = [
        await asyncio.start_server(partial(_answer, delay), "127.0.0.1", 0) for delay in delays
    ]
    ports = [server.sockets[0].getsockname()[1] for server in servers]
    print(json.dumps(ports), flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(_play(json.loads(sys.argv[1])))
