"""Notes what has to be settled before somebody's next login, and settles it."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa

from timApp.database.dialects.types import UTCDateTime
from timApp.database.model import ConflictInsert, conflict_insert
from timApp.database.work import UnitOfWork
from timApp.guard.changes.exam import running_exam, runs_for
from timApp.guard.tables.exam import Exam, runs, sits
from timApp.guard.tables.handin import has_handed_in
from timApp.guard.tables.hold import OF_A_PAUSE, OF_AN_END, SessionHold
from timApp.guard.tables.session import UserSession

#: What names the blocked login of a row.
SESSION_KEY_OF_HOLD = sa.tuple_(SessionHold.user_id, SessionHold.session_id)
_IS_LOGIN = SessionHold.session_id.not_in([OF_AN_END, OF_A_PAUSE])


def note_ends(work: UnitOfWork, moment: datetime, user_ids: Iterable[int]) -> None:
    """Note that somebody has ended sessions of these people."""
    owners = sorted(set(user_ids))
    if owners:
        _note_of(work, moment, OF_AN_END, owners)


def note_pause(work: UnitOfWork, moment: datetime, user_id: int) -> None:
    """Note that the person has left the room."""
    _note_of(work, moment, OF_A_PAUSE, [user_id])


def is_paused(work: UnitOfWork, moment: datetime, user_id: int) -> bool:
    """Tell whether the person has left the room, and that counts at this moment."""
    at, person = sa.literal(moment, UTCDateTime()), sa.literal(user_id)
    is_outside = running_exam(work, user_id, moment) is None
    is_noted = sa.exists().where(
        SessionHold.user_id == user_id,
        SessionHold.session_id == OF_A_PAUSE,
        sa.or_(
            sa.and_(SessionHold.exam_id.is_(None), sa.literal(is_outside)),
            runs_for(SessionHold.__table__.c.exam_id, at, person, sits(person)),
        ),
    )
    return bool(work.session.scalar(sa.select(is_noted)))


def unsettled_logins(work: UnitOfWork, user_id: int) -> set[str]:
    """Return the ids of the person's blocked logins that are not settled."""
    is_theirs = SessionHold.user_id == user_id
    return set(work.session.scalars(sa.select(SessionHold.session_id).where(is_theirs, _IS_LOGIN)))


def note_ends_of_all(work: UnitOfWork, moment: datetime, is_to_end: sa.ColumnElement[bool]) -> None:
    """Note that somebody ends the sessions that meet the condition; before they do."""
    ends = (
        sa.select(
            UserSession.user_id,
            sa.literal(OF_AN_END).label("session_id"),
            sa.literal(moment, SessionHold.since.type).label("since"),
        )
        .where(is_to_end)
        .distinct()
    )
    columns = [SessionHold.user_id, SessionHold.session_id, SessionHold.since]
    insert = conflict_insert(work.session.connection(), SessionHold)
    _note(work, insert.from_select(columns, ends), moment, OF_AN_END)


def settle(work: UnitOfWork, user_ids: Iterable[int] | None = None) -> None:
    """Settle all ends, pauses and blocked logins of these people, or of everybody."""
    which = sa.true() if user_ids is None else SessionHold.user_id.in_(user_ids)
    _drop(work, which)


def settle_logins(work: UnitOfWork, *which: sa.ColumnElement[bool]) -> None:
    """Settle those blocked logins; ends of active sessions and pauses stay as they are."""
    _drop(work, _IS_LOGIN, *which)


def settle_exam(work: UnitOfWork, exam_id: int, user_id: int) -> None:
    """Settle all that the person's ends, pauses and blocked logins in the exam have left."""
    _drop(work, SessionHold.exam_id == exam_id, SessionHold.user_id == user_id)


def forget_outside(work: UnitOfWork, moment: datetime, user_ids: sa.Select[int]) -> None:
    """Settle what these people's ends and blocked logins outside of exams that run have left."""
    running = sa.select(Exam.id).where(runs(sa.literal(moment, UTCDateTime())))
    is_outside = sa.or_(SessionHold.exam_id.is_(None), SessionHold.exam_id.not_in(running))
    _drop(work, is_outside, SessionHold.user_id.in_(user_ids))


def _note_of(work: UnitOfWork, moment: datetime, what: str, user_ids: Sequence[int]) -> None:
    rows = [{"user_id": one, "session_id": what, "since": moment} for one in user_ids]
    insert = conflict_insert(work.session.connection(), SessionHold).values(rows)
    _note(work, insert, moment, what, SessionHold.user_id.in_(user_ids))


def _note(
    work: UnitOfWork,
    insert: ConflictInsert,
    moment: datetime,
    what: str,
    *which: sa.ColumnElement[bool],
) -> None:
    """Note ends or pauses at this moment, which are of the exam that the person sits now.

    Of several it is the one that ends last, as they are to count as long as one runs. The latest
    counts, as one that is over with its exam must not hide a new one.
    """
    work.session.execute(
        insert.on_conflict_do_update(
            index_elements=[SessionHold.user_id, SessionHold.session_id],
            set_={"since": insert.excluded.since, "exam_id": insert.excluded.exam_id},
        )
    )
    is_new = (SessionHold.session_id == what, SessionHold.since == moment, *which)
    for exam_id in work.session.scalars(
        sa.select(Exam.id)
        .where(runs(sa.literal(moment, UTCDateTime())))
        .order_by(Exam.ends_at, Exam.id)
    ):
        person = SessionHold.__table__.c.user_id
        sits_it = sa.exists().where(Exam.id == exam_id, sits(person), ~has_handed_in(person))
        work.session.execute(
            sa.update(SessionHold)
            .where(*is_new, sits_it.correlate(SessionHold))
            .values(exam_id=exam_id),
            execution_options={"synchronize_session": False},
        )


def _drop(work: UnitOfWork, *which: sa.ColumnElement[bool]) -> None:
    work.session.execute(
        sa.delete(SessionHold).where(*which), execution_options={"synchronize_session": False}
    )
