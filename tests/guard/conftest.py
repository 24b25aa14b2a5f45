"""Fixtures of the guard's tests."""

from collections.abc import Iterator

import pytest
import time_machine

from tests.guard.hall import MORNING, Hall, OpenHall
from timApp.database.engine import open_engine
from timApp.guard import Clocks, Cookies, Guard, GuardOptions, Policy


@pytest.fixture
def open_hall(database_url: str) -> Iterator[OpenHall]:
    """Makes a hall with a policy, clocks and a limit."""
    engine = open_engine(database_url)

    def opened(
        policy: Policy = Policy(),  # noqa: B008 - frozen
        clocks: Clocks = Clocks(),  # noqa: B008 - frozen
        limit: int | None = 1,
    ) -> Hall:
        options = GuardOptions(limit=limit, policy=policy, clocks=clocks)
        return Hall(Guard(engine, Cookies(["a key"]), options))

    yield opened
    engine.dispose()


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that stands still until it is moved."""
    with time_machine.travel(MORNING, tick=False) as traveller:
        yield traveller
