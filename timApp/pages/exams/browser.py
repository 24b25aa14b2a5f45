"""The administrators' page of an exam's settings for Safe Exam Browser: links, key, file."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from timApp.auth.access import verify_admin
from timApp.auth.exambrowser import seb_site
from timApp.auth.factor.proof import asks_again
from timApp.auth.site import db
from timApp.auth.visitor import current_actor
from timApp.document.planning import give_file
from timApp.guard.exams.browser import made_file
from timApp.guard.exams.find import lock_exam_by_id, require_exam_by_id
from timApp.guard.exams.sebfile import SebFile, read_seb_file
from timApp.guard.rules.exambrowser import BrowserRule
from timApp.guard.tables.exam import Exam
from timApp.pages.exams.exams import back_to_list
from timApp.pages.exams.present import present_exam
from timApp.request.inputs import takes
from timApp.user.user import id_of
from timApp.util.errors import BadInput, Conflict, TimError
from timApp.util.text import check_text

exam_settings = Blueprint("exam_settings", __name__, url_prefix="/administer/exams/browser")

_FIELDS = ("exam", "shown")


@exam_settings.get("")
@takes(query=("exam",))
def show() -> ResponseReturnValue:
    """Show how the exam of the id ``exam`` is opened in Safe Exam Browser."""
    verify_admin()
    return _page(require_exam_by_id(db, id_of(request.args.get("exam")) or 0))


@exam_settings.post("/make")
@takes(form=(*_FIELDS, "quit_password"))
@asks_again()
def make() -> ResponseReturnValue:
    """Make the file of settings anew, with a password that lets people out, or none."""
    verify_admin()
    exam = _locked_exam()
    if _is_stale(exam):
        return _stale_page(exam)
    try:
        password = check_text("quit_password", request.form.get("quit_password", ""))
        file = made_file(exam, seb_site(exam.title), password)
    except TimError as error:
        return _refused_page(exam, error)
    return _give(exam, file)


@exam_settings.post("/upload")
@takes(form=_FIELDS, files=("file",))
@asks_again()
def upload() -> ResponseReturnValue:
    """Take a file of settings that somebody has made, which is not encrypted."""
    verify_admin()
    exam = _locked_exam()
    if _is_stale(exam):
        return _stale_page(exam)
    sent = request.files.get("file")
    try:
        if sent is None or not sent.filename:
            raise BadInput("Choose a file.", field="file")
        file = read_seb_file(sent.read())
    except TimError as error:
        return _refused_page(exam, error)
    return _give(exam, file)


def _give(exam: Exam, file: SebFile) -> ResponseReturnValue:
    try:
        give_file(db, exam, file, current_actor())
    except TimError as error:
        return _refused_page(exam, error)
    message = gettext("The exam %(title)s has other settings now.", title=exam.title)
    db.session.commit()
    return back_to_list(message)


def _locked_exam() -> Exam:
    return lock_exam_by_id(db, id_of(request.form.get("exam")) or 0)


def _is_stale(exam: Exam) -> bool:
    return request.form.get("shown", "") != present_exam(exam).mark


def _stale_page(exam: Exam) -> ResponseReturnValue:
    db.session.rollback()
    return _page(exam, is_stale=True), Conflict.status


def _refused_page(exam: Exam, error: TimError) -> ResponseReturnValue:
    db.session.rollback()
    return _page(exam, error=error), error.status


def _page(exam: Exam, *, is_stale: bool = False, error: TimError | None = None) -> str:
    site = seb_site(exam.title)
    assert site is not None  # noqa: S101 - a request says where the site is
    return render_template(
        "exam_settings.html",
        exam=exam,
        asks=exam.browser is not BrowserRule.NO,
        shown=present_exam(exam).mark,
        is_stale=is_stale,
        error=error,
        start_address=site.start_address(exam.id),
        start_link=site.start_link(exam.id) if exam.seb_key else None,
    )
