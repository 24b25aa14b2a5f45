"""The orders in which sessions are listed, each one that of an index, and positions in them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any, ClassVar

import sqlalchemy as sa

from timApp.guard.reading.filter import SessionFilter
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.state import is_active
from timApp.guard.vocabulary import State
from timApp.user.user import User

_Condition = sa.ColumnElement[bool]
_Query = sa.Select[*tuple[Any, ...]]
_SessionType = type[UserSession]


class Sort(Enum):
    """By time of login, or by user name and then the newest first."""

    NEWEST = "newest"
    OLDEST = "oldest"
    NAME = "name"
    NAME_DESC = "name-desc"

    @property
    def is_by_name(self) -> bool:
        """Whether it is one of those by user name."""
        return self in {Sort.NAME, Sort.NAME_DESC}


@dataclass(frozen=True)
class TimePosition:
    """A place in an order by time: just after this session."""

    logged_in_at: datetime
    user_id: int
    session_id: str


@dataclass(frozen=True)
class NamePosition:
    """A place in an order by name: just after this session, or (None) after all of the user's."""

    user_name: str
    logged_in_at: datetime | None = None
    session_id: str | None = None


Position = TimePosition | NamePosition


class Order(ABC):
    """The sessions that a filter means, in an order.

    Its candidates are taken in the order of an index, without sorting. Among them are sessions
    that the filter leaves out: those that do not meet the `residual` conditions, which no index
    answers.
    """

    def __init__(self, which: SessionFilter, sort: Sort, *, is_sqlite: bool) -> None:
        self.which = which
        self.sort = sort
        self.is_sqlite = is_sqlite

    #: The class of its positions.
    position_type: ClassVar[type[Position]]
    #: The columns that make up a position.
    key: ClassVar[Sequence[Any]]
    #: The columns that candidates are shown and put in order by.
    columns: ClassVar[Sequence[Any]]

    @abstractmethod
    def candidates(self, after: Any, columns: Sequence[Any]) -> _Query:
        """Return the query for the candidates after a position (None: all), in order."""

    @abstractmethod
    def residual(self, session: _SessionType) -> list[_Condition]:
        """Return what a candidate still has to meet; none if all candidates belong to it."""

    @abstractmethod
    def terms(self, session: _SessionType, user_name: Any) -> list[Any]:
        """Return what to order by, for a query with these columns."""

    @abstractmethod
    def position(self, session: UserSession, user_name: str) -> Position:
        """Return the position just after a session."""


class TimeOrder(Order):
    """By time of login; sessions of the same moment by user and session id."""

    position_type = TimePosition
    key = (UserSession.logged_in_at, UserSession.user_id, UserSession.session_id)
    columns = (UserSession,)

    def candidates(self, after: TimePosition | None, columns: Sequence[Any]) -> _Query:
        """Return the query for the candidates after a position (None: all), in order."""
        # An index is entered at one place: there must not be two conditions to choose from.
        which = self.which
        if after is not None and self._is_before_range(after):
            after = None
        elif after is not None:
            newest_first = self._newest_first
            which = replace(which, until=None) if newest_first else replace(which, since=None)
        query = sa.select(*columns).where(*which.key_conditions())
        if self._active_only:
            query = query.where(is_active(which.clocks))
        if after is not None:
            query = query.where(self._is_after(after))
        return query.order_by(*self.terms(UserSession, None))

    def residual(self, session: _SessionType) -> list[_Condition]:
        """Return what a candidate still has to meet."""
        rest = replace(self.which, states=frozenset(State)) if self._active_only else self.which
        return rest.other_conditions(session)

    def terms(self, session: _SessionType, user_name: Any) -> list[Any]:  # noqa: ARG002
        """Return what to order by."""
        columns = (session.logged_in_at, session.user_id, session.session_id)
        return [column.desc() if self._newest_first else column.asc() for column in columns]

    def position(self, session: UserSession, user_name: str) -> TimePosition:  # noqa: ARG002
        """Return the position just after a session."""
        return TimePosition(session.logged_in_at, session.user_id, session.session_id)

    @property
    def _newest_first(self) -> bool:
        return self.sort is Sort.NEWEST

    @property
    def _active_only(self) -> bool:
        """Whether the index of active sessions, which SQLite has, is the one to use."""
        return self.which.states == {State.ACTIVE} and self.which.user_id is None and self.is_sqlite

    def _is_before_range(self, after: TimePosition) -> bool:
        """Tell whether the whole time range comes after a position."""
        since, until = self.which.since, self.which.until
        if self._newest_first:
            return until is not None and after.logged_in_at >= until
        return since is not None and after.logged_in_at < since

    def _is_after(self, after: TimePosition) -> _Condition:
        values = (after.logged_in_at, after.user_id, after.session_id)
        if self.which.user_id is None:
            return _is_after(self.key, values, descending=self._newest_first)
        # The index that begins with the user goes on with these two.
        key = (UserSession.logged_in_at, UserSession.session_id)
        return _is_after(key, values[::2], descending=self._newest_first)


