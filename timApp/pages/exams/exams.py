"""The administrators' pages of exams: which there are, how one is added and changed."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, ngettext

from timApp.auth.access import verify_admin
from timApp.auth.exambrowser import seb_site
from timApp.auth.factor.proof import asks_again
from timApp.auth.site import db
from timApp.auth.visitor import current_actor
from timApp.document.exam import documents_of_exams
from timApp.document.planning import Documents, plan_anew, plan_exam
from timApp.document.shutout import shut_out_of
from timApp.guard.exams.find import all_exams, lock_exam_by_id, require_exam_by_id
from timApp.guard.exams.run import effect_of_begin
from timApp.guard.rules.exam import Part, Phase, phase_of
from timApp.guard.rules.exambrowser import BrowserRule
from timApp.guard.rules.policy import AfterEnd, DeviceRule, OverLimit
from timApp.guard.tables.exam import Exam
from timApp.pages.exams.form import (
    EXAM_FIELDS,
    ExamForm,
    read_exam,
    shown_form,
)
from timApp.pages.exams.present import present_exam
from timApp.pages.exams.shown import shown_exam
from timApp.request.inputs import takes
from timApp.ui.language import site_zone
from timApp.user.user import id_of
from timApp.util.clock import now
from timApp.util.errors import TimError

exams = Blueprint("exams", __name__, url_prefix="/administer/exams")


@exams.get("")
def show() -> ResponseReturnValue:
    """Show all exams, and the form for a new one."""
    verify_admin()
    return _list_page(ExamForm())


@exams.post("")
@takes(form=EXAM_FIELDS)
@asks_again()
def add() -> ResponseReturnValue:
    """Add an exam, and go to the list; show the form again if a field is at fault."""
    verify_admin()
    form = read_exam(request.form)
    plan = form.plan()
    if plan is None:
        return _list_page(form)
    try:
        site = seb_site(plan.title)
        exam = plan_exam(db, plan, form.lines("documents"), current_actor(), site=site)
    except TimError as error:
        db.session.rollback()
        form.blame(error)
        return _list_page(form)
    added = gettext("The exam %(title)s is added.", title=exam.title)
    message = f"{added} {_standing(exam, is_new=True)}"
    db.session.commit()
    return back_to_list(message)


@exams.get("/change")
@takes(query=("exam",))
def show_change() -> ResponseReturnValue:
    """Show the form in which the exam of the id ``exam`` is changed."""
    verify_admin()
    exam = require_exam_by_id(db, id_of(request.args.get("exam")) or 0)
    return _change_page(shown_form(present_exam(exam)))


@exams.post("/change")
@takes(form=EXAM_FIELDS | {"exam", "shown"})
@asks_again()
def change() -> ResponseReturnValue:
    """Change the exam of the id ``exam``, and go to the list; fields that are not sent stay.

    Show the form again if a field is at fault, or if the exam is not what the form has ``shown``.
    """
    verify_admin()
    exam = lock_exam_by_id(db, id_of(request.form.get("exam")) or 0)
    form = read_exam(request.form, present_exam(exam), request.form.get("shown", ""))
    plan = form.plan()
    if plan is None or form.is_stale:
        db.session.rollback()
        return _change_page(form)
    try:
        documents = Documents(wanted=form.lines("documents"))
        site = seb_site(plan.title)
        changed = plan_anew(db, exam, plan, documents, current_actor(), site=site)
    except TimError as error:
        db.session.rollback()
        form.blame(error)
        return _change_page(form)
    if not changed:
        db.session.rollback()
        return back_to_list(gettext("Nothing was changed."), "info")
    is_changed = gettext("The exam %(title)s is changed.", title=exam.title)
    message = f"{is_changed} {_standing(exam, is_new=Part.START in changed)}"
    db.session.commit()
    return back_to_list(message)


def _list_page(form: ExamForm) -> ResponseReturnValue:
    """Show the list and the form; with the status of what is wrong with the form."""
    moment, documents, found = now(), documents_of_exams(db), all_exams(db)
    shut_out = shut_out_of(db, [exam.id for exam in found])
    html = render_template(
        "exams.html",
        exams=[
            shown_exam(exam, moment, documents.get(exam.id, []), shut_out.get(exam.id, ()))
            for exam in found
        ],
        form=form,
        **_form_choices(),
    )
    return html, form.status


def _change_page(form: ExamForm) -> ResponseReturnValue:
    """Show the form of an exam that is there; with the status of what is wrong with it."""
    html = render_template("change_exam.html", form=form, **_form_choices())
    return html, form.status


def _form_choices() -> dict[str, object]:
    """Return what there is to choose in the form of an exam, and the zone of its times."""
    return {
        "over_limits": OverLimit,
        "after_ends": AfterEnd,
        "device_rules": DeviceRule,
        "browser_rules": BrowserRule,
        "time_zone": str(site_zone()),
    }


def _standing(exam: Exam, *, is_new: bool) -> str:
    """Return what there is to say of an exam that was added, or begins at another time now."""
    people, phase, said = effect_of_begin(db, exam).people, phase_of(exam, now()), []
    if phase is Phase.TO_COME:
        sentence = ngettext(
            "%(num)s person would sit it as groups are now.",
            "%(num)s people would sit it as groups are now.",
            people,
        )
        said.append(sentence)
    elif phase is Phase.RUNS and is_new:
        said.append(gettext("It runs already, and its policies count now."))
        said.append(ngettext("%(num)s person sits it.", "%(num)s people sit it.", people))
    if phase is not Phase.OVER and not documents_of_exams(db).get(exam.id):
        said.append(gettext("It has no documents yet."))
    return " ".join(map(str, said))


def back_to_list(message: str, category: str = "success") -> ResponseReturnValue:
    """Go to the list of exams, which says what was done."""
    flash(message, category)
    return redirect(url_for("exams.show"), 303)
