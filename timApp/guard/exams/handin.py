"""Hands exams in: an exam ends for one person, with all their sessions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from timApp.database.dialects.types import UTCDateTime
from timApp.database.work import UnitOfWork
from timApp.guard.changes.change import Change, OnePerson
from timApp.guard.changes.hold import settle_exam
from timApp.guard.changes.lock import lock_people
from timApp.guard.changes.move import move
from timApp.guard.changes.record import Entry, record
from timApp.guard.cookie import Claims
from timApp.guard.reading.bearer import session_is_active
from timApp.guard.rules.clocks import Clocks
from timApp.guard.rules.lifetime import Event
from timApp.guard.tables.exam import EARLIEST_FIRST, Exam, runs, sits
from timApp.guard.tables.handin import HandIn, handed_in_at
from timApp.guard.tables.session import UserSession
from timApp.guard.vocabulary import Action, Actor, Cause
from timApp.guard.waiting.codes import stop_waiting
from timApp.util.clock import now
from timApp.util.errors import Conflict
from timApp.util.names import key_of
from timApp.util.text import is_storable, quoted


@dataclass(frozen=True)
class SatExam:
    """An exam that runs and that somebody sits, or has sat."""

    exam: Exam
    #: When they handed it in; None if they have not.
    handed_in_at: datetime | None


@dataclass(frozen=True)
class HandedIn:
    """An exam that somebody has handed in."""

    title: str
    at: datetime
    #: False if they had done so before, so that nothing has changed.
    is_new: bool


def exams_sat_by(work: UnitOfWork, user_id: int) -> Sequence[SatExam]:
    """Return the exams that run and that the person sits or has handed in, the latest first."""
    person = sa.literal(user_id)
    query = (
        sa.select(Exam, handed_in_at(person))
        .where(runs(sa.literal(now(), UTCDateTime())), sits(person))
        .order_by(*(one.desc() for one in EARLIEST_FIRST))
    )
    return [SatExam(exam, at) for exam, at in work.session.execute(query)]


def handed_in_with(work: UnitOfWork, claims: Claims) -> HandedIn | None:
    """Return the exam that the person handed in by the session of a cookie; None if they did not.

    So whoever sends it twice, or has not got the answer, learns what has come of it.
    """
    found = work.session.execute(
        sa.select(Exam.title, HandIn.handed_in_at)
        .join(HandIn, HandIn.exam_id == Exam.id)
        .join(
            UserSession,
            sa.and_(
                UserSession.user_id == HandIn.user_id,
                UserSession.logged_out_at == HandIn.handed_in_at,
            ),
        )
        .where(
            UserSession.user_id == claims.user_id,
            UserSession.session_id == claims.session_id,
            UserSession.cause == Cause.HANDED_IN,
        )
    ).first()
    return None if found is None else HandedIn(*found, is_new=False)


def hand_in(  # noqa: PLR0917 - of one act
    work: UnitOfWork,
    user_id: int,
    actor: Actor,
    clocks: Clocks,
    title: str | None = None,
    session_id: str | None = None,
) -> HandedIn:
    """Hand in the exam of that title, or the one that counts for the person now.

    `session_id` is the session in which they ask, which has to be active still; None for a program
    that knows better.

    All their sessions end for good, what they are held for in the exam is settled, and its
    documents are closed to them although they log in again. Repeated, it changes nothing.
    `Conflict` (field ``exam``) if that exam does not run for them, or if their session has been
    stopped meanwhile. Nothing is committed.
    """
    lock_people(work, [user_id])
    moment = now()
    if session_id is not None and not session_is_active(work, user_id, session_id, clocks):
        done = handed_in_with(work, Claims(user_id, session_id))
        if done is not None:
            return done
        raise Conflict(
            "Your session has been stopped meanwhile; nothing was changed.", field="exam"
        )
    chosen = _chosen(exams_sat_by(work, user_id), title)
    exam = chosen.exam
    if chosen.handed_in_at is not None:
        return HandedIn(exam.title, chosen.handed_in_at, is_new=False)
    work.session.add(HandIn(exam_id=exam.id, user_id=user_id, handed_in_at=moment))
    work.session.flush()
    ended = move(work, clocks, Event.HANDED_IN, moment, UserSession.user_id == user_id)
    settle_exam(work, exam.id, user_id)
    stop_waiting(work, [user_id])
    entry = Entry(user_id, None, len(ended), stands_alone=True)
    change = Change(Action.HAND_IN, OnePerson(actor.name, user_id), actor, exam.title)
    record(work, change, change.action, moment, [entry])
    return HandedIn(exam.title, moment, is_new=True)


def _chosen(sat: Sequence[SatExam], title: str | None) -> SatExam:
    if title is not None:
        key = key_of(title) if is_storable(title) else None
        named = [one for one in sat if one.exam.title_key == key]
        if not named:
            raise Conflict(
                "The exam %(title)s does not run for you now; nothing was changed.",
                field="exam",
                title=quoted(title),
            )
        return named[0]
    if not sat:
        raise Conflict("No exam runs for you now; nothing was changed.", field="exam")
    return next((one for one in sat if one.handed_in_at is None), sat[0])
