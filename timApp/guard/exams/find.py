"""Looks up exams."""

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.dialects.types import UTCDateTime
from timApp.database.engine import begin_write
from timApp.database.work import UnitOfWork
from timApp.guard.tables.exam import EARLIEST_FIRST, Exam, runs, sits, supervises
from timApp.user.user import User
from timApp.util.clock import now
from timApp.util.errors import NotFound
from timApp.util.names import key_of
from timApp.util.text import is_storable, quoted


def find_exam(work: UnitOfWork, title: str) -> Exam | None:
    """Return the exam of that title, compared as names of people are, or None."""
    if not is_storable(title):
        return None
    return work.session.scalar(sa.select(Exam).where(Exam.title_key == key_of(title)))


def require_exam(work: UnitOfWork, title: str) -> Exam:
    """Return the exam of that title; `NotFound` (field ``title``) if there is none."""
    exam = find_exam(work, title)
    if exam is None:
        raise NotFound("There is no exam %(title)s.", field="title", title=quoted(title))
    return exam


def require_exam_by_id(work: UnitOfWork, exam_id: int) -> Exam:
    """Return the exam of that id, whatever its title is by now; `NotFound` if it is not there."""
    exam = work.session.get(Exam, exam_id)
    if exam is None:
        raise NotFound("This exam is not there any more: somebody has deleted it.")
    return exam


def lock_exam(work: UnitOfWork, title: str) -> Exam:
    """Return the exam of that title, which nobody else changes until the transaction ends.

    `NotFound` (field ``title``) if there is none.
    """
    begin_write(work.session.connection())
    return _locked(work, require_exam(work, title))


def lock_exam_by_id(work: UnitOfWork, exam_id: int) -> Exam:
    """Return the exam of that id, whatever its title is by now; see `lock_exam`.

    `NotFound` if there is none any more.
    """
    begin_write(work.session.connection())
    return _locked(work, require_exam_by_id(work, exam_id))


def _locked(work: UnitOfWork, exam: Exam) -> Exam:
    work.session.refresh(exam, with_for_update={"key_share": True})
    return exam


def all_exams(work: UnitOfWork) -> Sequence[Exam]:
    """Return all exams with their groups, the latest first."""
    query = (
        sa.select(Exam)
        .order_by(Exam.starts_at.desc(), Exam.id.desc())
        .options(orm.selectinload(Exam.groups), orm.selectinload(Exam.supervisors))
    )
    return work.session.scalars(query).all()


def running_exams(work: UnitOfWork, user_id: int | None = None) -> Sequence[Exam]:
    """Return the exams that run, or of those the ones that the person sits.

    The one that began first comes before the others.
    """
    query = sa.select(Exam).where(runs(sa.literal(now(), UTCDateTime()))).order_by(*EARLIEST_FIRST)
    if user_id is not None:
        query = query.where(sits(sa.literal(user_id)))
    return work.session.scalars(query).all()


def supervised_among(work: UnitOfWork, supervisor_id: int, names: Collection[str]) -> set[str]:
    """Return those of the names whose people sit an exam that runs and that one supervises.

    Names of nobody are left out. It is one look-up, and none without a name.
    """
    if not names:
        return set()
    is_theirs = sa.exists().where(
        runs(sa.literal(now(), UTCDateTime())),
        supervises(sa.literal(supervisor_id)),
        sits(User.__table__.c.id),
    )
    query = sa.select(User.name).where(User.name.in_(names), is_theirs.correlate(User))
    return set(work.session.scalars(query))
