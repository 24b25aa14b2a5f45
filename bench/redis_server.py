"""A Redis server for the time of a measurement."""

import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.server import free_port, started

_ATTEMPTS = 200


@contextmanager
def redis_server(folder: Path) -> Iterator[int | None]:
    """Yield the port of a server that keeps everything in memory; None if there is no Redis."""
    program = shutil.which("redis-server")
    if program is None:
        yield None
        return
    port = free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir"]
    with started([*command, str(folder)], {}, folder / "redis.log"):
        _wait_until_it_answers(port)
        yield port


def _wait_until_it_answers(port: int) -> None:
    for _ in range(_ATTEMPTS):
        try:
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(b"PING\r\n")
                if connection.recv(64).startswith(b"+PONG"):
                    return
        except OSError:
            pass  # nobody listens yet
        time.sleep(0.05)
    msg = "Redis does not answer."
    raise RuntimeError(msg)
