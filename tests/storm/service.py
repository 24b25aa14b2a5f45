"""`timapp run` as whoever looks after it sees it: processes that are killed, and started again."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from tests.live import PROJECT, eventually, free_port

#: Seconds until a server that does not answer, or does not end, is given up.
PATIENCE = 60


class Service:
    """One server on one port, over all its starts; its log grows."""

    def __init__(self, environment: Mapping[str, str], folder: Path, workers: int) -> None:
        self.port = free_port()
        self.log = folder / "server.log"
        self._environment = environment
        self.worker_count = workers
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The parent's number."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the parent is there."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it, and return once it listens."""
        command = [sys.executable, "-m", "timApp.cli", "run", "--port", str(self.port)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--workers", str(self.worker_count)],
                cwd=PROJECT,
                env=dict(self._environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        eventually(self._listens, PATIENCE)

    def workers(self) -> list[psutil.Process]:
        """Return the processes that answer."""
        with suppress(psutil.NoSuchProcess):
            return list(psutil.Process(self.pid).children())
        return []

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the parent and all that belong to it."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def kill_parent(self) -> None:
        """Kill the parent alone."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(PATIENCE)

    def kill(self) -> None:
        """Kill all of it, and return when nothing of it is left."""
        workers = self.workers()
        self.send(signal.SIGKILL)
        assert self._process is not None
        self._process.wait(PATIENCE)
        assert not still_there(workers, PATIENCE)

    def _listens(self) -> bool | None:
        assert self.is_running, f"The server ended:\n{self.log.read_text()[-4000:]}"
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return None


def still_there(processes: Sequence[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait until the processes have ended, at most for so long; return those that have not.

    One that has ended, and that nobody has asked after, counts as ended.
    """
    left = list(processes)

    def attempt() -> bool | None:
        left[:] = [process for process in left if not _has_ended(process)]
        return None if left else True

    with suppress(AssertionError):
        eventually(attempt, seconds)
    return left


def _has_ended(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    return True
