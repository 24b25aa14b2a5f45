"""Where password hashes are computed: in few threads, which take what readers leave of the cores.

A hash takes a core for some 20 ms and 19 MiB of memory, so a thousand people who log in at once
must wait for each other, and nobody else for them.
"""

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from timApp.util.errors import Busy
from timApp.util.turns import turn_given

_Result = TypeVar("_Result")

#: Who may wait for a hash in one process, those included whose hash is being computed: a hall of
#: people who log in at once. Each holds a thread of the server meanwhile, which must have more.
WAITING_MAX = 1000
#: How much lower the priority is than that of whoever answers readers, who take a core first.
_NICENESS = 10
#: Seconds after which whoever was refused may try again.
_RETRY_AFTER = 10


class _Hashers:
    """The threads of this process that compute hashes, and the queue before them."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._executor = ThreadPoolExecutor(threads, "hash passwords", _lower_priority)
        self._places = threading.BoundedSemaphore(WAITING_MAX)

    def run(self, work: Callable[[], _Result]) -> _Result:
        if not self._places.acquire(blocking=False):
            raise Busy(
                "Too many people are logging in just now. Try again in a while.",
                retry_after=_RETRY_AFTER,
            )
        try:
            with turn_given():
                return self._executor.submit(work).result()
        finally:
            self._places.release()


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


def computed(work: Callable[[], _Result]) -> _Result:
    """Return what the work returns, or raise what it raises, when its turn has come.

    `Busy` at once if `WAITING_MAX` wait already.
    """
    return _hashers.run(work)


if hasattr(os, "register_at_fork"):
    # Threads stay behind in the parent.
    os.register_at_fork(after_in_child=lambda: use_threads(_hashers.threads))