class NameOrder(Order):
    """By user name, and then the newest first.

    A user without sessions is a candidate too, which the list leaves out: so there is a limit to
    the users that are looked at.
    """

    position_type = NamePosition
    key = (User.name, UserSession.logged_in_at, UserSession.session_id)
    columns = (UserSession, User.name)

    def candidates(self, after: NamePosition | None, columns: Sequence[Any]) -> _Query:
        """Return the query for the candidates after a position (None: all), in order."""
        is_of_user = sa.and_(User.id == UserSession.user_id, *self.which.key_conditions())
        query = sa.select(*columns).select_from(User).outerjoin(UserSession, is_of_user)
        if after is not None:
            query = query.where(*self._is_after(after))
        return query.order_by(*self.terms(UserSession, User.name))

    def residual(self, session: _SessionType) -> list[_Condition]:
        """Return what a candidate still has to meet."""
        return [session.session_id.is_not(None), *self.which.other_conditions(session)]

    def terms(self, session: _SessionType, user_name: Any) -> list[Any]:
        """Return what to order by."""
        name = user_name.desc() if self._descending else user_name.asc()
        return [name, session.logged_in_at.desc(), session.session_id.desc()]

    def position(self, session: UserSession, user_name: str) -> NamePosition:
        """Return the position just after a session."""
        return NamePosition(user_name, session.logged_in_at, session.session_id)

    @property
    def _descending(self) -> bool:
        return self.sort is Sort.NAME_DESC

    def _is_after(self, after: NamePosition) -> list[_Condition]:
        name = after.user_name
        is_later_user = User.name < name if self._descending else User.name > name
        if after.session_id is None:
            return [is_later_user]
        key = (UserSession.logged_in_at, UserSession.session_id)
        is_later_session = _is_after(key, (after.logged_in_at, after.session_id), descending=True)
        return [
            # It follows from the other, and lets the search begin in the index of names.
            User.name <= name if self._descending else User.name >= name,
            sa.or_(is_later_user, sa.and_(User.name == name, is_later_session)),
        ]


def order_of(which: SessionFilter, sort: Sort, *, is_sqlite: bool) -> Order:
    """Return the sessions of the filter in that order, as they are found on a kind of database.

    One user's are all of one name: in an order by name that leaves the newest first.
    """
    if not sort.is_by_name:
        return TimeOrder(which, sort, is_sqlite=is_sqlite)
    if which.user_id is None:
        return NameOrder(which, sort, is_sqlite=is_sqlite)
    return TimeOrder(which, Sort.NEWEST, is_sqlite=is_sqlite)


def _is_after(key: Sequence[Any], values: Sequence[Any], *, descending: bool) -> _Condition:
    place = sa.tuple_(
        *(sa.literal(value, column.type) for value, column in zip(values, key, strict=True))
    )
    return sa.tuple_(*key) < place if descending else sa.tuple_(*key) > place
