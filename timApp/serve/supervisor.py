"""The process above the workers: it starts them, and replaces those that die or do nothing."""

import logging
import math
import mmap
import multiprocessing
import os
import signal
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess

_log = logging.getLogger(__name__)

#: What a worker does until it is told to stop, given its number and what it calls now and then.
Work = Callable[[int, Callable[[], None]], None]

#: Seconds without a sign of life after which a worker counts as frozen: longer than SQLite may keep
#: it (`timApp.serve.standing.looks`).
_FROZEN = 12.0
#: Seconds that a worker has to give its first.
_SLOW_START = 60.0
#: Seconds to wait before a worker is started that ended soon after its start: at first, at most.
_PAUSE_MIN, _PAUSE_MAX = 0.1, 2.0
#: Seconds after which a worker that ended has not ended soon.
_GOOD_RUN = 10.0
#: Seconds between two looks at the workers.
_LOOK = 0.5
_SOON = 0.02
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
#: Lets a worker read the options again. A terminal sends SIGHUP to all processes, and this to none.
RELOAD = signal.SIGUSR1
_BEAT = struct.Struct("d")


@dataclass
class _Place:
    """A worker, or the place of one that is to be started."""

    number: int
    process: BaseProcess | None = None
    started_at: float = -math.inf
    #: When the next one may be started.
    start_at: float = -math.inf
    pause: float = 0.0


class Supervisor:
    """Keeps a number of workers running until a signal to stop.

    It never gives up: a site that answers now and then is better than one that does not.
    """

    def __init__(
        self,
        count: int,
        work: Work,
        *,
        ready: Callable[[], None],
        stopping: Callable[[], None],
        stop_seconds: float,
        reload: Callable[[], bool],
    ) -> None:
        """Take how many there are, and what they do.

        `ready` is called once the first of them is, also if it is to stop by then; `stopping` when
        they are told to end, which they have to do within so many seconds.
        At SIGHUP, `reload` is called and tells whether the workers are to follow, with the signal
        `RELOAD`.
        """
        self._work = work
        self._ready = ready
        self._stopping = stopping
        self._stop_seconds = stop_seconds
        self._reload = reload
        self._places = [_Place(number) for number in range(count)]
        # Shared with the workers, each of which writes down when it was last alive.
        self._beats = mmap.mmap(-1, count * _BEAT.size)
        self._processes = multiprocessing.get_context("fork")
        self._is_stopping = False
        self._is_ready = False
        self._is_to_reload = False

    def run(self) -> None:
        """Run the workers; return when all have ended after a signal to stop."""
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        previous = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        for number in _STOP_SIGNALS:
            signal.signal(number, self._stop)
        # A worker has none of its own at first, and is not to end by it.
        signal.signal(RELOAD, signal.SIG_IGN)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as it is after nohup
            # Closing the terminal stops the server, as it does any other program.
            signal.signal(signal.SIGHUP, self._stop if _has_terminal() else self._note_reload)
        try:
            while not self._is_stopping:
                self._reload_if_told()
                for place in self._places:
                    self._look_at(place)
                self._announce()
                sentinels = [place.process.sentinel for place in self._places if place.process]
                wait([reading, *sentinels], _LOOK if self._is_ready else _SOON)
            self._announce()  # it may have answered already, between two looks
            self._end_all()
        finally:
            signal.set_wakeup_fd(previous)
            os.close(reading)
            os.close(writing)

    def _stop(self, *_: object) -> None:
        self._is_stopping = True

    def _note_reload(self, *_: object) -> None:
        self._is_to_reload = True

    def _reload_if_told(self) -> None:
        """Reload, and let the workers follow; one that is started later has it all already."""
        if not self._is_to_reload:
            return
        self._is_to_reload = False
        if self._reload():
            for place in self._places:
                if place.process is not None and place.process.pid is not None:
                    with suppress(ProcessLookupError):  # it has just ended
                        os.kill(place.process.pid, RELOAD)

    def _announce(self) -> None:
        if not self._is_ready and any(self._last_beat(place) for place in self._places):
            self._is_ready = True
            self._ready()

    def _look_at(self, place: _Place) -> None:
        """Replace a worker that has ended or is frozen; start one whose time has come."""
        now = time.monotonic()
        process = place.process
        if process is not None:
            last = self._last_beat(place)
            patience = _FROZEN if last else _SLOW_START
            if process.is_alive() and now - max(last, place.started_at) > patience:
                _log.error("Worker %d does nothing any more, and is replaced.", process.pid)
                process.kill()
                process.join()
            if not process.is_alive():
                self._bury(place, process)
        if place.process is None and now >= place.start_at:
            self._start(place)

    def _bury(self, place: _Place, process: BaseProcess) -> None:
        _log.error("Worker %d ended (%s) and is replaced.", process.pid, process.exitcode)
        process.close()
        place.process = None
        now = time.monotonic()
        if now - place.started_at > _GOOD_RUN:
            place.pause = 0.0
        place.start_at = now + place.pause
        place.pause = min(max(2 * place.pause, _PAUSE_MIN), _PAUSE_MAX)

    def _start(self, place: _Place) -> None:
        _BEAT.pack_into(self._beats, place.number * _BEAT.size, 0.0)
        place.started_at = time.monotonic()
        place.process = self._processes.Process(
            target=self._run_worker, args=(place.number,), name=f"worker {place.number}"
        )
        place.process.start()

    def _run_worker(self, number: int) -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # until the worker has one of its own
        self._work(number, lambda: self._beat(number))

    def _beat(self, number: int) -> None:
        _BEAT.pack_into(self._beats, number * _BEAT.size, time.monotonic())

    def _last_beat(self, place: _Place) -> float:
        beat: float = _BEAT.unpack_from(self._beats, place.number * _BEAT.size)[0]
        return beat

    def _end_all(self) -> None:
        self._stopping()
        processes = [place.process for place in self._places if place.process]
        for process in processes:
            process.terminate()
        end = time.monotonic() + self._stop_seconds
        for process in processes:
            process.join(max(0.0, end - time.monotonic()))
            if process.is_alive():
                process.kill()
                process.join()


def _has_terminal() -> bool:
    """Tell whether the process has a terminal, which may be closed."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR))
    except OSError:
        return False
    return True
