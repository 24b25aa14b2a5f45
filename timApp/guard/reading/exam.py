"""What lists are narrowed down to: the people of exams, and their time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

import sqlalchemy as sa

from timApp.database.work import UnitOfWork
from timApp.guard.rules.exam import end_of, start_of
from timApp.guard.tables.change import SessionChange, is_of_everybody
from timApp.guard.tables.exam import Exam, people_of
from timApp.guard.tables.session import UserSession


@dataclass(frozen=True)
class ExamTime:
    """An exam, and when it runs or ran."""

    exam_id: int
    start: datetime
    end: datetime


class OfExams(TypedDict):
    """The conditions of a `SessionFilter` that say of which exams sessions are asked for."""

    exams: tuple[ExamTime, ...]
    since: datetime
    until: datetime


def time_of_exam(exam: Exam) -> ExamTime:
    """Return which exam it is, and when it runs or ran."""
    return ExamTime(exam.id, start_of(exam), end_of(exam))


def is_of_exam(exam: ExamTime, session: type[UserSession] = UserSession) -> sa.ColumnElement[bool]:
    """Return the condition that a session (the class, or an alias) is one of the exam.

    It is of somebody who sits the exam, and began within it, or before and was not ended by then.
    """
    return sa.and_(
        session.user_id.in_(people_of(exam.exam_id)),
        session.logged_in_at < exam.end,
        sa.or_(
            session.logged_in_at >= exam.start,
            session.expired_at.is_(None),
            session.expired_at > exam.start,
        ),
    )


def is_within(
    exam: ExamTime, change: type[SessionChange] = SessionChange
) -> sa.ColumnElement[bool]:
    """Return the condition that a change, of whatever sessions, was made within the exam."""
    return sa.and_(change.at >= exam.start, change.at < exam.end)


def is_change_of_exam(
    exam: ExamTime, change: type[SessionChange] = SessionChange
) -> sa.ColumnElement[bool]:
    """Return the condition that a change (the class, or an alias) is one of the exam.

    It was made within it, of sessions of somebody who sits it, or of everybody.
    """
    return sa.and_(
        is_within(exam, change),
        sa.or_(is_of_everybody(change), change.user_id.in_(people_of(exam.exam_id))),
    )


def of_exams(work: UnitOfWork, exams: Sequence[Exam]) -> OfExams:
    """Return the conditions for the sessions of any of these exams, of which there is one at least.

    With the time of the first login: an index leads there, and none to what was open at a moment.
    """
    times = tuple(map(time_of_exam, exams))
    first = min(one.start for one in times)
    before = sa.select(sa.func.min(UserSession.logged_in_at)).where(
        UserSession.logged_in_at < first, sa.or_(*map(is_of_exam, times))
    )
    since = work.session.scalar(before) or first
    return {"exams": times, "since": since, "until": max(one.end for one in times)}
