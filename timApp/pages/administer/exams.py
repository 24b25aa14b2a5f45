"""The administrators' pages of exams: which there are, a new one, its beginning and its end."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, ngettext

from timApp.auth.access import verify_admin
from timApp.auth.site import current_clocks, db
from timApp.auth.visitor import current_actor
from timApp.document.exam import documents_of_exams, set_documents
from timApp.guard.exams.find import all_exams, require_exam
from timApp.guard.exams.plan import add_exam
from timApp.guard.exams.run import begin_exam, effect_of_begin, end_exam
from timApp.guard.rules.exam import Phase, end_of, phase_of, start_of
from timApp.guard.rules.policy import AfterEnd, DeviceRule, OverLimit
from timApp.guard.tables.exam import Exam
from timApp.pages.administer.examform import EXAM_FIELDS, ExamForm, read_exam
from timApp.request.inputs import takes
from timApp.ui.language import site_zone
from timApp.util.clock import now
from timApp.util.errors import TimError

exams = Blueprint("exams", __name__, url_prefix="/administer/exams")


@dataclass(frozen=True)
class _ShownExam:
    """What there is to see of an exam."""

    title: str
    phase: Phase
    start: datetime
    end: datetime
    groups: Sequence[str]
    documents: Sequence[str]
    supervisors: Sequence[str]
    #: Whether somebody may begin it by hand; also when the clock has.
    may_begin: bool

    @property
    def may_end(self) -> bool:
        """Whether somebody may end it by hand."""
        return self.phase is Phase.RUNS


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
    title, people = exam.title, effect_of_begin(db, exam).people
    db.session.commit()
    added = gettext("The exam %(title)s is added.", title=title)
    would_sit = ngettext(
        "%(num)s person would sit it as groups are now.",
        "%(num)s people would sit it as groups are now.",
        people,
    )
    return _back_to_list(f"{added} {would_sit}")


@exams.get("/begin")
@takes(query=("title",))
def confirm_begin() -> ResponseReturnValue:
    """Say whom it hits that the exam ``title`` begins; nothing changes."""
    verify_admin()
    exam = require_exam(db, request.args.get("title", ""))
    shown = _shown(exam, now(), [])
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
    return render_template("end_exam.html", exam=_shown(exam, now(), []))


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
        exams=[_shown(exam, moment, documents.get(exam.id, [])) for exam in all_exams(db)],
        form=form,
        over_limits=OverLimit,
        after_ends=AfterEnd,
        device_rules=DeviceRule,
        time_zone=str(site_zone()),
    )
    errors = list(form.errors.values())
    return html, errors[0].status if errors else 200


def _shown(exam: Exam, moment: datetime, documents: Sequence[str]) -> _ShownExam:
    phase = phase_of(exam, moment)
    return _ShownExam(
        title=exam.title,
        phase=phase,
        start=start_of(exam),
        end=end_of(exam),
        groups=[group.name for group in exam.groups],
        documents=documents,
        supervisors=[group.name for group in exam.supervisors],
        may_begin=phase is not Phase.OVER and exam.begun_at is None,
    )


def _back_to_list(message: str, category: str = "success") -> ResponseReturnValue:
    flash(message, category)
    return redirect(url_for("exams.show"), 303)
