"""Which sessions are asked for: what lists and exports are narrowed down by."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from timApp.guard.tables.session import UserSession
from timApp.guard.tables.state import is_in
from timApp.guard.vocabulary import State


@dataclass(frozen=True)
class SessionFilter:
    """The sessions that meet every condition that is given; None (or no text) is no condition."""

    states: frozenset[State] = frozenset(State)
    user_id: int | None = None
    #: Text in the origin, in capitals or not. SQLite knows capitals of the letters A to Z alone.
    origin: str = ""
    #: Logged in at this time or later.
    since: datetime | None = None
    #: Logged in before this time.
    until: datetime | None = None

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """Return the conditions that a session meets if it is asked for."""
        return self.key_conditions() + self.other_conditions(UserSession)

    def key_conditions(self) -> list[sa.ColumnElement[bool]]:
        """Return those on what sessions are kept in order by: user and time of login."""
        found: list[sa.ColumnElement[bool]] = []
        if self.user_id is not None:
            found.append(UserSession.user_id == self.user_id)
        if self.since is not None:
            found.append(UserSession.logged_in_at >= self.since)
        if self.until is not None:
            found.append(UserSession.logged_in_at < self.until)
        return found

    def other_conditions(self, session: type[UserSession]) -> list[sa.ColumnElement[bool]]:
        """Return those for which a session (the class, or an alias) has to be looked at."""
        found: list[sa.ColumnElement[bool]] = []
        if self.states != frozenset(State):
            found.append(is_in(self.states, session))
        if self.origin:
            found.append(session.origin.icontains(self.origin, autoescape=True))
        return found
