"""Actions that many do at the same moment."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from flask import Flask

from timApp.auth.site import db

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
