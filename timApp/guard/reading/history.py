"""Reads what is recorded of one person: their sessions, and the changes that concern them."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.work import UnitOfWork
from timApp.guard.reading.entry import RecordPage, entries_of
from timApp.guard.tables.change import SessionChange, is_of_everybody

#: How many changes a page has.
PAGE_SIZE = 50
#: How many changes, the latest ones, are played to tell when a session was active.
MAX_PLAYED = 2000


def changes_since(work: UnitOfWork, user_id: int, start: datetime) -> list[SessionChange]:
    """Return the latest `MAX_PLAYED` changes since then of this person's or all sessions."""
    return list(work.session.scalars(changes_of(user_id, MAX_PLAYED, SessionChange.at >= start)))


def record_page(
    work: UnitOfWork, user_id: int, before: int | None, *which: sa.ColumnElement[bool]
) -> RecordPage:
    """Return a page of changes of this person's or all sessions: those with ids below `before`.

    None means the newest. Those count that meet the conditions; of the changes of everybody's
    sessions, those that came after the first one of this person's.
    """
    is_older = sa.true() if before is None else SessionChange.id < before
    found = list(work.session.scalars(changes_of(user_id, PAGE_SIZE + 1, is_older, *which)))
    shown = found[:PAGE_SIZE]
    return RecordPage(
        entries_of(work, shown), next_before=shown[-1].id if len(found) > PAGE_SIZE else None
    )


def changes_of(
    user_id: int, limit: int, *conditions: sa.ColumnElement[bool]
) -> sa.Select[SessionChange]:
    """Return the query for the latest changes, newest first.

    Two walks along the index of (user_id, id), each of which ends at the limit: with an OR the
    databases would rather read the whole table.
    """
    first = _first(user_id)
    own = (
        sa.select(SessionChange.id)
        .where(SessionChange.user_id == user_id, *conditions)
        .order_by(SessionChange.id.desc())
        .limit(limit)
        .subquery()
    )
    of_everybody = (
        sa.select(SessionChange.id)
        .where(is_of_everybody(), SessionChange.id > first, *conditions)
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


def is_of_person(
    user_id: int, change: type[SessionChange] = SessionChange
) -> sa.ColumnElement[bool]:
    """Return the condition that a change is one of those that `changes_of` finds."""
    of_everybody = sa.and_(is_of_everybody(change), change.id > _first(user_id))
    return sa.or_(change.user_id == user_id, of_everybody)


def _first(user_id: int) -> sa.ScalarSelect[int]:
    """Return the id of the person's first change."""
    own = orm.aliased(SessionChange)
    return sa.select(sa.func.min(own.id)).where(own.user_id == user_id).scalar_subquery()
