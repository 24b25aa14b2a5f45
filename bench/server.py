"""Servers in processes of their own, and what those processes use."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

#: The folder of the project.
PROJECT = Path(__file__).parent.parent
#: Seconds until a server that does not answer is given up.
_PATIENCE = 60


@dataclass(frozen=True)
class Server:
    """A running server."""

    port: int
    pid: int


def cpu_of(pid: int) -> float:
    """Return how many seconds of a core a process and those below it have used."""
    return sum(sum(process.cpu_times()[:2]) for process in _family(pid))


def memory_of(pid: int) -> int:
    """Return how many bytes of memory belong to a process and those below it alone."""
    return sum(process.memory_full_info().uss for process in _family(pid))


def peak_memory_of(pid: int) -> int:
    """Return the most bytes of memory that a process and those below it have had, each at its time.

    What they share counts for each.
    """
    statuses = [Path(f"/proc/{process.pid}/status").read_text() for process in _family(pid)]
    return sum(1024 * int(status.split("VmHWM:")[1].split()[0]) for status in statuses)


def memory_of_workers(pid: int, but: Path | None = None) -> list[int]:
    """Return how many bytes of memory each process below this one has.

    What it shares with others counts as its share: a half, if there is one other. A file that is
    left out is one that the processes look into where the system has it in its cache anyway.
    """
    return [
        sum(part.pss for part in process.memory_maps() if part.path != str(but))
        for process in psutil.Process(pid).children()
    ]


def _family(pid: int) -> list[psutil.Process]:
    main = psutil.Process(pid)
    return [main, *main.children(recursive=True)]


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody serves on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def served(
    factory: str,
    environment: Mapping[str, str],
    folder: Path,
    path: str,
    *,
    threads: int,
    workers: int = 1,
    interface: str = "wsgi",
) -> Iterator[Server]:
    """Yield a server of an application: so many workers, each with so many threads.

    `interface` is wsgi or asgi. `factory` is ``module:function``, and `path` is what answers once
    it is up.
    """
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", interface, "--factory", factory]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", str(workers)]
    if interface == "wsgi":
        command += ["--blocking-threads", str(threads)]
    command += ["--log-level", "warning"]
    with started(command, environment, folder / f"{port}.log") as process:
        wait_until_it_answers(port, path, process)
        yield Server(port, process.pid)


@contextmanager
def timapp_run(environment: Mapping[str, str], folder: Path, *options: str) -> Iterator[Server]:
    """Yield the server that `timapp run` starts, with nothing but these options added to it."""
    port = free_port()
    command = [sys.executable, "-m", "timApp.cli", "run", "--port", str(port), *options]
    with started(command, environment, folder / f"{port}.log") as process:
        wait_until_it_answers(port, "/login", process)
        yield Server(port, process.pid)


@contextmanager
def started(
    command: Sequence[str], environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Yield a process, which writes to the log, and end it and those below it."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=PROJECT,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    except BaseException as error:
        error.add_note(f"The log of the server:\n{log.read_text()[-4000:]}")
        raise
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_until_it_answers(port: int, path: str, process: subprocess.Popen[bytes]) -> None:
    """Return once the server answers anything; `RuntimeError` if it ends or does not."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
        try:
            connection.request("GET", path)
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            time.sleep(0.01)
        else:
            return
        finally:
            connection.close()
    msg = "The server does not answer."
    raise RuntimeError(msg)
