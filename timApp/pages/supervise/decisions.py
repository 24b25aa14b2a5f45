"""What supervisors decide about a session that they have looked at, and what has come of it.

A decision is a form that is sent; the answer leads to the console, which says what was done and
offers to undo it. So to reload that page repeats nothing.
"""

from collections.abc import Mapping, Sequence

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from timApp.auth.access import verify_supervisor
from timApp.auth.site import current_guard, current_site, db
from timApp.auth.visitor import Visitor, current_actor
from timApp.guard.changes.change import Change, OnePerson, Receipt
from timApp.guard.changes.undo import undo
from timApp.guard.rules.verification import Overtaken
from timApp.guard.vocabulary import Action
from timApp.guard.waiting.looks import drop_look
from timApp.hosts.distribution import tell_audience
from timApp.hosts.outbox.delivery import ACTIONS
from timApp.hosts.outbox.worker import deliver_owed
from timApp.pages.entry import entry_number
from timApp.pages.reason import read_reason
from timApp.pages.supervise.authority import require_authority_over
from timApp.pages.supervise.console import comparison_page, console_page
from timApp.pages.supervise.done import DONE_FIELDS, read_done, sealed
from timApp.pages.supervise.subject import SUBJECT_FIELDS, Subject, read_subject
from timApp.pages.supervise.targets import read_targets
from timApp.request.inputs import takes
from timApp.ui.words import error_words
from timApp.user.user import require_user
from timApp.util.errors import BadInput, Conflict

decisions = Blueprint("decisions", __name__, url_prefix="/supervise")

#: What a form has that decides about a session: `seen` is the number of the last decision that its
#: page has shown.
_FIELDS = SUBJECT_FIELDS | {"reason", "seen"}


@decisions.post("/verify")
@takes(form=_FIELDS, repeated=("target",))
def verify() -> ResponseReturnValue:
    """Verify the session that the supervisor has looked at, here and on the chosen targets."""
    return _decide_everywhere(Action.VERIFY)


@decisions.post("/invalidate")
@takes(form=_FIELDS, repeated=("target",))
def invalidate() -> ResponseReturnValue:
    """Invalidate the session that the supervisor has looked at, here and on the targets."""
    return _decide_everywhere(Action.INVALIDATE)


@decisions.post("/end")
@takes(form=_FIELDS)
def end() -> ResponseReturnValue:
    """End the session that the supervisor has looked at for good; it has to be on this server."""
    return _decide_here(Action.END)


@decisions.post("/pause")
@takes(form=_FIELDS)
def pause() -> ResponseReturnValue:
    """Note that the person whose session the supervisor has looked at has left the room."""
    return _decide_here(Action.PAUSE)


@decisions.post("/undo")
@takes(form=("user", "number"))
def take_back() -> ResponseReturnValue:
    """Undo the decision with that number about a person, if nothing has happened since."""
    visitor = verify_supervisor()
    user = require_user(db, request.form.get("user", ""))
    require_authority_over(user.name, Action.VERIFY, visitor)
    scope = OnePerson(user.name, user.id)
    try:
        undo(db, scope, _number("number") or 0, current_actor())
    except Conflict as error:
        # With all that is known of the person by now, and who decided last.
        db.session.rollback()
        page = comparison_page(visitor, user.name, None, alert=error_words(error))
        return page, error.status
    db.session.commit()
    return _done({"user": scope.name, "action": Action.UNDO.value, "effect": "undone"})


@decisions.post("/retry")
@takes(form=SUBJECT_FIELDS | {"action"}, repeated=("host",))
def retry() -> ResponseReturnValue:
    """Tell hosts again, now, what they are still owed of a person's changes."""
    verify_supervisor()
    subject = read_subject()
    urls = request.form.getlist("host")
    network = current_site().network
    hosts = network.find(urls)
    action = request.form.get("action", "")
    if action not in {one.value for one in ACTIONS} or len(hosts) != len(set(urls)):
        raise BadInput("Nobody was asked: there is no such action or host.", field="host")
    db.session.rollback()  # no connection is held while hosts take their time
    deliver_owed(network, db.engine, subject.user_name, hosts)
    return _done(_said(subject) | {"action": action, "told": "yes"})


@decisions.get("/done")
@takes(query=DONE_FIELDS)
def show() -> ResponseReturnValue:
    """Show the console, and above it what has come of a decision; nothing changes."""
    visitor = verify_supervisor()
    return console_page(visitor, done=read_done())


def _decide_here(action: Action) -> ResponseReturnValue:
    visitor = verify_supervisor()
    subject = read_subject()
    if subject.home is not None:
        raise BadInput("That is done on the server that the session is on.", field="home")
    require_authority_over(subject.user_name, action, visitor)
    return _apply(action, subject, [], visitor)


def _decide_everywhere(action: Action) -> ResponseReturnValue:
    visitor = verify_supervisor()
    subject = read_subject()
    require_authority_over(subject.user_name, action, visitor)
    return _apply(action, subject, read_targets(), visitor)


def _apply(
    action: Action, subject: Subject, targets: Sequence[str], visitor: Visitor
) -> ResponseReturnValue:
    """Make the change here, tell the hosts of the targets and the session's own, and go on."""
    network = current_site().network
    hosts, errors = network.hosts_of(targets)
    change = Change(
        action,
        subject.scope,
        current_actor(),
        read_reason(),
        audience=subject.with_home(hosts),
        seen=_number("seen"),
        # What was told to others is not theirs to take back.
        can_be_undone=not targets and subject.home is None,
    )
    try:
        receipt = current_guard().apply(change, db)
    except Overtaken as error:
        db.session.rollback()
        words = error_words(error)
        page = comparison_page(visitor, subject.user_name, subject.session_id, alert=words)
        return page, error.status
    if subject.user_id is not None:
        drop_look(db, visitor.id, subject.user_id)
    db.session.commit()
    tell_audience(network, db.engine, receipt)
    for text in errors:
        flash(text, "error")
    said = _said(subject) | {"action": action.value, "effect": _effect(action, subject, receipt)}
    if receipt.number is not None and change.can_be_undone:
        said["number"] = str(receipt.number)
    if change.audience:
        said["told"] = "yes"
    return _done(said)


def _said(subject: Subject) -> dict[str, str]:
    said = {"user": subject.user_name, "session_id": subject.session_id}
    return said if subject.home is None else said | {"home": subject.home.url}


def _done(said: Mapping[str, str]) -> ResponseReturnValue:
    return redirect(url_for("decisions.show", **sealed(said)), 303)


def _number(field: str) -> int | None:
    text = request.values.get(field, "")
    if not text:
        return None
    number = entry_number(text)
    if number is None:
        raise BadInput("That is no number of a decision.", field=field)
    return number


def _effect(action: Action, subject: Subject, receipt: Receipt) -> str:
    """Return what a change has come to on this server, as the template calls it.

    A verification that changed nothing here found the session active and the others expired, which
    is what was asked for; an invalidation that changed nothing did not end anything.
    """
    if subject.user_id is None:
        return "stranger"
    if subject.home is not None:
        return "others expired" if receipt.changed else "nothing"
    match action:
        case Action.VERIFY:
            return "verified"
        case Action.END:
            return "ended" if receipt.changed else "ended already"
        case Action.PAUSE:
            return "paused" if receipt.takes_effect else "paused already"
    return "invalidated" if receipt.changed else "expired already"
