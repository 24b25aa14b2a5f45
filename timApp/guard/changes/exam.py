"""The exam that somebody sits at a moment, as changes of their sessions have to know it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from timApp.database.dialects.types import UTCDateTime
from timApp.database.work import UnitOfWork
from timApp.guard.rules.policy import Policy
from timApp.guard.tables.exam import EARLIEST_FIRST, Exam, runs, sits, starts
from timApp.guard.tables.handin import has_handed_in


@dataclass(frozen=True)
class RunningExam:
    """The exam that the person sits."""

    id: int
    start: datetime
    policy: Policy


def running_exam_query(
    moment: sa.ColumnElement[datetime],
    user_id: sa.ColumnElement[int],
    *sit_it: sa.ColumnElement[bool],
) -> sa.Select[*tuple[Any, ...]]:
    """Return the query for the exam that somebody sits at a moment, and has not handed in.

    Of several it is the last to begin, and of those that began at once the last that was added. The
    conditions say that they sit it. Its columns are those of `RunningExam`, with those of the
    policy.
    """
    return (
        sa.select(
            Exam.id,
            starts().label("start"),
            Exam.over_limit,
            Exam.after_end,
            Exam.device.label("device_rule"),
        )
        .where(runs(moment), *sit_it, ~has_handed_in(user_id))
        .order_by(*(one.desc() for one in EARLIEST_FIRST))
        .limit(1)
    )


def runs_for(
    exam_id: sa.ColumnElement[int | None],
    moment: sa.ColumnElement[datetime],
    user_id: sa.ColumnElement[int],
    *sit_it: sa.ColumnElement[bool],
) -> sa.ColumnElement[bool]:
    """Return the condition that the exam with that id runs at a moment for somebody.

    Of several that do, what happened in each counts. The conditions say that they sit it.
    """
    return (
        sa.exists()
        .where(Exam.id == exam_id, runs(moment), *sit_it, ~has_handed_in(user_id))
        .correlate_except(Exam)
    )


def running_exam(work: UnitOfWork, user_id: int, moment: datetime) -> RunningExam | None:
    """Return the exam that the person sits at the moment, or None."""
    at = sa.literal(moment, UTCDateTime())
    person = sa.literal(user_id)
    query = running_exam_query(at, person, sits(person))
    row = work.session.execute(query).first()
    return None if row is None else RunningExam(row.id, row.start, Policy(*row[2:]))
