"""The administrators' page of all sessions: find, export, verify and invalidate them."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_timezone, ngettext

from timApp.auth.access import verify_admin
from timApp.auth.bearer import open_to_tokens
from timApp.auth.blueprint import ApiBlueprint
from timApp.auth.download import ANY_ROWS, ANY_TEXT, EXPORTED, ROW_COUNT, download
from timApp.auth.factor.proof import asks_again
from timApp.auth.site import current_clocks, current_guard, current_site, db
from timApp.auth.visitor import current_actor
from timApp.database.timelimit import TookTooLong, time_limit
from timApp.guard.changes.change import Change, Everybody, Picked, Receipt, Scope
from timApp.guard.changes.everybody import effect_on_everybody
from timApp.guard.export.sessions import session_table
from timApp.guard.reading.page import Found, SessionPage, count_found, session_page
from timApp.guard.reading.sessions import summary_of
from timApp.guard.reading.sorting import Sort
from timApp.guard.vocabulary import Action, State
from timApp.pages.administer.cursor import cursor_of
from timApp.pages.administer.fileformat import FORMAT_FIELD, read_form
from timApp.pages.administer.filterform import (
    FILTER_FIELDS,
    FilterForm,
    read_filter,
)
from timApp.pages.administer.matching import MOST
from timApp.pages.administer.outcome import tell
from timApp.pages.administer.searchform import ANY
from timApp.pages.administer.selected import key_text, read_keys
from timApp.pages.exams.choice import EXAM_FIELD
from timApp.pages.reason import REASON_MAX_LENGTH, read_reason
from timApp.pages.shown import ShownSession, shown
from timApp.request.inputs import takes
from timApp.ui.words import error_words
from timApp.user.apitoken import TokenScope
from timApp.util.errors import BadInput, TimError

session_list = ApiBlueprint("session_list", __name__, url_prefix="/administer/sessions")

#: So many sessions are shown on a page.
PAGE_SIZE = 50
#: So many sessions are looked at for a page, some 0.1 seconds' work for a database.
SCAN_LIMIT = 50_000


@dataclass(frozen=True)
class _Row:
    """A row of the list."""

    #: The value of its check box.
    key: str
    user_name: str
    real_name: str
    session: ShownSession


@session_list.get("")
@takes(query=FILTER_FIELDS)
def show() -> ResponseReturnValue:
    """Show the sessions that the parameters ask for; see `timApp.pages.administer.filterform`."""
    verify_admin()
    form = read_filter(request.args)
    return _list_page(form)


@session_list.get("/export")
@session_list.tells(200, ANY_ROWS, EXPORTED, content_type="application/json", headers=ROW_COUNT)
@session_list.tells(200, ANY_TEXT, EXPORTED, content_type="text/csv", headers=ROW_COUNT)
@session_list.tells(403)
@session_list.tells(404)
@takes(query=FILTER_FIELDS | {FORMAT_FIELD})
@asks_again()
@open_to_tokens(TokenScope.READ)
def export() -> ResponseReturnValue:
    """Return all that the list has with these parameters in a file, of the format ``format``."""
    verify_admin()
    form = read_filter(request.args)
    form.require_valid()
    return download(session_table(form.which), read_form(form.texts))


@session_list.post("/verify")
@takes(query=FILTER_FIELDS, form=("reason",), repeated=("session",))
def verify() -> ResponseReturnValue:
    """Verify the selected sessions, each ``session``, and go back to the list."""
    return _change_selected(Action.VERIFY)


@session_list.post("/invalidate")
@takes(query=FILTER_FIELDS, form=("reason",), repeated=("session",))
def invalidate() -> ResponseReturnValue:
    """Invalidate the selected sessions, each ``session``, and go back to the list."""
    return _change_selected(Action.INVALIDATE)


@session_list.post("/end")
@takes(query=FILTER_FIELDS, form=("reason",), repeated=("session",))
def end() -> ResponseReturnValue:
    """End the selected sessions, each ``session``, for good, and go back to the list."""
    return _change_selected(Action.END)


@session_list.get("/verify-all")
def confirm_verify_all() -> ResponseReturnValue:
    """Say what verifying all comes to."""
    verify_admin()
    return _confirmation(Action.VERIFY)


@session_list.get("/invalidate-all")
def confirm_invalidate_all() -> ResponseReturnValue:
    """Say what invalidating all comes to."""
    verify_admin()
    return _confirmation(Action.INVALIDATE)


@session_list.post("/verify-all")
@takes(form=("reason",))
@asks_again()
def verify_all() -> ResponseReturnValue:
    """Verify the latest session of each person, and go to the list."""
    verify_admin()
    changed = _apply(Action.VERIFY, Everybody()).changed
    db.session.commit()
    message = ngettext(
        "Everybody's latest session is active: %(num)s session was changed.",
        "Everybody's latest session is active: %(num)s sessions were changed.",
        changed,
    )
    flash(message, "success")
    return _list({})


@session_list.post("/invalidate-all")
@takes(form=("reason",))
@asks_again()
def invalidate_all() -> ResponseReturnValue:
    """Invalidate all sessions, and go to the list."""
    verify_admin()
    changed = _apply(Action.INVALIDATE, Everybody()).changed
    db.session.commit()
    message = ngettext(
        "No session is active: %(num)s session was invalidated.",
        "No session is active: %(num)s sessions were invalidated.",
        changed,
    )
    flash(message, "success")
    return _list({})


def _change_selected(action: Action) -> ResponseReturnValue:
    verify_admin()
    form = read_filter(request.args)
    form.require_valid()
    try:
        keys = read_keys(request.form.getlist("session"))
        receipt = _apply(action, Picked(keys))
    except TimError as error:
        db.session.rollback()
        return _list_page(form, error)
    db.session.commit()
    tell(receipt)
    return _list(form.parameters())


def _apply(action: Action, scope: Scope) -> Receipt:
    return current_guard().apply(Change(action, scope, current_actor(), read_reason()), db)


def _list_page(form: FilterForm, error: TimError | None = None) -> ResponseReturnValue:
    """Show the list; with what was selected, if that could not be changed."""
    page = SessionPage([], None, is_cut_short=False)
    is_stopped = False
    if not form.errors:
        try:
            with time_limit(db):
                page = session_page(
                    db, form.which, form.sort, form.after, size=PAGE_SIZE, scan_limit=SCAN_LIMIT
                )
        except TookTooLong:
            error = error or BadInput(
                "This search took too long and was stopped."
                " Choose a shorter time range, or type a user name."
            )
            is_stopped = True
    position, clocks = page.next_position, current_clocks()
    rows = [
        _Row(
            key_text(one.session.user_id, one.session.session_id),
            one.user_name,
            one.real_name,
            shown(summary_of(one.session, clocks)),
        )
        for one in page.sessions
    ]
    # Last, as a count that is stopped undoes the transaction that the rows were read in.
    found = None if form.errors or is_stopped else _count(form)
    html = render_template(
        "session_list.html",
        form=form,
        error=error and error_words(error),
        rows=rows,
        has_seats=any(row.session.seating.seat for row in rows),
        page=page,
        found=found,
        most=MOST,
        is_stopped=is_stopped,
        next_parameters=position and form.parameters(after=cursor_of(position)),
        selected=set(request.form.getlist("session")),
        reason=request.form.get("reason", ""),
        reason_max_length=REASON_MAX_LENGTH,
        scan_limit=SCAN_LIMIT,
        exam_address=partial(_exam_address, form),
        states=State,
        any_state=ANY,
        sorts=Sort,
        time_zone=str(get_timezone()),
        has_other_hosts=bool(current_site().network.targets),
    )
    errors = [error] if error else list(form.errors.values())
    return html, errors[0].status if errors else 200


def _count(form: FilterForm) -> Found | None:
    """Return how many sessions the whole list has; None if it takes too long to count them."""
    try:
        with time_limit(db):
            return count_found(db, form.which, most=MOST, scan_limit=SCAN_LIMIT)
    except TookTooLong:
        return None


def _exam_address(form: FilterForm, exam: str | None, *, only: bool = False) -> str:
    """Return the address of the same list of another exam, from its first page on.

    `only` leaves out what else was asked for.
    """
    values: dict[str, Any] = {EXAM_FIELD: exam}
    if not only:
        values = {**form.parameters(after=None, exam=None), **values}
    return url_for("session_list.show", **values)


def _confirmation(action: Action) -> str:
    """Show what the change comes to, or that there was no time to count it."""
    try:
        with time_limit(db):
            effect = effect_on_everybody(db, action, current_clocks())
    except TookTooLong:
        effect = None
    return render_template(
        "confirm_all.html",
        effect=effect,
        action=action.value,
        reason_max_length=REASON_MAX_LENGTH,
        has_other_hosts=bool(current_site().network.targets),
    )


def _list(parameters: dict[str, str]) -> ResponseReturnValue:
    """Return the way to the list with these parameters."""
    values: dict[str, Any] = dict(parameters)
    return redirect(url_for("session_list.show", **values), 303)
