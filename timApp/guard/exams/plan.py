"""Plans exams."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from timApp.database.work import UnitOfWork
from timApp.guard.exams.find import find_exam
from timApp.guard.rules.exam import EXAM_POLICY
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
