"""Crews: few work at a time, and whoever waits holds up nobody."""

import math
import threading
import time
from collections.abc import Callable
from functools import partial

import pytest

from timApp.serve import crew as crew_module
from timApp.serve.crew import Crew, Job
from timApp.util.turns import turn_given

PATIENCE = 30


class Gate:
    """Where a job waits until it is let through."""

    def __init__(self) -> None:
        self.reached = threading.Semaphore(0)
        self._open = threading.Event()

    def wait(self) -> None:
        """Reach the gate and wait there."""
        self.reached.release()
        assert self._open.wait(PATIENCE)

    def is_reached(self) -> bool:
        """Tell whether somebody else reaches it, waiting for that as long as it may take."""
        return self.reached.acquire(timeout=PATIENCE)

    def open(self) -> None:
        """Let all through."""
        self._open.set()


def submit(crew: Crew, work: Callable[[], object], until: float = math.inf) -> threading.Event:
    """Submit a job; return what is set when it is done."""
    done = threading.Event()

    def do() -> None:
        work()
        done.set()

    crew.submit(Job(do, lambda: True, done.clear, until))
    return done


def test_no_more_work_at_a_time_than_have_turns() -> None:
    """However many jobs there are, two turns mean two at a time, and all are done."""
    crew = Crew("test", turns=2, threads=10)
    mutex, now, most = threading.Lock(), 0, 0

    def work() -> None:
        nonlocal now, most
        with mutex:
            now += 1
            most = max(most, now)
        sum(range(10_000))
        with mutex:
            now -= 1

    assert all(done.wait(PATIENCE) for done in [submit(crew, work) for _ in range(200)])
    assert most <= 2


def test_whoever_comes_back_comes_before_what_has_not_begun() -> None:
    """With one turn, a job that waited for a lock ends before those that came meanwhile begin."""
    crew = Crew("test", turns=1, threads=10)
    lock, first, order = Gate(), Gate(), list[str]()

    def waits() -> None:
        with turn_given():
            lock.wait()
        order.append("came back")

    def holds() -> None:
        first.wait()
        order.append("went on")

    submit(crew, waits)
    assert lock.is_reached()
    submit(crew, holds)
    assert first.is_reached()
    later = [submit(crew, lambda: order.append("later")) for _ in range(3)]
    lock.open()
    while not crew.coming_back:  # until the other thread is there
        pass
    first.open()
    assert all(done.wait(PATIENCE) for done in later)
    assert order == ["went on", "came back", "later", "later", "later"]


def test_what_has_not_begun_in_time_or_is_not_wanted_is_given_up() -> None:
    """A job whose time has passed, or that nobody wants, is never begun and told so, once.

    The others are done.
    """
    crew = Crew("test", turns=1, threads=1)
    gate, given_up = Gate(), list[str]()
    submit(crew, gate.wait)
    assert gate.is_reached()
    past, later = time.monotonic() - 1, math.inf
    never = partial(given_up.append, "was done")
    crew.submit(Job(never, lambda: True, partial(given_up.append, "late"), past))
    crew.submit(Job(never, lambda: False, partial(given_up.append, "gone"), later))
    other = submit(crew, bool)
    crew.expire()
    assert given_up == ["late", "gone"]
    gate.open()
    assert other.wait(PATIENCE)
    assert given_up == ["late", "gone"]


def test_others_go_on_beside_a_job_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that does nothing for long and says nothing of it costs its thread, and no turn."""
    monkeypatch.setattr(crew_module, "_LONG", 0)
    crew = Crew("test", turns=1, threads=2)
    gate = Gate()
    hanging = submit(crew, gate.wait)
    assert gate.is_reached()
    for _ in range(3):
        other = submit(crew, bool)
        crew.expire()
        assert other.wait(PATIENCE)
    gate.open()
    assert hanging.wait(PATIENCE)
    # And its turn was not counted twice.
    both = Gate()
    submit(crew, both.wait)
    second = submit(crew, bool)
    assert both.is_reached()
    assert not second.is_set()
    both.open()
    assert second.wait(PATIENCE)


def test_there_are_no_more_threads_than_may_be() -> None:
    """When all threads wait, jobs stay in the queue, and are done when one is free."""
    crew = Crew("test", turns=1, threads=3)
    gate = Gate()

    def waits() -> None:
        with turn_given():
            gate.wait()

    jobs = [submit(crew, waits) for _ in range(5)]
    for _ in range(3):
        assert gate.is_reached()
    assert crew.queued == 2
    gate.open()
    assert all(done.wait(PATIENCE) for done in jobs)


def test_a_crew_with_enough_to_do_is_left_alone_until_it_takes_its_last_job(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who rests comes back when the last of the jobs is taken up, not before."""
    monkeypatch.setattr(crew_module, "_REST", PATIENCE)
    crew = Crew("test", turns=1, threads=10)
    gates = [Gate() for _ in range(4)]
    for gate in gates:
        submit(crew, gate.wait)
    back = threading.Event()

    def rest() -> None:
        crew.rest()
        back.set()

    front = threading.Thread(target=rest)
    front.start()
    for gate in gates[:-1]:
        assert gate.is_reached()
        assert not back.is_set()
        gate.open()
    assert gates[-1].is_reached()
    assert back.wait(PATIENCE)
    gates[-1].open()
    front.join()


def test_a_crew_that_has_little_to_do_is_not_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """With no job in the queue, or one, there is no rest."""
    monkeypatch.setattr(crew_module, "_REST", math.inf)  # it would raise `OverflowError`
    crew = Crew("test", turns=1, threads=10)
    crew.rest()
    gate = Gate()
    submit(crew, gate.wait)
    assert gate.is_reached()
    submit(crew, gate.wait)
    crew.rest()
    gate.open()


def test_a_crew_whose_work_takes_long_is_left_alone_only_for_a_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A rest ends though no job is taken up, and the next one begins anew."""
    monkeypatch.setattr(crew_module, "_REST", 0.001)
    crew = Crew("test", turns=1, threads=10)
    gate = Gate()
    done = [submit(crew, gate.wait) for _ in range(5)]
    for _ in range(3):
        crew.rest()
    gate.open()
    assert all(one.wait(PATIENCE) for one in done)
    crew.rest()
