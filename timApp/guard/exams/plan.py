"""Plans exams."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from timApp.database.work import UnitOfWork
from timApp.guard.exams.find import find_exam, lock_exam
from timApp.guard.rules.exam import EXAM_POLICY, Phase, phase_of
from timApp.guard.rules.policy import Policy
from timApp.guard.tables.exam import Exam
from timApp.user.usergroup import SUPERVISOR_GROUP, UserGroup, require_group, require_real_group
from timApp.util.clock import now
from timApp.util.errors import BadInput, Conflict
from timApp.util.names import key_of
from timApp.util.text import check_text, quoted


@dataclass(frozen=True)
class ExamPlan:
    """An exam that is to be."""

    title: str
    starts_at: datetime
    ends_at: datetime
    #: Names of groups, and of single people, who sit it.
    groups: Sequence[str] = ()
    #: Those who supervise it; with none, the site's supervisors do.
    supervisors: Sequence[str] = ()
    policy: Policy = EXAM_POLICY


def add_exam(work: UnitOfWork, plan: ExamPlan) -> Exam:
    """Add an exam; nothing is committed.

    `BadInput` for a title that is empty, too long or no line of text (field ``title``), and for an
    end that does not come after the beginning, or is past (``to``); `Conflict` (``title``) if there
    is an exam of that title; `NotFound` (``group``) for a group that there is not.
    """
    title = check_text("title", plan.title, required=True)
    check_times(plan.starts_at, plan.ends_at)
    if find_exam(work, title) is not None:
        raise _title_taken(title)
    policy = plan.policy
    exam = Exam(
        title=title,
        title_key=key_of(title),
        starts_at=plan.starts_at,
        ends_at=plan.ends_at,
        over_limit=policy.over_limit,
        after_end=policy.after_end,
        device=policy.device,
        groups=named_groups(work, plan.groups),
        supervisors=named_groups(work, plan.supervisors)
        or [require_real_group(work, SUPERVISOR_GROUP)],
    )
    work.session.add(exam)
    try:
        work.session.flush()
    except sa.exc.IntegrityError as error:  # somebody else was faster
        raise _title_taken(title) from error
    return exam


def lock_planned(work: UnitOfWork, title: str) -> Exam:
    """Return the exam, which is to come, and which nobody else changes until the transaction ends.

    `NotFound` (field ``title``) if there is none, `Conflict` if it has begun.
    """
    exam = lock_exam(work, title)
    if phase_of(exam, now()) is not Phase.TO_COME:
        raise Conflict(
            "The exam %(title)s has begun; it cannot be changed or deleted any more.",
            field="title",
            title=quoted(exam.title),
        )
    return exam


def move_exam(
    work: UnitOfWork, exam: Exam, starts_at: datetime | None, ends_at: datetime | None
) -> None:
    """Give the exam, which is to come, other times; None leaves one as it is.

    `BadInput` as in `add_exam`.
    """
    starts_at, ends_at = starts_at or exam.starts_at, ends_at or exam.ends_at
    check_times(starts_at, ends_at)
    exam.starts_at, exam.ends_at = starts_at, ends_at
    work.session.flush()


def change_groups(
    work: UnitOfWork, groups: list[UserGroup], added: Iterable[str], removed: Iterable[str]
) -> None:
    """Add groups to those that sit an exam or supervise it, and take others away.

    Those that are there already, or are not, change nothing. `NotFound` (field ``group``) for a
    group that there is not.
    """
    gone = {group.id for group in named_groups(work, removed)}
    new = {group.id: group for group in [*groups, *named_groups(work, added)]}
    groups[:] = [group for id_, group in new.items() if id_ not in gone]
    work.session.flush()


def delete_exam(work: UnitOfWork, exam: Exam) -> None:
    """Delete the exam, which is to come, and has no documents any more."""
    work.session.delete(exam)
    work.session.flush()


def check_times(starts_at: datetime, ends_at: datetime) -> None:
    """Raise `BadInput` (field ``to``) unless an exam can be from the one time to the other."""
    if ends_at <= starts_at:
        raise BadInput("An exam has to end after it begins.", field="to")
    if ends_at <= now():
        raise BadInput("The end of the exam is past already.", field="to")


def named_groups(work: UnitOfWork, names: Iterable[str]) -> list[UserGroup]:
    """Return the groups of these names, each once; `NotFound` for one that there is not."""
    return list({group.id: group for group in (require_group(work, one) for one in names)}.values())


def _title_taken(title: str) -> Conflict:
    return Conflict("There is an exam %(title)s already.", field="title", title=quoted(title))
