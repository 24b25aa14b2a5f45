"""Exams as somebody plans them, with their documents; it is recorded what was planned."""

from collections.abc import Collection
from dataclasses import dataclass

from timApp.database.work import UnitOfWork
from timApp.document.exam import change_documents, set_documents, take_back
from timApp.guard.changes.record import record_of_things
from timApp.guard.exams.browser import have_file, use_file
from timApp.guard.exams.plan import ExamPlan, add_exam, change_exam, require_changeable
from timApp.guard.exams.sebfile import SebFile, SebSite
from timApp.guard.rules.exam import Part
from timApp.guard.tables.exam import Exam
from timApp.guard.vocabulary import Action, Actor
from timApp.util.clock import now


@dataclass(frozen=True)
class Documents:
    """What becomes of the documents of an exam, by their paths."""

    #: All that there are to be; None: those of before, but for the others here.
    wanted: Collection[str] | None = None
    added: Collection[str] = ()
    removed: Collection[str] = ()


def plan_exam(
    work: UnitOfWork,
    plan: ExamPlan,
    documents: Collection[str],
    actor: Actor,
    *,
    site: SebSite | None = None,
) -> Exam:
    """Add an exam with its documents, and record it. Nothing is committed.

    If it asks for Safe Exam Browser without settings, they are made for the site. Errors are those
    of `add_exam`, `have_file` and `set_documents`.
    """
    exam = add_exam(work, plan)
    have_file(exam, site)
    set_documents(work, exam, documents)
    record_of_things(work, actor, Action.ADD_EXAM, [exam.title], now())
    return exam


def plan_anew(
    work: UnitOfWork,
    exam: Exam,
    plan: ExamPlan,
    documents: Documents,
    actor: Actor,
    *,
    site: SebSite | None = None,
) -> frozenset[Part]:
    """Make an exam, which is locked, what the plan says; return what has changed, and record it.

    If nothing has, nothing is recorded. Errors and files are as in `plan_exam`, and errors those of
    `change_exam`. Nothing is committed.
    """
    former = exam.title
    changed = change_exam(work, exam, plan)
    if Part.BROWSER in changed:
        have_file(exam, site)
    if documents.wanted is None:
        has_others = change_documents(work, exam, documents.added, documents.removed)
    else:
        has_others = set_documents(work, exam, documents.wanted)
    changed |= {Part.DOCUMENTS} if has_others else set()
    if changed:
        parts = dict.fromkeys(part.field for part in Part if part in changed)
        called = exam.title if former == exam.title else f"{former} -> {exam.title}"
        text = f"{called}: {', '.join(parts)}"
        record_of_things(work, actor, Action.CHANGE_EXAM, [text], now())
    return changed


def give_file(work: UnitOfWork, exam: Exam, file: SebFile, actor: Actor) -> None:
    """Let an exam, which is locked, have that file of settings, and record it.

    `Conflict` (field ``browser``) for an exam that is over. Nothing is committed.
    """
    require_changeable(exam, {Part.BROWSER})
    use_file(exam, file)
    text = f"{exam.title}: {Part.BROWSER.field} ({file.key})"
    record_of_things(work, actor, Action.CHANGE_EXAM, [text], now())


def drop_exam(work: UnitOfWork, title: str, actor: Actor) -> Exam:
    """Delete an exam as `take_back` does, and record it."""
    exam = take_back(work, title)
    record_of_things(work, actor, Action.DELETE_EXAM, [exam.title], now())
    return exam
