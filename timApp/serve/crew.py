"""The threads of a process that run what may wait: few of them work at a time.

Work that has not begun waits in a queue, which takes no thread; work that waits for something, a
lock or a hash, keeps its thread and lets others work meanwhile (see `timApp.util.turns`). What is
taken up again comes before what has not begun, so that whoever holds a lock gets to its end first.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from timApp.util.turns import work_by_turns

#: Seconds after which whoever works counts as waiting for something that says nothing of it, such
#: as a disk or a database, so that others go on.
_LONG = 0.1
#: Seconds for which the front leaves a crew alone that has jobs left.
_REST = 0.004


@dataclass(slots=True)
class Job:
    """Work, and what to do instead when it has not begun in time, or nobody wants it any more."""

    work: Callable[[], None]
    is_wanted: Callable[[], bool]
    #: Called by `Crew.expire`.
    give_up: Callable[[], object]
    #: On the clock `time.monotonic`.
    until: float


class Crew:
    """Threads that do jobs in the order in which they come. `work` must not raise.

    `turns` work at a time, and at most `threads` have something to do; those are made when they
    are first needed, and the one that was idle for the shortest time works next.
    """

    def __init__(self, name: str, *, turns: int, threads: int) -> None:
        self.name = name
        #: How many jobs have begun.
        self.taken = 0
        self._turns = turns
        self._threads_max = threads
        self._threads = 0
        self._mutex = threading.Lock()
        self._working = 0
        self._jobs: deque[Job] = deque()
        self._idle: list[_Hand] = []
        self._returning: deque[_Hand] = deque()
        self._busy: set[_Hand] = set()
        self._is_left_alone = False
        self._wants_jobs = threading.Lock()
        self._wants_jobs.acquire()

    @property
    def coming_back(self) -> int:
        """How many have waited for something and want to go on."""
        return len(self._returning)

    @property
    def is_working(self) -> bool:
        """Whether anybody works, or would like to."""
        return bool(self._working or self._jobs or self._returning)

    @property
    def queued(self) -> int:
        """How many jobs have not begun."""
        return len(self._jobs)

    def submit(self, job: Job) -> None:
        """Let a job be done when its turn has come."""
        with self._mutex:
            self._jobs.append(job)
            self._go_on()

    def expire(self) -> None:
        """Give up jobs whose time has passed or that nobody wants any more.

        And let others work beside those that wait long.

        To be called several times a second; what is given up is told in the caller's thread.
        """
        now = time.monotonic()
        expired: list[Job] = []
        with self._mutex:
            if self._jobs or self._returning:
                kept: deque[Job] = deque()
                for job in self._jobs:
                    (kept if job.until > now and job.is_wanted() else expired).append(job)
                self._jobs = kept
                for hand in self._busy:
                    if hand.has_turn and now - hand.since > _LONG:
                        hand.has_turn = False
                        self._working -= 1
                self._go_on()
        for job in expired:
            job.give_up()

    def rest(self) -> None:
        """Leave the crew alone until it takes up its last job, but not for long.

        Threads of Python that change places for each byte that comes or goes take half as long
        again for the same work. For the one thread that submits, when it has nothing else to do.
        """
        with self._mutex:
            if len(self._jobs) < 2:  # noqa: PLR2004 - the last one, or none
                return
            self._is_left_alone = True
        if not self._wants_jobs.acquire(timeout=_REST):
            with self._mutex:
                if self._is_left_alone:
                    self._is_left_alone = False
                    return
            self._wants_jobs.acquire()

    def give(self, hand: "_Hand") -> None:
        """Let others work while this one waits."""
        with self._mutex:
            self._release(hand)

    def take(self, hand: "_Hand") -> None:
        """Wait until this one may work again."""
        with self._mutex:
            if self._working < self._turns:
                self._working += 1
                hand.begin()
                return
            self._returning.append(hand)
        hand.wait()

    def next_job(self, hand: "_Hand") -> Job:
        """Return the next job of one that has none, when there is one."""
        with self._mutex:
            self._busy.discard(hand)
            if hand.has_turn and not self._returning and self._jobs:
                hand.begin()  # it goes on with the turn that it has
                self._busy.add(hand)
                return self._next()
            self._idle.append(hand)
            self._release(hand)
        return hand.wait_for_job()

    def _release(self, hand: "_Hand") -> None:
        if hand.has_turn:
            hand.has_turn = False
            self._working -= 1
        self._go_on()

    def _go_on(self) -> None:
        """Give free turns to those that come back, then to jobs."""
        while self._working < self._turns:
            if self._returning:
                hand = self._returning.popleft()
            elif self._jobs and (self._idle or self._threads < self._threads_max):
                hand = self._idle.pop() if self._idle else self._new_hand()
                hand.job = self._next()
                self._busy.add(hand)
            else:
                return
            self._working += 1
            hand.begin()
            hand.wake()

    def _next(self) -> Job:
        if self._is_left_alone and len(self._jobs) == 1:
            self._is_left_alone = False
            self._wants_jobs.release()
        self.taken += 1
        return self._jobs.popleft()

    def _new_hand(self) -> "_Hand":
        self._threads += 1
        hand = _Hand(self)
        name = f"{self.name} {self._threads}"
        threading.Thread(target=hand.run, daemon=True, name=name).start()
        return hand


class _Hand:
    """One thread of a crew."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._bell = threading.Lock()
        self._bell.acquire()
        self.job: Job | None = None
        self.has_turn = False
        #: When it began to work, on the clock `time.monotonic`.
        self.since = 0.0

    def run(self) -> None:
        """Do one job after the other."""
        work_by_turns(self)
        job = self.wait_for_job()
        while True:
            job.work()
            job = self._crew.next_job(self)

    def wait_for_job(self) -> Job:
        """Sleep until it is woken with a job, and return that."""
        self.wait()
        job, self.job = self.job, None
        assert job is not None  # noqa: S101 - whoever wakes an idle one gives it a job
        return job

    def begin(self) -> None:
        """Note that it has a turn from now on."""
        self.has_turn = True
        self.since = time.monotonic()

    def wait(self) -> None:
        """Sleep until it is woken."""
        self._bell.acquire()

    def wake(self) -> None:
        """Wake it."""
        self._bell.release()

    # A turn, see `timApp.util.turns`.

    def give(self) -> None:
        """Let others work."""
        self._crew.give(self)

    def take(self) -> None:
        """Wait until it may work again."""
        self._crew.take(self)
