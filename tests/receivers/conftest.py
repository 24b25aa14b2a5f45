"""Fixtures: a guard, and who is told of it."""

from collections.abc import Iterator
from datetime import timedelta
from functools import cache

import pytest
import sqlalchemy as sa
import time_machine
from joserfc.jwk import RSAKey

from tests.guard.hall import ANN, BOSS, MORNING
from tests.receivers.inbox import Inbox, Told, opened_inbox, telling
from timApp.database.engine import open_engine
from timApp.guard import Action, Begun, Change, Cookies, Guard, GuardOptions, OnePerson
from timApp.receivers.notice import Notice, UntoldChange
from timApp.receivers.owe import owe_all


class Room:
    """A guard, and who is told of it."""

    def __init__(self, guard: Guard, told: Told, clock: time_machine.Traveller) -> None:
        self.guard, self.told, self.clock = guard, told, clock

    def log_in(self, device: str) -> Begun:
        """Let ann log in; each login is a second after the last one."""
        self.clock.shift(timedelta(seconds=1))
        return self.guard.begin(ANN, f"on {device}", device=device)

    def block(self) -> str:
        """Let a login of ann's be blocked; return its session."""
        self.log_in("a")
        return self.log_in("b").session_id

    def do(self, action: Action, begun: Begun | None, **more: object) -> None:
        """Let the boss do something to a session of hers, or to all of them."""
        self.clock.shift(timedelta(seconds=1))
        person = self.guard.person("ann")
        assert person is not None
        scope = OnePerson("ann", person.id, None if begun is None else begun.session_id)
        self.guard.apply(Change(action, scope, BOSS, "seen", **more))  # type: ignore[arg-type]

    def untold(self) -> int:
        """Return how many changes nobody has found out yet whom to tell of."""
        with self.told.engine.connect() as connection:
            query = sa.select(sa.func.count()).select_from(UntoldChange)
            return connection.scalars(query).one()

    def owed(self) -> list[tuple[str, str | None]]:
        """Return the events that are owed, and of which session each is."""
        owe_all(self.told.engine)
        return [(one.type, one.session_id) for one in self.notices()]

    def notices(self) -> list[sa.Row[tuple[object, ...]]]:
        """Return all notices, the oldest first."""
        with self.told.engine.connect() as connection:
            query = sa.select(*Notice.__table__.columns).order_by(Notice.id)
            return list(connection.execute(query))


@cache
def _key() -> RSAKey:
    return RSAKey.generate_key(2048, private=True)


@pytest.fixture(autouse=True)
def _one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make one key for all of these tests: that takes long."""
    key = _key()
    monkeypatch.setattr(RSAKey, "generate_key", lambda *_args, **_options: key)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that stands still until it is moved."""
    with time_machine.travel(MORNING, tick=False) as traveller:
        yield traveller


@pytest.fixture
def room(database_url: str, clock: time_machine.Traveller) -> Iterator[Room]:
    """A guard that lets everybody have one session."""
    engine = open_engine(database_url)
    options = GuardOptions(limit=1, token_renewal=timedelta(minutes=5))
    guard = Guard(engine, Cookies(["a key"]), options)
    yield Room(guard, telling(engine), clock)
    engine.dispose()


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    """A receiver."""
    with opened_inbox() as opened:
        yield opened
