"""Begins and ends exams by hand; the clock needs nobody for that."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from timApp.database.work import UnitOfWork
from timApp.guard.changes.hold import forget_outside
from timApp.guard.changes.lock import lock_people_who
from timApp.guard.changes.move import move
from timApp.guard.changes.record import record_each, record_of_things
from timApp.guard.exams.find import lock_exam
from timApp.guard.rules.clocks import Clocks
from timApp.guard.rules.exam import Phase, phase_of
from timApp.guard.rules.lifetime import CAUSES, Event
from timApp.guard.tables.exam import Exam, sits
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.state import began_anew, is_open
from timApp.guard.vocabulary import Action, Actor
from timApp.guard.waiting.codes import stop_waiting
from timApp.user.user import User
from timApp.util.clock import now
from timApp.util.errors import Conflict
from timApp.util.text import quoted


@dataclass(frozen=True)
class Effect:
    """Whom it hits, or has hit, that an exam is begun."""

    #: How many sit it.
    people: int
    #: How many of their sessions end, and of how many people.
    sessions: int
    people_hit: int


@dataclass(frozen=True)
class ExamBegun:
    """An exam that was begun."""

    exam: Exam
    #: None if it had been begun before, so that nothing has changed.
    effect: Effect | None


@dataclass(frozen=True)
class ExamEnded:
    """An exam that was ended."""

    exam: Exam
    #: False if it was over before, so that nothing has changed.
    is_new: bool


def effect_of_begin(work: UnitOfWork, exam: Exam) -> Effect:
    """Return whom it would hit if the exam was begun now; nothing changes."""
    people = work.session.scalars(
        sa.select(sa.func.count()).select_from(User).where(_sits_it(exam))
    ).one()
    sessions, people_hit = work.session.execute(
        sa.select(sa.func.count(), sa.func.count(UserSession.user_id.distinct())).where(
            is_open(), *_of_before(exam, now())
        )
    ).one()
    return Effect(people, sessions, people_hit)


def begin_exam(work: UnitOfWork, title: str, actor: Actor, clocks: Clocks) -> ExamBegun:
    """Begin the exam, and end the open sessions from before it of all who sit it.

    Their holds and blocked logins of before are settled. If the clock has begun it already,
    sessions that began since go on. Repeated, it changes nothing. `NotFound` (field ``title``) for
    an unknown title, `Conflict` for an exam that is over. Nothing is committed.

    The exam is locked before people are; who logs in meanwhile comes before it, and is ended, or
    after it, and finds the exam begun.
    """
    exam = lock_exam(work, title)
    moment = now()
    if phase_of(exam, moment) is Phase.OVER:
        raise Conflict(
            "The exam %(title)s is over; it cannot begin any more.",
            field="title",
            title=quoted(exam.title),
        )
    if exam.begun_at is not None:
        return ExamBegun(exam, None)
    people = lock_people_who(work, _sits_it(exam))
    moment = now()
    which = _of_before(exam, moment)
    exam.begun_at, exam.begun_by, exam.begun_by_kind = moment, actor.name, actor.kind
    work.session.flush()
    record_of_things(work, actor, Action.BEGIN_EXAM, [exam.title], moment)
    event = Event.EXAM_BEGAN
    record_each(work, actor, Action.END, CAUSES[event], exam.title, moment, is_open(), *which)
    changed = move(work, clocks, event, moment, *which)
    those = sa.select(User.id).where(_sits_it(exam))
    forget_outside(work, moment, those)
    stop_waiting(work, those)
    return ExamBegun(exam, Effect(len(people), len(changed), len(set(changed))))


def end_exam(work: UnitOfWork, title: str, actor: Actor) -> ExamEnded:
    """End the exam: its documents close, its policies and holds count no more.

    Sessions go on. Repeated, or after the clock has ended it, it changes nothing. `NotFound` (field
    ``title``) for an unknown title, `Conflict` for an exam that has not begun. Nothing is
    committed.
    """
    exam = lock_exam(work, title)
    moment = now()
    phase = phase_of(exam, moment)
    if phase is Phase.TO_COME:
        raise Conflict(
            "The exam %(title)s has not begun yet.", field="title", title=quoted(exam.title)
        )
    if phase is Phase.OVER:
        return ExamEnded(exam, is_new=False)
    exam.ended_at, exam.ended_by, exam.ended_by_kind = moment, actor.name, actor.kind
    work.session.flush()
    record_of_things(work, actor, Action.END_EXAM, [exam.title], moment)
    return ExamEnded(exam, is_new=True)


def _sits_it(exam: Exam) -> sa.ColumnElement[bool]:
    return sa.exists().where(Exam.id == exam.id, sits(User.__table__.c.id)).correlate(User)


def _of_before(exam: Exam, moment: datetime) -> Sequence[sa.ColumnElement[bool]]:
    """Return the conditions on the sessions from before the exam of those who sit it.

    All there are, unless the clock has begun it: some may be dated by a clock that is ahead.
    """
    is_theirs = UserSession.user_id.in_(sa.select(User.id).where(_sits_it(exam)))
    is_before = sa.true() if moment < exam.starts_at else began_anew() < exam.starts_at
    return is_theirs, is_before
