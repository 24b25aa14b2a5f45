"""The administrators' pages of exams: which there are, and what becomes of each."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, ngettext

from timApp.auth.access import verify_admin
from timApp.auth.site import current_clocks, db
from timApp.auth.visitor import current_actor
from timApp.document.exam import documents_of_exams, set_documents, take_back
from timApp.guard.exams.find import all_exams, lock_exam_by_id, require_exam
from timApp.guard.exams.plan import add_exam, change_exam, plan_of
from timApp.guard.exams.run import begin_exam, effect_of_begin, end_exam
from timApp.guard.rules.exam import Phase, phase_of
from timApp.guard.rules.policy import AfterEnd, DeviceRule, OverLimit
from timApp.guard.tables.exam import Exam
from timApp.pages.exams.form import (
    EXAM_FIELDS,
    ExamForm,
    Present,
    present_of,
    read_exam,
    shown_form,
)
from timApp.pages.exams.shown import shown_exam
from timApp.request.inputs import takes
from timApp.ui.language import site_zone
from timApp.user.user import id_of
from timApp.util.clock import now
from timApp.util.errors import Conflict, TimError

exams = Blueprint("exams", __name__, url_prefix="/administer/exams")


@exams.get("")
def show() -> ResponseReturnValue:
    """Show all exams, and the form for a new one."""
    verify_admin()
    return _list_page(ExamForm())


@exams.post("")
@takes(form=EXAM_FIELDS)
def add() -> ResponseReturnValue:
    """Add an exam, and go to the list; show the form again if a field is at fault."""
    verify_admin()
    form = read_exam(request.form)
    plan = form.plan()
    if plan is None:
        return _list_page(form)
    try:
        exam = add_exam(db, plan)
        set_documents(db, exam, form.lines("documents"))
    except TimError as error:
        db.session.rollback()
        form.blame(error)
        return _list_page(form)
    added = gettext("The exam %(title)s is added.", title=exam.title)
    message = f"{added} {_would_sit(exam)}"
    db.session.commit()
    return _back_to_list(message)


@exams.get("/change")
@takes(query=("title",))
def show_change() -> ResponseReturnValue:
    """Show the form in which the exam ``title`` is changed."""
    verify_admin()
    exam = require_exam(db, request.args.get("title", ""))
    return _change_page(shown_form(_present(exam)))


@exams.post("/change")
@takes(form=EXAM_FIELDS | {"exam", "shown"})
def change() -> ResponseReturnValue:
    """Change the exam of the id ``exam``, and go to the list; fields that are not sent stay.

    Show the form again if a field is at fault, or if the exam is not what the form has ``shown``.
    """
    verify_admin()
    exam = lock_exam_by_id(db, id_of(request.form.get("exam")) or 0)
    form = read_exam(request.form, _present(exam), request.form.get("shown", ""))
    plan = form.plan()
    if plan is None or form.is_stale:
        db.session.rollback()
        return _change_page(form)
    try:
        changed = change_exam(db, exam, plan)
        has_other_documents = set_documents(db, exam, form.lines("documents"))
    except TimError as error:
        db.session.rollback()
        form.blame(error)
        return _change_page(form)
    if not changed and not has_other_documents:
        db.session.rollback()
        return _back_to_list(gettext("Nothing was changed."), "info")
    message = str(gettext("The exam %(title)s is changed.", title=exam.title))
    if phase_of(exam, now()) is Phase.TO_COME:
        message = f"{message} {_would_sit(exam)}"
    db.session.commit()
    return _back_to_list(message)


@exams.get("/delete")
@takes(query=("title",))
def confirm_delete() -> ResponseReturnValue:
    """Say what it means that the exam ``title`` is deleted; nothing changes."""
    verify_admin()
    exam = require_exam(db, request.args.get("title", ""))
    return render_template("delete_exam.html", exam=shown_exam(exam, now(), []))


@exams.post("/delete")
@takes(form=("title",))
def delete() -> ResponseReturnValue:
    """Delete the exam ``title``, which is to come, and go to the list."""
    verify_admin()
    title = take_back(db, request.form.get("title", "")).title
    db.session.commit()
    return _back_to_list(gettext("The exam %(title)s is deleted.", title=title))


@exams.get("/begin")
@takes(query=("title",))
def confirm_begin() -> ResponseReturnValue:
    """Say whom it hits that the exam ``title`` begins; nothing changes."""
    verify_admin()
    exam = require_exam(db, request.args.get("title", ""))
    shown = shown_exam(exam, now(), [])
    effect = effect_of_begin(db, exam) if shown.may_begin else None
    return render_template("begin_exam.html", exam=shown, effect=effect)


@exams.post("/begin")
@takes(form=("title",))
def begin() -> ResponseReturnValue:
    """Begin the exam ``title``, and go to the list."""
    verify_admin()
    begun = begin_exam(db, request.form.get("title", ""), current_actor(), current_clocks())
    title, effect = begun.exam.title, begun.effect
    db.session.commit()
    if effect is None:
        message = gettext("The exam %(title)s had begun already; nothing was changed.", title=title)
        return _back_to_list(message, "info")
    has_begun = gettext("The exam %(title)s has begun.", title=title)
    ended = ngettext(
        "%(num)s open session was ended.", "%(num)s open sessions were ended.", effect.sessions
    )
    return _back_to_list(f"{has_begun} {ended}")


@exams.get("/end")
@takes(query=("title",))
def confirm_end() -> ResponseReturnValue:
    """Say what it means that the exam ``title`` ends; nothing changes."""
    verify_admin()
    exam = require_exam(db, request.args.get("title", ""))
    return render_template("end_exam.html", exam=shown_exam(exam, now(), []))


@exams.post("/end")
@takes(form=("title",))
def end() -> ResponseReturnValue:
    """End the exam ``title``, and go to the list."""
    verify_admin()
    ended = end_exam(db, request.form.get("title", ""), current_actor())
    title = ended.exam.title
    db.session.commit()
    if ended.is_new:
        return _back_to_list(gettext("The exam %(title)s is over.", title=title))
    message = gettext("The exam %(title)s was over already; nothing was changed.", title=title)
    return _back_to_list(message, "info")


def _list_page(form: ExamForm) -> ResponseReturnValue:
    """Show the list and the form; with the status of what is wrong with the form."""
    moment, documents = now(), documents_of_exams(db)
    html = render_template(
        "exams.html",
        exams=[shown_exam(exam, moment, documents.get(exam.id, [])) for exam in all_exams(db)],
        form=form,
        **_form_choices(),
    )
    errors = list(form.errors.values())
    return html, errors[0].status if errors else 200


def _change_page(form: ExamForm) -> ResponseReturnValue:
    """Show the form of an exam that is there; with the status of what is wrong with it."""
    html = render_template("change_exam.html", form=form, **_form_choices())
    if form.is_stale:
        return html, Conflict.status
    errors = list(form.errors.values())
    return html, errors[0].status if errors else 200


def _form_choices() -> dict[str, object]:
    """Return what there is to choose in the form of an exam, and the zone of its times."""
    return {
        "over_limits": OverLimit,
        "after_ends": AfterEnd,
        "device_rules": DeviceRule,
        "time_zone": str(site_zone()),
    }


def _present(exam: Exam) -> Present:
    documents = documents_of_exams(db).get(exam.id, [])
    return present_of(exam, plan_of(exam), phase_of(exam, now()), documents)


def _would_sit(exam: Exam) -> str:
    people = effect_of_begin(db, exam).people
    return str(
        ngettext(
            "%(num)s person would sit it as groups are now.",
            "%(num)s people would sit it as groups are now.",
            people,
        )
    )


def _back_to_list(message: str, category: str = "success") -> ResponseReturnValue:
    flash(message, category)
    return redirect(url_for("exams.show"), 303)
