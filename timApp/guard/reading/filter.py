"""Which sessions are asked for: what lists and exports are narrowed down by."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypedDict

import sqlalchemy as sa

from timApp.database.work import UnitOfWork
from timApp.guard.reading.exam import ExamTime, OfExams, is_of_exam
from timApp.guard.rules.clocks import NEVER, Clocks
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.state import is_in
from timApp.guard.vocabulary import State
from timApp.user.people import find_person
from timApp.user.search import has_text, search_people
from timApp.user.user import User, no_user


@dataclass(frozen=True)
class SessionFilter:
    """The sessions that meet every condition that is given; None (or no text) is no condition."""

    states: frozenset[State] = frozenset(State)
    user_id: int | None = None
    #: Text in the person's name, real name or email, as `timApp.user.search.has_text` compares.
    person: str = ""
    #: Text in the origin, in capitals or not. SQLite knows capitals of the letters A to Z alone.
    origin: str = ""
    #: The names of the seats, as `timApp.guard.seats.listing.spellings` has them; None is any.
    seats: frozenset[str] | None = None
    #: They are of one of these exams; none is any session, in an exam or not.
    exams: tuple[ExamTime, ...] = ()
    #: Logged in at this time or later.
    since: datetime | None = None
    #: Logged in before this time.
    until: datetime | None = None
    #: Those of the site, by which its sessions are active.
    clocks: Clocks = NEVER

    def within(self, exams: OfExams) -> "SessionFilter":
        """Return the filter for those that are of one of these exams, too."""
        since, until = exams["since"], exams["until"]
        return replace(
            self,
            exams=exams["exams"],
            since=since if self.since is None else max(since, self.since),
            until=until if self.until is None else min(until, self.until),
        )

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
            found.append(is_in(self.states, self.clocks, session))
        if self.person:
            found.append(session.user_id.in_(sa.select(User.id).where(has_text(self.person))))
        if self.origin:
            found.append(session.origin.icontains(self.origin, autoescape=True))
        if self.seats is not None:
            # An export is compiled without a list of parameters.
            found.append(sa.or_(*(session.seat == one for one in sorted(self.seats))))
        if self.exams:
            found.append(sa.or_(*(is_of_exam(one, session) for one in self.exams)))
        return found


class OfPeople(TypedDict, total=False):
    """The conditions of a `SessionFilter` that say whose sessions are asked for."""

    user_id: int
    person: str


def of_people(work: UnitOfWork, text: str) -> OfPeople:
    """Return the conditions for the sessions of whom a text means.

    That is the one whose name it is or, if it is nobody's, all who have it in their name, real name
    or email. `NotFound` (field ``user``) if there is nobody.
    """
    person = find_person(work, text)
    if person is not None:
        return {"user_id": person.id}
    if not search_people(work, text, 1, with_deleted=True):
        raise no_user(text)
    return {"person": text}
