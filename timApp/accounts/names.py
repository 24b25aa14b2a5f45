"""The names that somebody has had, and what has them written down."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from timApp.accounts.account import Account
from timApp.database.work import UnitOfWork
from timApp.guard.tables.change import SessionChange
from timApp.guard.tables.exam import Exam
from timApp.guard.tables.tidying import CLOSE, OPEN
from timApp.guard.vocabulary import PEOPLE, Action
from timApp.hosts.outbox.delivery import Delivery
from timApp.user.attempts.failed import FailedLogin
from timApp.user.user import User
from timApp.util.clock import CLOCK_LEEWAY
from timApp.util.folded import folded
from timApp.util.lookalikes import look_of
from timApp.util.names import key_of


@dataclass(frozen=True)
class NamedFor:
    """A name that somebody had, and from when to when; None: to this day.

    Somebody else may have had it before, and may have it since.
    """

    name: str
    since: datetime
    until: datetime | None
    #: The number of the entry of the record by which they lost it.
    until_number: int | None

    def was_said(
        self, name: sa.ColumnElement[str], at: sa.ColumnElement[datetime]
    ) -> sa.ColumnElement[bool]:
        """Return the condition that a column has the name, and means them by it."""
        found = [name == self.name, at >= self.since]
        if self.until is not None:
            found.append(at <= self.until)
        return sa.and_(*found)


def names_of(work: UnitOfWork, account: Account) -> Sequence[NamedFor]:
    """Return the names that somebody has had, the oldest first, as far as the record has them."""
    renamed = work.session.execute(
        sa.select(SessionChange.id, SessionChange.at, SessionChange.reason)
        .where(SessionChange.user_id == account.id, SessionChange.action == Action.RENAME)
        .order_by(SessionChange.id)
    )
    names: list[NamedFor] = []
    since = account.created_at - CLOCK_LEEWAY
    for number, at, former in renamed:
        if former:
            names.append(NamedFor(former, since, at, number))
        since = at
    names.append(NamedFor(account.name, since, None, None))
    return names


def made_by(names: Sequence[NamedFor]) -> sa.ColumnElement[bool]:
    """Return the condition that somebody who had these names made a change of the record."""
    is_them = [
        sa.and_(
            one.was_said(SessionChange.__table__.c.actor, SessionChange.__table__.c.at),
            sa.true() if one.until_number is None else SessionChange.id <= one.until_number,
        )
        for one in names
    ]
    return sa.and_(SessionChange.actor_kind.in_(PEOPLE), sa.or_(*is_them))


def give_pseudonym(work: UnitOfWork, account: Account, pseudonym: str) -> None:
    """Write the pseudonym wherever a name of a deleted person is written down.

    With it go the addresses from which they have made changes, their failed logins, and what the
    record has of their former names. A change that another host has still to be told of keeps the
    name by which that host knows them. One statement for each table.
    """
    names = names_of(work, account)
    by_them = made_by(names)
    is_renamed = sa.and_(SessionChange.user_id == account.id, SessionChange.action == Action.RENAME)
    change = sa.update(SessionChange)
    work.session.execute(OPEN)
    work.session.execute(change.where(by_them).values(actor=pseudonym, address=None))
    work.session.execute(change.where(is_renamed).values(reason=None))
    work.session.execute(CLOSE)
    _in_exams(work, names, pseudonym)
    _in_deliveries(work, names, pseudonym)
    work.session.execute(sa.delete(FailedLogin).where(FailedLogin.user_id == account.id))
    work.session.execute(
        sa.update(User)
        .where(User.id == account.id)
        .values(
            name=pseudonym,
            real_name="",
            name_key=key_of(pseudonym),
            name_look=look_of(pseudonym),
            search_text=folded(pseudonym, "", ""),
        )
    )


def _in_exams(work: UnitOfWork, names: Sequence[NamedFor], pseudonym: str) -> None:
    columns = Exam.__table__.c
    for who, kind, at in (
        (columns.begun_by, columns.begun_by_kind, columns.begun_at),
        (columns.ended_by, columns.ended_by_kind, columns.ended_at),
    ):
        is_them = sa.or_(*(one.was_said(who, at) for one in names))
        which = sa.and_(kind.in_(PEOPLE), is_them)
        work.session.execute(sa.update(Exam).where(which).values({who.name: pseudonym}))


def _in_deliveries(work: UnitOfWork, names: Sequence[NamedFor], pseudonym: str) -> None:
    columns = Delivery.__table__.c
    for who in (columns.user_name, columns.made_by):
        is_them = sa.or_(*(one.was_said(who, columns.at) for one in names))
        which = (columns.settled_at.is_not(None), is_them)
        work.session.execute(sa.update(Delivery).where(*which).values({who.name: pseudonym}))
