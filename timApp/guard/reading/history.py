"""Reads what is recorded of one person: their sessions, and the changes that concern them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from timApp.database.work import UnitOfWork
from timApp.guard.reading.device import Device, device_of
from timApp.guard.rules.seating import NOWHERE, Seating
from timApp.guard.tables.change import SessionChange
from timApp.guard.tables.session import UserSession
from timApp.guard.vocabulary import Action

#: How many changes a page has.
PAGE_SIZE = 50
#: How many changes, the latest ones, are played to tell when a session was active.
MAX_PLAYED = 2000
# Session ids begin with the time, so those of one exam differ in their last characters.
_SHOWN_ID_LENGTH = 8


@dataclass(frozen=True)
class RecordedChange:
    """A change, and where the session is that it names, if that is known here."""

    change: SessionChange
    device: Device | None
    seating: Seating

    @property
    def may_concern_many(self) -> bool:
        """Whether the number of sessions that changed says anything."""
        is_login = self.change.action in {Action.LOGIN, Action.BLOCKED_LOGIN}
        is_logout = self.change.action is Action.LOGOUT and self.change.session_id is not None
        return not (is_login or is_logout)

    @property
    def short_id(self) -> str:
        """The end of the named session's id, with which a person can compare it."""
        return (self.change.session_id or "")[-_SHOWN_ID_LENGTH:]


@dataclass(frozen=True)
class RecordPage:
    """A page of the record, newest first."""

    entries: list[RecordedChange]
    #: The id before which the next page begins; None on the last one.
    next_before: int | None


def changes_since(work: UnitOfWork, user_id: int, start: datetime) -> list[SessionChange]:
    """Return the latest `MAX_PLAYED` changes since then of this person's or all sessions."""
    return list(work.session.scalars(_changes(user_id, MAX_PLAYED, SessionChange.at >= start)))


def record_page(
    work: UnitOfWork, user_id: int, before: int | None, *which: sa.ColumnElement[bool]
) -> RecordPage:
    """Return a page of changes of this person's or all sessions: those with ids below `before`.

    None means the newest. Those count that meet the conditions; of the changes of everybody's
    sessions, those that came after the first one of this person's.
    """
    is_older = sa.true() if before is None else SessionChange.id < before
    found = list(work.session.scalars(_changes(user_id, PAGE_SIZE + 1, is_older, *which)))
    shown = found[:PAGE_SIZE]
    places = _places(work, user_id, {change.session_id for change in shown if change.session_id})
    unknown = None, NOWHERE
    return RecordPage(
        entries=[
            RecordedChange(change, *places.get(change.session_id or "", unknown))
            for change in shown
        ],
        next_before=shown[-1].id if len(found) > PAGE_SIZE else None,
    )


def _changes(
    user_id: int, limit: int, *conditions: sa.ColumnElement[bool]
) -> sa.Select[SessionChange]:
    """Return the query for the latest changes, newest first.

    Two walks along the index of (user_id, id), each of which ends at the limit: with an OR the
    databases would rather read the whole table.
    """
    first = (
        sa.select(sa.func.min(SessionChange.id))
        .where(SessionChange.user_id == user_id)
        .scalar_subquery()
    )
    own = (
        sa.select(SessionChange.id)
        .where(SessionChange.user_id == user_id, *conditions)
        .order_by(SessionChange.id.desc())
        .limit(limit)
        .subquery()
    )
    of_everybody = (
        sa.select(SessionChange.id)
        .where(SessionChange.user_id.is_(None), SessionChange.id > first, *conditions)
        # PostgreSQL takes the index only if asked for its whole order.
        .order_by(SessionChange.user_id.desc(), SessionChange.id.desc())
        .limit(limit)
        .subquery()
    )
    ids = sa.union_all(sa.select(own.c.id), sa.select(of_everybody.c.id))
    return (
        sa.select(SessionChange)
        .where(SessionChange.id.in_(ids))
        .order_by(SessionChange.id.desc())
        .limit(limit)
    )


def _places(
    work: UnitOfWork, user_id: int, session_ids: Iterable[str]
) -> dict[str, tuple[Device, Seating]]:
    query = sa.select(UserSession).where(
        UserSession.user_id == user_id, UserSession.session_id.in_(session_ids)
    )
    return {
        session.session_id: (device_of(session.origin), session.seating)
        for session in work.session.scalars(query)
    }
