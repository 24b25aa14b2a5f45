"""The pages on which administrators delete, begin and end an exam: each asks before it does so.

Their forms name the exam by its id, and say what they have shown of it: what is done is done to the
exam that somebody saw, and as they saw it, whatever others rename, change or add meanwhile.
"""

from collections.abc import Callable

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext, ngettext

from timApp.auth.access import verify_admin
from timApp.auth.factor.proof import asks_again
from timApp.auth.site import current_clocks, db
from timApp.auth.visitor import current_actor
from timApp.document.planning import drop_exam
from timApp.document.shutout import shut_out_of
from timApp.guard.exams.find import lock_exam_by_id, require_exam_by_id
from timApp.guard.exams.run import begin_exam, effect_of_begin, end_exam
from timApp.guard.tables.exam import Exam
from timApp.pages.exams.exams import back_to_list
from timApp.pages.exams.present import present_exam
from timApp.pages.exams.shown import may_begin, shown_exam
from timApp.request.inputs import takes
from timApp.user.user import id_of
from timApp.util.clock import now
from timApp.util.errors import Conflict

exam_acts = Blueprint("exam_acts", __name__, url_prefix="/administer/exams")

_FIELDS = ("exam", "shown")


@exam_acts.get("/delete")
@takes(query=("exam",))
def confirm_delete() -> ResponseReturnValue:
    """Say what it means that the exam of the id ``exam`` is deleted; nothing changes."""
    verify_admin()
    return _delete_page(_asked_exam())


@exam_acts.post("/delete")
@takes(form=_FIELDS)
@asks_again()
def delete() -> ResponseReturnValue:
    """Delete the exam of the id ``exam``, which is to come, and go to the list."""
    verify_admin()
    exam = _locked_exam()
    if _is_stale(exam):
        return _asked_again(_delete_page, exam)
    title = drop_exam(db, exam.title, current_actor()).title
    db.session.commit()
    return back_to_list(gettext("The exam %(title)s is deleted.", title=title))


@exam_acts.get("/begin")
@takes(query=("exam",))
def confirm_begin() -> ResponseReturnValue:
    """Say whom it hits that the exam of the id ``exam`` begins; nothing changes."""
    verify_admin()
    return _begin_page(_asked_exam())


@exam_acts.post("/begin")
@takes(form=_FIELDS)
@asks_again()
def begin() -> ResponseReturnValue:
    """Begin the exam of the id ``exam``, and go to the list."""
    verify_admin()
    exam = _locked_exam()
    if _is_stale(exam):
        return _asked_again(_begin_page, exam)
    begun = begin_exam(db, exam.title, current_actor(), current_clocks())
    title, effect = begun.exam.title, begun.effect
    db.session.commit()
    if effect is None:
        message = gettext("The exam %(title)s had begun already; nothing was changed.", title=title)
        return back_to_list(message, "info")
    has_begun = gettext("The exam %(title)s has begun.", title=title)
    ended = ngettext(
        "%(num)s open session was ended.", "%(num)s open sessions were ended.", effect.sessions
    )
    return back_to_list(f"{has_begun} {ended}")


@exam_acts.get("/end")
@takes(query=("exam",))
def confirm_end() -> ResponseReturnValue:
    """Say what it means that the exam of the id ``exam`` ends; nothing changes."""
    verify_admin()
    return _end_page(_asked_exam())


@exam_acts.post("/end")
@takes(form=_FIELDS)
@asks_again()
def end() -> ResponseReturnValue:
    """End the exam of the id ``exam``, and go to the list."""
    verify_admin()
    exam = _locked_exam()
    if _is_stale(exam):
        return _asked_again(_end_page, exam)
    ended = end_exam(db, exam.title, current_actor())
    title = ended.exam.title
    db.session.commit()
    if ended.is_new:
        return back_to_list(gettext("The exam %(title)s is over.", title=title))
    message = gettext("The exam %(title)s was over already; nothing was changed.", title=title)
    return back_to_list(message, "info")


def _asked_exam() -> Exam:
    return require_exam_by_id(db, id_of(request.args.get("exam")) or 0)


def _locked_exam() -> Exam:
    """Return the exam of the form, whose title nobody else changes until the commit."""
    return lock_exam_by_id(db, id_of(request.form.get("exam")) or 0)


def _is_stale(exam: Exam) -> bool:
    """Tell whether somebody has changed the exam since the form was shown."""
    return request.form.get("shown", "") != present_exam(exam).mark


def _asked_again(page: Callable[[Exam, bool], str], exam: Exam) -> ResponseReturnValue:
    """Ask again, as the exam is not what was shown when it was asked; nothing changes."""
    db.session.rollback()
    return page(exam, True), Conflict.status


def _delete_page(exam: Exam, is_stale: bool = False) -> str:
    return _page("delete_exam.html", exam, is_stale)


def _begin_page(exam: Exam, is_stale: bool = False) -> str:
    effect = effect_of_begin(db, exam) if may_begin(exam, now()) else None
    return _page("begin_exam.html", exam, is_stale, effect=effect)


def _end_page(exam: Exam, is_stale: bool = False) -> str:
    return _page("end_exam.html", exam, is_stale)


def _page(template: str, exam: Exam, is_stale: bool, **more: object) -> str:
    present = present_exam(exam)
    shut_out = shut_out_of(db, [exam.id]).get(exam.id, ())
    shown = shown_exam(exam, now(), present.documents, shut_out)
    return render_template(template, exam=shown, shown=present.mark, is_stale=is_stale, **more)
