"""Plans exams, and changes and deletes them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from timApp.database.work import UnitOfWork
from timApp.guard.exams.browser import NO_BROWSER, BrowserPlan, ask_for, asked_for
from timApp.guard.exams.find import find_exam, lock_exam
from timApp.guard.rules.exam import EXAM_POLICY, Part, Phase, changeable, phase_of, start_of
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
    browser: BrowserPlan = NO_BROWSER


def add_exam(work: UnitOfWork, plan: ExamPlan) -> Exam:
    """Add an exam; nothing is committed.

    `BadInput` for a title that is empty, too long or no line of text (field ``title``), and for an
    end that does not come after the beginning, or is past (``to``); `Conflict` (``title``) if there
    is an exam of that title; `NotFound` (``group``) for a group that there is not; `BadInput` for a
    key that is none, see `timApp.guard.exams.browser.ask_for`.
    """
    title = check_title(work, plan.title)
    check_times(plan.starts_at, plan.ends_at)
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
        supervisors=_supervisors(work, plan),
    )
    ask_for(exam, plan.browser)
    work.session.add(exam)
    _flush_title(work, title)
    return exam


def lock_planned(work: UnitOfWork, title: str) -> Exam:
    """Return the exam, which is to come, and which nobody else changes until the transaction ends.

    `NotFound` (field ``title``) if there is none, `Conflict` if it has begun.
    """
    exam = lock_exam(work, title)
    if phase_of(exam, now()) is not Phase.TO_COME:
        raise Conflict(
            "The exam %(title)s has begun; it cannot be deleted any more.",
            field="title",
            title=quoted(exam.title),
        )
    return exam


def plan_of(exam: Exam) -> ExamPlan:
    """Return what the exam is now, as a plan."""
    return ExamPlan(
        exam.title,
        exam.starts_at,
        exam.ends_at,
        [group.name for group in exam.groups],
        [group.name for group in exam.supervisors],
        exam.policy,
        asked_for(exam),
    )


def change_exam(work: UnitOfWork, exam: Exam, plan: ExamPlan) -> frozenset[Part]:
    """Make the exam, which is locked, what the plan says; return what has changed.

    What `timApp.guard.rules.exam.changeable` does not allow is `Conflict` with the field. What
    stays as it is may be said again, also if it cannot change. Other errors are as in `add_exam`;
    the end has to come after the exam's beginning, and is not past. Nothing is committed.
    """
    groups, supervisors = named_groups(work, plan.groups), _supervisors(work, plan)
    old, new = _ids(exam.groups), _ids(groups)
    differs = {
        Part.TITLE: plan.title != exam.title,
        Part.START: plan.starts_at != exam.starts_at,
        Part.END: plan.ends_at != exam.ends_at,
        Part.MORE_GROUPS: bool(new - old),
        Part.FEWER_GROUPS: bool(old - new),
        Part.SUPERVISORS: _ids(supervisors) != _ids(exam.supervisors),
        Part.POLICY: plan.policy != exam.policy,
        Part.BROWSER: plan.browser != asked_for(exam),
    }
    changed = frozenset(part for part, is_other in differs.items() if is_other)
    require_changeable(exam, changed)
    title = check_title(work, plan.title, exam.id)
    if Part.START in changed:
        check_times(plan.starts_at, plan.ends_at)
    elif Part.END in changed:
        check_times(start_of(exam), plan.ends_at)
    exam.title, exam.title_key = title, key_of(title)
    exam.starts_at, exam.ends_at = plan.starts_at, plan.ends_at
    exam.groups, exam.supervisors = groups, supervisors
    policy = plan.policy
    exam.over_limit, exam.after_end, exam.device = (
        policy.over_limit,
        policy.after_end,
        policy.device,
    )
    ask_for(exam, plan.browser)
    _flush_title(work, title)
    return changed


def require_changeable(exam: Exam, parts: Collection[Part]) -> None:
    """Raise `Conflict` for the field of the first of these parts that cannot change any more."""
    phase = phase_of(exam, now())
    refused = [part for part in Part if part in parts and part not in changeable(phase)]
    if not refused:
        return
    field, title = refused[0].field, quoted(exam.title)
    if phase is Phase.OVER:
        raise Conflict(
            "The exam %(title)s is over: only its title can be changed.", field=field, title=title
        )
    raise Conflict(
        "The exam %(title)s runs: neither its beginning nor its policies change any more, and"
        " nobody is taken out of it.",
        field=field,
        title=title,
    )


def merged_groups(
    work: UnitOfWork, groups: Iterable[UserGroup], added: Iterable[str], removed: Iterable[str]
) -> list[str]:
    """Return the names of groups with some added and others taken away.

    Those that are there already, or are not, change nothing. `NotFound` (field ``group``) for a
    group that there is not.
    """
    gone = _ids(named_groups(work, removed))
    new = {group.id: group for group in [*groups, *named_groups(work, added)]}
    return [group.name for id_, group in new.items() if id_ not in gone]


def delete_exam(work: UnitOfWork, exam: Exam) -> None:
    """Delete the exam, which is to come, and has no documents any more."""
    work.session.delete(exam)
    work.session.flush()


def check_title(work: UnitOfWork, title: str, exam_id: int | None = None) -> str:
    """Return the title if an exam can be called that, also the one of the id, which is changed.

    `BadInput` (field ``title``) if it is empty, too long or no line of text, `Conflict` if another
    exam has it.
    """
    title = check_text("title", title, required=True)
    namesake = find_exam(work, title)
    if namesake is not None and namesake.id != exam_id:
        raise _title_taken(title)
    return title


def check_times(starts_at: datetime, ends_at: datetime) -> None:
    """Raise `BadInput` (field ``to``) unless an exam can be from the one time to the other."""
    if ends_at <= starts_at:
        raise BadInput("An exam has to end after it begins.", field="to")
    if ends_at <= now():
        raise BadInput("The end of the exam is past already.", field="to")


def named_groups(work: UnitOfWork, names: Iterable[str]) -> list[UserGroup]:
    """Return the groups of these names, each once; `NotFound` for one that there is not."""
    return list({group.id: group for group in (require_group(work, one) for one in names)}.values())


def _supervisors(work: UnitOfWork, plan: ExamPlan) -> list[UserGroup]:
    return named_groups(work, plan.supervisors) or [require_real_group(work, SUPERVISOR_GROUP)]


def _ids(groups: Iterable[UserGroup]) -> set[int]:
    return {group.id for group in groups}


def _flush_title(work: UnitOfWork, title: str) -> None:
    try:
        work.session.flush()
    except sa.exc.IntegrityError as error:  # somebody else was faster
        raise _title_taken(title) from error


def _title_taken(title: str) -> Conflict:
    return Conflict("There is an exam %(title)s already.", field="title", title=quoted(title))
