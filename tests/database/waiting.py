"""Writes that wait: those of SQLite for another writer, and those that were put off."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest

from tests.live import eventually

_Result = TypeVar("_Result")
#: Tries after which it is sure that a connection waits.
_SEVERAL = 3


def traced(driver: Any) -> list[str]:
    """Return a list that is appended each statement of the connection, whenever it is tried."""
    tries: list[str] = []
    driver.set_trace_callback(tries.append)
    return tries


def written_after(
    release: Callable[[], object], driver: Any, write: Callable[[], _Result]
) -> _Result:
    """Return what a connection writes that has to wait until the other writer is released."""
    tries = traced(driver)
    with ThreadPoolExecutor(1) as others:
        written = others.submit(write)
        eventually(lambda: len(tries) >= _SEVERAL or None)
        assert not written.done()
        release()
        return written.result()


@contextmanager
def tried_again(times: int = 1) -> Iterator[None]:
    """Let so much time pass, so many times, that what was put off is tried again."""
    monotonic = time.monotonic
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.monotonic", lambda: monotonic() + 60 * times)
        yield
