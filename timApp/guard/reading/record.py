"""The record of changes of everybody's sessions, narrowed down, page by page.

As in the list of sessions (`timApp.guard.reading.page`), a page begins after a position that an
index finds at once, and what no index answers is looked for among a limited number of changes at a
time. Changes are in the order in which they were recorded, the newest first; those of a time range
in the order of their times, which is the same but for those that were made at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.work import UnitOfWork
from timApp.guard.reading.entry import RecordPage, entries_of
from timApp.guard.reading.exam import ExamTime, is_change_of_exam
from timApp.guard.reading.history import changes_of, is_of_person
from timApp.guard.tables.change import IS_RARE, OFTEN, SessionChange, is_of_everybody
from timApp.guard.vocabulary import Action
from timApp.user.search import has_text
from timApp.user.user import User
from timApp.util.errors import NotFound

_Change = type[SessionChange]
_Condition = sa.ColumnElement[bool]


@dataclass(frozen=True)
class RecordFilter:
    """The changes that meet every condition that is given; None (or no text) is no condition.

    A change of everybody's sessions is one of each person's and of each exam's, as far as they were
    there.
    """

    #: The name of who made it, to the letter.
    actor: str | None = None
    #: Of whose sessions.
    user_id: int | None = None
    #: Text in the person's name, real name or email, as `timApp.user.search.has_text` compares.
    person: str = ""
    action: Action | None = None
    #: It is of one of these exams; none is any change.
    exams: tuple[ExamTime, ...] = ()
    #: At this time or later.
    since: datetime | None = None
    #: Before this time.
    until: datetime | None = None

    def within(self, exams: tuple[ExamTime, ...]) -> "RecordFilter":
        """Return the filter for those that are of one of these exams, of which there is one."""
        since, until = min(one.start for one in exams), max(one.end for one in exams)
        return replace(
            self,
            exams=exams,
            since=since if self.since is None else max(since, self.since),
            until=until if self.until is None else min(until, self.until),
        )

    def conditions(self, change: _Change = SessionChange) -> list[_Condition]:
        """Return the conditions that a change (the class, or an alias) meets if it is meant."""
        found: list[_Condition] = []
        if self.actor is not None:
            found.append(change.actor == self.actor)
        if self.action is not None:
            found.append(change.action == self.action)
        if self.since is not None:
            found.append(change.at >= self.since)
        if self.until is not None:
            found.append(change.at < self.until)
        if self.user_id is not None:
            found.append(is_of_person(self.user_id, change))
        if self.person:
            meant = sa.select(User.id).where(has_text(self.person))
            found.append(sa.or_(is_of_everybody(change), change.user_id.in_(meant)))
        if self.exams:
            found.append(sa.or_(*(is_change_of_exam(one, change) for one in self.exams)))
        return found


@dataclass(frozen=True)
class Named:
    """What a person is called."""

    name: str
    real_name: str


def found_changes(
    work: UnitOfWork, which: RecordFilter, before: int | None, *, size: int, scan_limit: int
) -> RecordPage:
    """Return at most `size` changes of the filter, those before the one of that number.

    None means the newest. At most `scan_limit` changes are looked at, but of one person all that
    there are. `NotFound` (field ``before``) for the number of no change.
    """
    after = None
    if before is not None:
        after = work.session.get(SessionChange, before)
        if after is None:
            raise NotFound(
                "There is no change %(number)s in the record.", field="before", number=before
            )
    changes = list(work.session.scalars(page_query(which, after, size + 1, scan_limit)))
    shown = changes[:size]
    if len(changes) > size:
        return RecordPage(entries_of(work, shown), shown[-1].id)
    edge = None
    if which.user_id is None and _residual(which):
        edge = work.session.scalar(edge_query(which, after, scan_limit))
    return RecordPage(entries_of(work, shown), edge, is_cut_short=edge is not None)


def has_made_changes(work: UnitOfWork, actor: str) -> bool:
    """Tell whether somebody is recorded by that name, to the letter, who made a change."""
    found = sa.select(sa.exists().where(SessionChange.actor == actor))
    return bool(work.session.scalar(found))


def people_of_page(work: UnitOfWork, page: RecordPage) -> Mapping[int, Named]:
    """Return what the people are called whose sessions were changed, by their ids."""
    ids = {one.change.user_id for one in page.entries if one.change.user_id is not None}
    query = sa.select(User.id, User.name, User.real_name).where(User.id.in_(ids))
    return {
        user_id: Named(name, real_name) for user_id, name, real_name in work.session.execute(query)
    }


def page_query(
    which: RecordFilter, after: SessionChange | None, limit: int, scan_limit: int
) -> sa.Select[SessionChange]:
    """Return the query for the first changes after (that is, before the time of) another one."""
    if which.user_id is not None:
        rest = replace(which, user_id=None).conditions()
        is_later = sa.true() if after is None else SessionChange.id < after.id
        return changes_of(which.user_id, limit, is_later, *rest)
    query = _candidates(which, after)
    if _residual(which):
        looked_at = orm.aliased(SessionChange, query.limit(scan_limit).subquery("looked_at"))
        query = (
            sa.select(looked_at)
            .where(*_residual(which, looked_at))
            .order_by(*_order(which, looked_at))
        )
    return query.limit(limit)


def edge_query(which: RecordFilter, after: SessionChange | None, scan_limit: int) -> sa.Select[int]:
    """Return the query for the last candidate that is looked at; none if there are fewer."""
    query = _candidates(which, after).offset(scan_limit - 1).limit(1)
    return query.with_only_columns(SessionChange.id)


def _candidates(which: RecordFilter, after: SessionChange | None) -> sa.Select[SessionChange]:
    """Return the query for changes in the order of an index, among them all that are meant."""
    query = sa.select(SessionChange).where(*_answered(which).conditions())
    if _is_by_action(which):
        query = query.where(IS_RARE)
    if after is not None and _is_by_time(which):
        place = sa.tuple_(sa.literal(after.at, SessionChange.at.type), sa.literal(after.id))
        # The first follows from the second, and lets the search begin in the index.
        query = query.where(
            SessionChange.at <= after.at, sa.tuple_(SessionChange.at, SessionChange.id) < place
        )
    elif after is not None:
        query = query.where(SessionChange.id < after.id)
    return query.order_by(*_order(which, SessionChange))


def _order(which: RecordFilter, change: _Change) -> list[Any]:
    return [change.at.desc(), change.id.desc()] if _is_by_time(which) else [change.id.desc()]


def _answered(which: RecordFilter) -> RecordFilter:
    """Return the part of the filter that an index answers."""
    if which.actor is not None:
        return RecordFilter(actor=which.actor)
    if _is_by_action(which):
        return RecordFilter(action=which.action)
    return RecordFilter(since=which.since, until=which.until)


def _residual(which: RecordFilter, change: _Change = SessionChange) -> list[_Condition]:
    """Return what a candidate still has to meet."""
    answered = _answered(which)
    rest = replace(
        which,
        actor=None if answered.actor is not None else which.actor,
        action=None if answered.action is not None else which.action,
        since=None if answered.since is not None else which.since,
        until=None if answered.until is not None else which.until,
    )
    return rest.conditions(change)


def _is_by_action(which: RecordFilter) -> bool:
    """Tell whether the index of rare actions is the one to use; a time range has fewer changes."""
    has_times = which.since is not None or which.until is not None
    is_rare = which.action is not None and which.action not in OFTEN
    return which.actor is None and is_rare and not has_times


def _is_by_time(which: RecordFilter) -> bool:
    return which.actor is None and not _is_by_action(which)
