"""Changes of all sessions that a search means, on however many pages of the list they are."""

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from timApp.auth.access import verify_admin
from timApp.auth.factor.proof import asks_again
from timApp.auth.site import current_guard, current_site, db
from timApp.auth.visitor import current_actor
from timApp.database.timelimit import TookTooLong, time_limit
from timApp.guard.changes.change import Change, Matching
from timApp.guard.reading.page import count_matching
from timApp.guard.vocabulary import Action
from timApp.pages.administer.filterform import FILTER_FIELDS, FilterForm, read_filter
from timApp.pages.administer.outcome import tell
from timApp.pages.reason import REASON_MAX_LENGTH, read_reason
from timApp.request.inputs import takes
from timApp.ui.words import error_words
from timApp.util.errors import BadInput, TimError
from timApp.util.text import quoted

matching = Blueprint("matching", __name__, url_prefix="/administer/sessions/matching")

#: So many sessions are counted, and may be changed at once.
MOST = 10_000

_ACTIONS = {action.value: action for action in (Action.VERIFY, Action.INVALIDATE, Action.END)}


@matching.get("")
@takes(query=FILTER_FIELDS)
def ask() -> ResponseReturnValue:
    """Say how many sessions the parameters mean, and ask what is to be done to them all."""
    verify_admin()
    form = read_filter(request.args)
    form.require_valid()
    return _page(form)


@matching.post("")
@takes(query=FILTER_FIELDS, form=("action", "number", "reason"))
@asks_again()
def change() -> ResponseReturnValue:
    """Do ``action`` to all that the parameters mean, unless they are more than ``number`` by now.

    Go to the list then; else ask again.
    """
    verify_admin()
    form = read_filter(request.args)
    form.require_valid()
    action, number = _read_action(), _read_number()
    try:
        scope = Matching(form.which, number)
        receipt = current_guard().apply(Change(action, scope, current_actor(), read_reason()), db)
    except TimError as error:
        db.session.rollback()
        return _page(form, error)
    db.session.commit()
    tell(receipt)
    parameters: dict[str, Any] = form.parameters(after=None)
    return redirect(url_for("session_list.show", **parameters), 303)


def _page(form: FilterForm, error: TimError | None = None) -> ResponseReturnValue:
    sessions, people = _count(form)
    html = render_template(
        "matching.html",
        form=form,
        error=error and error_words(error),
        sessions=sessions,
        people=people,
        most=MOST,
        reason=request.form.get("reason", ""),
        reason_max_length=REASON_MAX_LENGTH,
        has_other_hosts=bool(current_site().network.targets),
    )
    return html, 200 if error is None else error.status


def _count(form: FilterForm) -> tuple[int, int] | tuple[None, None]:
    """Return how many sessions are meant, and of how many people; None: it took too long."""
    try:
        with time_limit(db):
            return count_matching(db, form.which, MOST)
    except TookTooLong:
        return None, None


def _read_action() -> Action:
    text = request.form.get("action", "")
    if text not in _ACTIONS:
        raise BadInput(
            "There is no action %(name)s; choose one of: %(known)s.",
            field="action",
            name=quoted(text),
            known=", ".join(_ACTIONS),
        )
    return _ACTIONS[text]


def _read_number() -> int:
    text = request.form.get("number", "")
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(MOST))
    if not is_number or int(text) > MOST:
        raise BadInput(
            "%(value)s is no number of sessions as this page has shown it.",
            field="number",
            value=quoted(text),
        )
    return int(text)
