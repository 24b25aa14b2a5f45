"""A guard without a framework, and a person who logs in on devices."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import sqlalchemy as sa

from timApp.guard import (
    Action,
    Actor,
    ActorKind,
    Begun,
    Change,
    Claims,
    Guard,
    Identity,
    OnePerson,
    Standing,
)
from timApp.guard.reading.sessions import latest_sessions
from timApp.guard.tables.change import SessionChange
from timApp.guard.tables.hold import SessionHold
from timApp.guard.tables.state import state_of

MORNING = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
BOSS = Actor(ActorKind.USER, "boss")
ANN = Identity("ann", groups=frozenset({"Course"}))


@dataclass
class Hall:
    """A guard, and a person who logs in on devices."""

    guard: Guard
    begun: dict[str, Begun] = field(default_factory=dict)

    def log_in(self, device: str | None, *, former: str | None = None) -> str:
        """Let ann log in on a device, whose cookie was that of `former`; return how it begins."""
        claims = None
        if former is not None:
            claims = Claims(self.ann, self.begun[former].session_id)
        begun = self.guard.begin(ANN, f"on {device}", device=device, former=claims)
        self.begun[str(device)] = begun
        return self.told(str(device))

    def told(self, device: str) -> str:
        """Return what the latest session of a device is, and why."""
        session_id = self.begun[device].session_id
        with self.guard.transaction() as work:
            (session,) = [
                one for one in latest_sessions(work, self.ann, 99) if one.session_id == session_id
            ]
            clocks = self.guard.options.clocks
            state, cause = state_of(session, clocks), session.cause or clocks.ended(session)
        return state.value if cause is None else f"{state.value}: {cause.value}"

    def passes(self, device: str) -> bool:
        """Tell whether the guard lets the device's cookie pass; the tables must say the same."""
        standing = self.guard.check(self.begun[device].cookie).standing
        assert (standing is Standing.VALID) is (self.told(device) == "active")
        return standing is Standing.VALID

    @property
    def ann(self) -> int:
        """Her number."""
        person = self.guard.person("ann")
        assert person is not None
        return person.id

    def do(self, action: Action, device: str | None = None) -> int:
        """Do something to the latest session of a device, or to all of hers."""
        session_id = None if device is None else self.begun[device].session_id
        change = Change(action, OnePerson("ann", self.ann, session_id, must_be_here=True), BOSS)
        return self.guard.apply(change).changed

    def is_held(self) -> bool:
        """Tell whether something of hers is not settled."""
        with self.guard.transaction() as work:
            return bool(work.session.scalars(sa.select(SessionHold)).all())

    def recorded(self) -> list[str]:
        """Return what the record has, in order."""
        with self.guard.transaction() as work:
            rows = work.session.scalars(sa.select(SessionChange).order_by(SessionChange.id))
            return [
                row.action.value if row.cause is None else f"{row.action.value}: {row.cause.value}"
                for row in rows
            ]


OpenHall = Callable[..., Hall]
