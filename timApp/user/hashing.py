"""Where password hashes are computed: in few threads, which take what readers leave of the cores.

A hash takes a core for some 20 ms and 19 MiB of memory, so a thousand people who log in at once
must wait for each other, and nobody else for them. They wait in the order in which they come, not
by address: a hall behind one address has a thousand of them. But whoever has given a wrong password
before lets the others go first, and has every eighth turn, so that they get there too.
"""

import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from timApp.util.errors import Busy
from timApp.util.turns import turn_given

_Result = TypeVar("_Result")

#: Who may wait for a hash in one process, those included whose hash is being computed: a hall of
#: people who log in at once. Each holds a thread of the server meanwhile, which must have more.
WAITING_MAX = 1000
#: Of so many turns, one is of those who let the others go first.
_TURNS_OF_ONE = 8
#: How much lower the priority is than that of whoever answers readers, who take a core first.
_NICENESS = 10
#: Seconds after which whoever was refused may try again.
_RETRY_AFTER = 10


class _Queue:
    """What is to be computed, and who comes next."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._turns = 0
        self._first: deque[Callable[[], None]] = deque()
        self._behind: deque[Callable[[], None]] = deque()

    def add(self, work: Callable[[], None], *, goes_behind: bool) -> None:
        with self._mutex:
            (self._behind if goes_behind else self._first).append(work)

    def do_next(self) -> None:
        with self._mutex:
            self._turns += 1
            one, other = self._first, self._behind
            if self._turns % _TURNS_OF_ONE == 0:
                one, other = other, one
            work = (one or other).popleft()
        work()


class _Hashers:
    """The threads of this process that compute hashes, and the queue before them."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._executor = ThreadPoolExecutor(threads, "hash passwords", _lower_priority)
        self._places = threading.BoundedSemaphore(WAITING_MAX)
        self._queue = _Queue()

    def run(self, work: Callable[[], _Result], *, goes_behind: bool) -> _Result:
        if not self._places.acquire(blocking=False):
            raise Busy(
                "Too many people are logging in just now. Try again in a while.",
                retry_after=_RETRY_AFTER,
            )
        try:
            result: Future[_Result] = Future()
            with turn_given():
                self._queue.add(partial(_do, work, result), goes_behind=goes_behind)
                self._executor.submit(self._queue.do_next)
                return result.result()
        finally:
            self._places.release()


def _do(work: Callable[[], Any], result: "Future[Any]") -> None:
    try:
        result.set_result(work())
    except BaseException as error:
        result.set_exception(error)


def _lower_priority() -> None:
    if sys.platform == "linux":  # only there threads have priorities of their own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


_hashers = _Hashers(threads=1)


def use_threads(threads: int) -> None:
    """Compute a number of hashes at a time in this process; one, if nobody calls this.

    To be called before there is anything to compute.
    """
    global _hashers  # noqa: PLW0603 - threads belong to a process
    _hashers = _Hashers(threads)


def hashes_queued() -> int:
    """Return how many hashes are being computed in this process, or wait to be."""
    return WAITING_MAX - _hashers._places._value


def computed(work: Callable[[], _Result], *, goes_behind: bool = False) -> _Result:
    """Return what the work returns, or raise what it raises, when its turn has come.

    `goes_behind` lets others go first. `Busy` at once if `WAITING_MAX` wait already.
    """
    return _hashers.run(work, goes_behind=goes_behind)


if hasattr(os, "register_at_fork"):
    # Threads stay behind in the parent.
    os.register_at_fork(after_in_child=lambda: use_threads(_hashers.threads))
