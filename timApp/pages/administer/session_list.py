"""The administrators' page of all sessions: find, export, verify and invalidate them."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_timezone, gettext, ngettext

from timApp.auth.access import verify_admin
from timApp.auth.download import download
from timApp.auth.site import current_clocks, current_guard, current_site, db
from timApp.auth.visitor import current_actor
from timApp.database.timelimit import TookTooLong, time_limit
from timApp.guard.changes.change import Change, Everybody, Picked, Receipt, Scope
from timApp.guard.changes.everybody import effect_on_everybody
from timApp.guard.reading.page import SessionPage, session_page
from timApp.guard.reading.sessions import summary_of
from timApp.guard.reading.sorting import Sort
from timApp.guard.vocabulary import Action, ExportFormatOptions, State
from timApp.pages.administer.cursor import cursor_of
from timApp.pages.administer.filterform import (
    ANY_STATE,
    FILTER_FIELDS,
    FilterForm,
    read_filter,
)
from timApp.pages.administer.selected import key_text, read_keys
from timApp.pages.choice import read_choice
from timApp.pages.exams.choice import EXAM_FIELD
from timApp.pages.reason import REASON_MAX_LENGTH, read_reason
from timApp.pages.shown import ShownSession, shown
from timApp.request.inputs import takes
from timApp.ui.words import error_words
from timApp.util.errors import BadInput, TimError

session_list = Blueprint("session_list", __name__, url_prefix="/administer/sessions")

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
@takes(query=FILTER_FIELDS | {"format"})
def export() -> ResponseReturnValue:
    """Return all that the list has with these parameters, and ``format``, in a file."""
    verify_admin()
    form = read_filter(request.args)
    form.require_valid()
    export_format = read_choice(ExportFormatOptions, form.texts, "format", ExportFormatOptions.CSV)
    return download(form.which, export_format)


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
    return _back_to_list({}, message)


@session_list.post("/invalidate-all")
@takes(form=("reason",))
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
    return _back_to_list({}, message)


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
    ended = receipt.ended or 0
    match action:
        case Action.VERIFY:
            message = _verified_message(len(keys), ended)
        case Action.END:
            message = _ended_message(ended)
        case _:
            message = _invalidated_message(ended)
    return _back_to_list(form.parameters(), message)


def _apply(action: Action, scope: Scope) -> Receipt:
    return current_guard().apply(Change(action, scope, current_actor(), read_reason()), db)


def _verified_message(selected: int, ended: int) -> str:
    verified = ngettext(
        "%(num)s session is verified.", "%(num)s sessions of as many people are verified.", selected
    )
    expired = ngettext(
        "%(num)s other session has expired.",
        "%(num)s other sessions have expired.",
        ended,
    )
    return f"{verified} {expired}" if ended else str(verified)


def _invalidated_message(ended: int) -> str:
    if not ended:
        return str(gettext("Nothing was changed: what you selected was expired already."))
    invalidated = ngettext(
        "%(num)s session was invalidated.", "%(num)s sessions were invalidated.", ended
    )
    return str(invalidated)


def _ended_message(ended: int) -> str:
    if not ended:
        return str(gettext("Nothing was changed: what you selected was over already."))
    return str(ngettext("%(num)s session is ended.", "%(num)s sessions are ended.", ended))


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
    html = render_template(
        "session_list.html",
        form=form,
        error=error and error_words(error),
        rows=rows,
        has_seats=any(row.session.seating.seat for row in rows),
        page=page,
        is_stopped=is_stopped,
        next_parameters=position and form.parameters(after=cursor_of(position)),
        selected=set(request.form.getlist("session")),
        reason=request.form.get("reason", ""),
        reason_max_length=REASON_MAX_LENGTH,
        scan_limit=SCAN_LIMIT,
        exam_address=partial(_exam_address, form),
        states=State,
        any_state=ANY_STATE,
        sorts=Sort,
        time_zone=str(get_timezone()),
        has_other_hosts=bool(current_site().network.targets),
    )
    errors = [error] if error else list(form.errors.values())
    return html, errors[0].status if errors else 200


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


def _back_to_list(parameters: dict[str, str], message: str) -> ResponseReturnValue:
    flash(message, "success")
    values: dict[str, Any] = dict(parameters)
    return redirect(url_for("session_list.show", **values), 303)
