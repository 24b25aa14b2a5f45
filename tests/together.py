"""Actions that many do at the same moment."""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from flask import Flask

from timApp.auth.site import db
from timApp.serve.crew import Crew, Job

#: Seconds until a test gives up on threads or processes that do not come.
PATIENCE = 60

_Result = TypeVar("_Result")


def together(actions: Sequence[Callable[[], _Result]]) -> list[_Result]:
    """Run each action in a thread of its own, all starting together; return what they return."""
    barrier = Barrier(len(actions))

    def run(action: Callable[[], _Result]) -> _Result:
        barrier.wait(PATIENCE)
        return action()

    with ThreadPoolExecutor(len(actions)) as pool:
        futures = [pool.submit(run, action) for action in actions]
        return [future.result(PATIENCE) for future in futures]


def all_at_once(app: Flask, actions: Sequence[Callable[[], object]]) -> None:
    """Run each action in a thread and a transaction of its own, all starting together."""

    def run(action: Callable[[], object]) -> None:
        with app.app_context():
            action()
            db.session.commit()

    together([lambda action=action: run(action) for action in actions])  # type: ignore[misc]


class Turns:
    """A crew of the server, of which so many work at a time."""

    def __init__(self, count: int) -> None:
        self.crew = Crew("test", turns=count, threads=16)

    def submit(self, work: Callable[[], _Result]) -> "Future[_Result]":
        """Let it do some work; return what will come of it."""
        future: Future[_Result] = Future()

        def do() -> None:
            try:
                result = work()
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)

        self.crew.submit(Job(do, lambda: True, future.cancel, math.inf))
        return future


class TakingTurns:
    """A WSGI application whose requests take turns, as in the server."""

    def __init__(self, application: Callable[..., _Result], count: int) -> None:
        self._application = application
        self._turns = Turns(count)

    def __call__(self, environ: dict[str, str], start: object) -> object:
        """Return what the application answers when its turn has come."""
        return self._turns.submit(lambda: self._application(environ, start)).result(PATIENCE)
