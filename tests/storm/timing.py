"""When desks are answered again, and which of them is to cut its connection next."""

import time
from collections.abc import Collection
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Condition, Semaphore

from tests.storm.exchange import Cut

#: Seconds until somebody gives up on desks that are not answered.
PATIENCE = 60


@dataclass(frozen=True)
class Recovery:
    """Seconds from a kill until something that was asked after it was acknowledged."""

    #: Anything at all.
    first: float
    #: Something at each desk.
    everywhere: float


class Timing:
    """What was acknowledged last at each desk, and when it was asked."""

    def __init__(self, desks: Collection[str]) -> None:
        self._changed = Condition()
        self._desks = frozenset(desks)
        self._since = 0.0
        self._first: dict[str, float] = {}
        self._count = 0

    def begin(self) -> float:
        """Forget what was; return the moment, in seconds of a monotonic clock."""
        with self._changed:
            self._first = {}
            self._since = time.monotonic()
            return self._since

    def answered(self, desk: str, sent: float) -> None:
        """Note that a desk has read an acknowledgement of what it asked then."""
        with self._changed:
            if sent >= self._since:
                self._first.setdefault(desk, time.monotonic())
            self._count += 1
            self._changed.notify_all()

    def wait(self, seconds: float = PATIENCE) -> Recovery | None:
        """Return how long it took since `begin`, once all desks were answered; None if not so."""
        with self._changed:
            if not self._changed.wait_for(self._is_everywhere, seconds):
                return None
            waits = [at - self._since for at in self._first.values()]
            return Recovery(min(waits), max(waits))

    def wait_for(self, count: int, seconds: float = PATIENCE) -> bool:
        """Wait until so many more acts are acknowledged; return whether they were."""
        with self._changed:
            wanted = self._count + count
            return self._changed.wait_for(lambda: self._count >= wanted, seconds)

    def _is_everywhere(self) -> bool:
        return self._first.keys() == self._desks


class Cuts:
    """Orders to cut a connection; whichever desk acts next takes one."""

    def __init__(self) -> None:
        self._orders: SimpleQueue[Cut] = SimpleQueue()
        self._made = Semaphore(0)

    def order(self, cut: Cut) -> bool:
        """Have a connection cut there; return whether it was, within `PATIENCE`."""
        self._orders.put(cut)
        return self._made.acquire(timeout=PATIENCE)

    def take(self) -> Cut | None:
        """Return where to cut now, or None."""
        try:
            return self._orders.get_nowait()
        except Empty:
            return None

    def made(self) -> None:
        """Say that a connection was cut."""
        self._made.release()
