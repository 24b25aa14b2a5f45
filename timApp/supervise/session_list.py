"""The administrators' page of all sessions: find, export, verify and invalidate them."""

from collections.abc import Callable, Collection
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_timezone, gettext, ngettext

from timApp.auth.accesshelper import verify_admin
from timApp.auth.session.bulk import (
    BulkEffect,
    effect_of_invalidate_all,
    effect_of_verify_all,
    invalidate_all_sessions,
    verify_all_sessions,
)
from timApp.auth.session.device import device_of
from timApp.auth.session.download import download
from timApp.auth.session.export import ExportFormat
from timApp.auth.session.order import Sort
from timApp.auth.session.page import SessionPage, session_page
from timApp.auth.session.selection import (
    SelectionEffect,
    SessionKey,
    invalidate_selected,
    verify_selected,
)
from timApp.hosts.network import current_network
from timApp.supervise.console import REASON_MAX_LENGTH, read_reason
from timApp.supervise.cursor import cursor_of
from timApp.supervise.filterform import FilterForm, State, read_choice, read_filter
from timApp.supervise.selected import key_text, read_keys
from timApp.timdb.sqa import db
from timApp.timdb.timelimit import TookTooLong, time_limit
from timApp.util.errors import BadInput, TimError

session_list = Blueprint("session_list", __name__, url_prefix="/administer/sessions")

#: So many sessions are shown on a page.
PAGE_SIZE = 50
#: So many sessions are looked at for a page, some 0.1 seconds' work for a database.
SCAN_LIMIT = 50_000


@session_list.get("")
def show() -> ResponseReturnValue:
    """Show the sessions that the parameters ask for; see `timApp.supervise.filterform`."""
    verify_admin()
    form = read_filter(request.args)
    return _list_page(form)


@session_list.get("/export")
def export() -> ResponseReturnValue:
    """Return all that the list has with these parameters, and ``format``, in a file."""
    verify_admin()
    form = read_filter(request.args, "format")
    form.require_valid()
    export_format = read_choice(ExportFormat, form.texts, "format", ExportFormat.CSV)
    return download(form.which, export_format)


@session_list.post("/verify")
def verify() -> ResponseReturnValue:
    """Verify the selected sessions, each ``session``, and go back to the list."""
    return _change_selected(verify_selected, _told_of_verified)


@session_list.post("/invalidate")
def invalidate() -> ResponseReturnValue:
    """Invalidate the selected sessions, each ``session``, and go back to the list."""
    return _change_selected(invalidate_selected, _told_of_invalidated)


@session_list.get("/verify-all")
def confirm_verify_all() -> ResponseReturnValue:
    """Say what verifying all comes to."""
    verify_admin()
    return _confirmation(effect_of_verify_all, action="verify")


@session_list.get("/invalidate-all")
def confirm_invalidate_all() -> ResponseReturnValue:
    """Say what invalidating all comes to."""
    verify_admin()
    return _confirmation(effect_of_invalidate_all, action="invalidate")


@session_list.post("/verify-all")
def verify_all() -> ResponseReturnValue:
    """Verify the latest session of each person, and go to the list."""
    verify_admin()
    changed = verify_all_sessions(read_reason())
    db.session.commit()
    message = ngettext(
        "Everybody's latest session is active: %(num)s session was changed.",
        "Everybody's latest session is active: %(num)s sessions were changed.",
        changed,
    )
    return _back_to_list({}, message)


@session_list.post("/invalidate-all")
def invalidate_all() -> ResponseReturnValue:
    """Invalidate all sessions, and go to the list."""
    verify_admin()
    changed = invalidate_all_sessions(read_reason())
    db.session.commit()
    message = ngettext(
        "No session is active: %(num)s session was invalidated.",
        "No session is active: %(num)s sessions were invalidated.",
        changed,
    )
    return _back_to_list({}, message)


def _change_selected(
    change: Callable[[Collection[SessionKey], str], SelectionEffect],
    told: Callable[[int, SelectionEffect], str],
) -> ResponseReturnValue:
    verify_admin()
    form = read_filter(request.args)
    form.require_valid()
    try:
        keys = read_keys(request.form.getlist("session"))
        effect = change(keys, read_reason())
    except TimError as error:
        db.session.rollback()
        return _list_page(form, error)
    db.session.commit()
    return _back_to_list(form.parameters(), told(len(keys), effect))


def _told_of_verified(selected: int, effect: SelectionEffect) -> str:
    verified = ngettext(
        "%(num)s session is verified.", "%(num)s sessions of as many people are verified.", selected
    )
    expired = ngettext(
        "%(num)s other session has expired.",
        "%(num)s other sessions have expired.",
        effect.expired,
    )
    return f"{verified} {expired}" if effect.expired else str(verified)


def _told_of_invalidated(selected: int, effect: SelectionEffect) -> str:  # noqa: ARG001
    if not effect.expired:
        return str(gettext("Nothing was changed: what you selected was expired already."))
    invalidated = ngettext(
        "%(num)s session was invalidated.", "%(num)s sessions were invalidated.", effect.expired
    )
    return str(invalidated)


def _list_page(form: FilterForm, error: TimError | None = None) -> ResponseReturnValue:
    """Show the list; with what was selected, if that could not be changed."""
    page = SessionPage([], None, is_cut_short=False)
    is_stopped = False
    if not form.errors:
        try:
            with time_limit():
                page = session_page(
                    form.which, form.sort, form.after, size=PAGE_SIZE, scan_limit=SCAN_LIMIT
                )
        except TookTooLong:
            msg = gettext(
                "This search took too long and was stopped."
                " Choose a shorter time range, or type a user name."
            )
            error = error or BadInput(msg)
            is_stopped = True
    position = page.next_position
    html = render_template(
        "session_list.html",
        form=form,
        error=error,
        rows=[
            {
                "key": key_text(one.session.user_id, one.session.session_id),
                "session": one.session,
                "user_name": one.user_name,
                "real_name": one.real_name,
                "device": device_of(one.session.origin),
            }
            for one in page.sessions
        ],
        page=page,
        is_stopped=is_stopped,
        next_parameters=position and form.parameters(after=cursor_of(position)),
        selected=set(request.form.getlist("session")),
        reason=request.form.get("reason", ""),
        reason_max_length=REASON_MAX_LENGTH,
        scan_limit=SCAN_LIMIT,
        states=State,
        sorts=Sort,
        time_zone=str(get_timezone()),
        has_other_hosts=bool(current_network().targets),
    )
    errors = [error] if error else list(form.errors.values())
    return html, errors[0].status if errors else 200


def _confirmation(effect_of: Callable[[], BulkEffect], action: str) -> str:
    """Show what the change comes to, or that there was no time to count it."""
    try:
        with time_limit():
            effect = effect_of()
    except TookTooLong:
        effect = None
    return render_template(
        "confirm_all.html",
        effect=effect,
        action=action,
        reason_max_length=REASON_MAX_LENGTH,
        has_other_hosts=bool(current_network().targets),
    )


def _back_to_list(parameters: dict[str, str], message: str) -> ResponseReturnValue:
    flash(message, "success")
    values: dict[str, Any] = dict(parameters)
    return redirect(url_for("session_list.show", **values), 303)
