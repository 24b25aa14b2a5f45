"""The ways in which something is killed, and what whoever looks after the server does then."""

import random
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import psutil  # type: ignore[import-untyped]

from tests.live import eventually
from tests.storm.exchange import Cut
from tests.storm.postgres import OwnPostgreSQL
from tests.storm.service import PATIENCE, Service, still_there
from tests.storm.timing import Cuts, Timing


@dataclass
class Stage:
    """What there is to kill."""

    service: Service
    cuts: Cuts
    timing: Timing
    #: None on SQLite.
    postgres: OwnPostgreSQL | None
    chance: random.Random
    #: Seconds that the server is given to help itself before somebody does.
    patience: float
    #: How often somebody had to: what should have ended or gone on by itself did not.
    helped: int = 0

    def struck(self) -> None:
        """Begin to count the seconds: what is acknowledged from now on was asked after the kill."""
        self.timing.begin()


Kill = Callable[[Stage], None]


def kill_worker(stage: Stage) -> None:
    """Kill one of the processes that answer; the parent has to replace it."""
    worker = _any_worker(stage)
    if worker is not None:
        _signal(worker, signal.SIGKILL)
    stage.struck()


def freeze_worker(stage: Stage) -> None:
    """Stop one of the processes that answer; the parent has to replace it.

    It is let go on if the parent does not.
    """
    frozen = _any_worker(stage)
    if frozen is None:
        return
    _signal(frozen, signal.SIGSTOP)
    stage.struck()
    if still_there([frozen], stage.patience):
        stage.helped += 1
        _signal(frozen, signal.SIGCONT)


def kill_server(stage: Stage) -> None:
    """Kill all processes of the server, and start it again."""
    stage.service.kill()
    stage.struck()
    stage.service.start()


def kill_parent(stage: Stage) -> None:
    """Kill the parent alone, and start it again; its workers have to end by themselves."""
    workers = stage.service.workers()
    stage.service.kill_parent()
    stage.struck()
    left = still_there(workers, stage.patience)
    if left:
        stage.helped += 1
        for worker in left:
            _signal(worker, signal.SIGKILL)
        assert not still_there(left, PATIENCE)
        stage.struck()  # what they answered meanwhile is no recovery
    stage.service.start()


def _cut(cut: Cut, stage: Stage) -> None:
    assert stage.cuts.order(cut), "nobody acts"
    stage.struck()


def _kill_postgres(kill: Callable[[OwnPostgreSQL], None], stage: Stage) -> None:
    assert stage.postgres is not None
    kill(stage.postgres)
    stage.struck()
    stage.postgres.start()


def restart_if_ended(stage: Stage) -> None:
    """Start a server again that ended though it should have gone on."""
    if not stage.service.is_running:
        stage.helped += 1
        stage.service.start()


def _any_worker(stage: Stage) -> psutil.Process | None:
    """Return one of the workers, once all are there; None if the server has ended."""

    def attempt() -> list[psutil.Process] | None:
        found = stage.service.workers()
        is_complete = len(found) == stage.service.worker_count
        return found if is_complete or not stage.service.is_running else None

    found = eventually(attempt)
    return stage.chance.choice(found) if found else None


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return
    if number is signal.SIGSTOP:
        eventually(lambda: True if _is_stopped(process) else None)


def _is_stopped(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_STOPPED)
    except psutil.NoSuchProcess:
        return True


#: The kinds of kills on either database, by what is said of them.
KILLS: dict[str, Kill] = {
    "a worker killed": kill_worker,
    "a worker frozen": freeze_worker,
    "the parent killed": kill_parent,
    "parent and workers killed": kill_server,
    **{f"connection cut {cut.value}": partial(_cut, cut) for cut in Cut},
}
#: Those on PostgreSQL only.
POSTGRESQL_KILLS: dict[str, Kill] = {
    "a backend killed": partial(_kill_postgres, OwnPostgreSQL.kill_backend),
    "the postmaster killed": partial(_kill_postgres, OwnPostgreSQL.kill_postmaster),
    "PostgreSQL restarted at once": partial(_kill_postgres, OwnPostgreSQL.stop_at_once),
}
