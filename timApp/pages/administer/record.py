"""The administrators' page of all changes of sessions: who did what to whom, when and why."""

from functools import partial
from typing import Any

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_timezone, gettext

from timApp.auth.access import verify_admin
from timApp.auth.bearer import open_to_tokens
from timApp.auth.blueprint import ApiBlueprint
from timApp.auth.download import ANY_ROWS, ANY_TEXT, EXPORTED, ROW_COUNT, download
from timApp.auth.factor.proof import asks_again
from timApp.auth.site import db
from timApp.database.timelimit import TookTooLong, time_limit
from timApp.guard.export.changes import change_table
from timApp.guard.reading.entry import RecordPage
from timApp.guard.reading.record import found_changes, people_of_page
from timApp.guard.vocabulary import Action
from timApp.pages.administer.fileformat import FORMAT_FIELD, read_form
from timApp.pages.administer.recordform import RECORD_FIELDS, RecordForm, read_record
from timApp.pages.administer.searchform import ANY
from timApp.pages.exams.choice import EXAM_FIELD
from timApp.request.inputs import takes
from timApp.ui.words import action_words, error_words
from timApp.user.apitoken import TokenScope
from timApp.util.errors import BadInput

record = ApiBlueprint("record", __name__, url_prefix="/administer/record")

#: So many changes are shown on a page.
PAGE_SIZE = 50
#: So many changes are looked at for a page.
SCAN_LIMIT = 50_000


@record.get("")
@takes(query=RECORD_FIELDS)
def show() -> ResponseReturnValue:
    """Show the changes that the parameters ask for; see `timApp.pages.administer.recordform`."""
    verify_admin()
    form = read_record(request.args)
    page, error = RecordPage([], None), None
    if not form.errors:
        try:
            with time_limit(db):
                page = found_changes(
                    db, form.which, form.before, size=PAGE_SIZE, scan_limit=SCAN_LIMIT
                )
        except TookTooLong:
            error = BadInput(
                "This search took too long and was stopped."
                " Choose a shorter time range, or type a user name."
            )
    html = render_template(
        "record.html",
        form=form,
        error=error and error_words(error),
        page=page,
        people=people_of_page(db, page),
        action=form.which.action.value if form.which.action else ANY,
        actions=[(ANY, gettext("All")), *((one.value, action_words(one)) for one in Action)],
        scan_limit=SCAN_LIMIT,
        exam_address=partial(_exam_address, form),
        time_zone=str(get_timezone()),
    )
    errors = [error] if error else list(form.errors.values())
    return html, errors[0].status if errors else 200


@record.get("/export")
@record.tells(200, ANY_ROWS, EXPORTED, content_type="application/json", headers=ROW_COUNT)
@record.tells(200, ANY_TEXT, EXPORTED, content_type="text/csv", headers=ROW_COUNT)
@record.tells(403)
@record.tells(404)
@takes(query=RECORD_FIELDS | {FORMAT_FIELD})
@asks_again()
@open_to_tokens(TokenScope.READ)
def export() -> ResponseReturnValue:
    """Return all that the record has with these parameters in a file, of the format ``format``."""
    verify_admin()
    form = read_record(request.args)
    form.require_valid()
    return download(change_table(form.which), read_form(form.texts))


def _exam_address(form: RecordForm, exam: str | None, *, only: bool = False) -> str:
    """Return the address of the same record of another exam, from its newest change on.

    `only` leaves out what else was asked for.
    """
    values: dict[str, Any] = {EXAM_FIELD: exam}
    if not only:
        values = {**form.parameters(before=None, exam=None), **values}
    return url_for("record.show", **values)
