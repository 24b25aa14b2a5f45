"""The supervisors' console: who waits, who it is, and the verification."""

from collections.abc import Sequence

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from timApp.auth.accesshelper import verify_supervisor
from timApp.auth.session.distribution import change_for_hosts
from timApp.auth.session.link import read_link
from timApp.hosts.delivery import ACTIONS, INVALIDATE, VERIFY, DeliveryState, Outcome
from timApp.hosts.network import current_network
from timApp.hosts.outbox import last_outcomes, owe
from timApp.hosts.worker import deliver, deliver_owed
from timApp.supervise.comparison import compare_sessions
from timApp.supervise.desk import WaitingPerson, look_at_desk
from timApp.supervise.search import Meant, find_meant
from timApp.supervise.subject import Subject, invalidate_here, read_subject, verify_here
from timApp.timdb.sqa import db
from timApp.util.errors import BadInput, TimError
from timApp.util.text import storable

supervise = Blueprint("supervise", __name__, url_prefix="/supervise")

#: Longest reason that is kept, in characters.
REASON_MAX_LENGTH = 500
#: The console waits so many seconds for the other hosts before it is shown without them.
_FIRST_LOOK = 0.5


@supervise.get("")
def console() -> ResponseReturnValue:
    """Show who waits, and the field for a name, a short code or a link."""
    verify_supervisor()
    return _console()


@supervise.get("/waiting")
def waiting() -> ResponseReturnValue:
    """Return the list of who waits alone, for the console to put in place of an older one."""
    verify_supervisor()
    return render_template("waiting_list.html", desk=look_at_desk())


@supervise.get("/find")
def find() -> ResponseReturnValue:
    """Go to the person that the field's text means; say so on the console if there is none."""
    verify_supervisor()
    text = request.args.get("q", "")
    try:
        meant = find_meant(text)
    except TimError as error:
        return _console(text, error=error.message), error.status
    if not isinstance(meant, Meant):
        return _console(text, choices=meant)
    return redirect(url_for("supervise.compare", user=meant.username, session=meant.session_id))


@supervise.get("/link/<token>")
def follow_link(token: str) -> ResponseReturnValue:
    """Show the session that a scanned link names; nothing changes by that."""
    verify_supervisor()
    linked = read_link(token)
    return _comparison(linked.username, linked.session_id)


@supervise.get("/person")
def compare() -> ResponseReturnValue:
    """Show a person's sessions side by side."""
    verify_supervisor()
    return _comparison(request.args.get("user", ""), request.args.get("session"))


@supervise.post("/verify")
def verify() -> ResponseReturnValue:
    """Verify the session that the supervisor has looked at, here and on the chosen targets."""
    return _change(VERIFY)


@supervise.post("/invalidate")
def invalidate() -> ResponseReturnValue:
    """Invalidate the session that the supervisor has looked at, here and on the targets."""
    return _change(INVALIDATE)


@supervise.post("/retry")
def retry() -> ResponseReturnValue:
    """Tell hosts again, now, what they are still owed of a person's changes."""
    verify_supervisor()
    subject = read_subject()
    action = request.form.get("action", "")
    urls = request.form.getlist("host")
    hosts = current_network().find(urls)
    if action not in ACTIONS or len(hosts) != len(set(urls)):
        msg = gettext("Nobody was asked: there is no such action or host.")
        raise BadInput(msg, field="host")
    db.session.rollback()  # no connection is held while hosts take their time
    deliver_owed(subject.user_name, hosts)
    outcomes = last_outcomes(action, subject.user_name, subject.session_id, hosts)
    return _outcome(action, subject, outcomes)


def _change(action: str) -> ResponseReturnValue:
    verify_supervisor()
    subject = read_subject()
    reason = read_reason()
    hosts, errors = current_network().hosts_of(request.form.getlist("target"))
    change_here = verify_here if action == VERIFY else invalidate_here
    stamp = change_here(subject, reason)
    change = change_for_hosts(action, subject.user_name, subject.session_id, stamp, reason)
    claims = owe(subject.with_home(hosts), change)
    db.session.commit()
    return _outcome(action, subject, deliver(claims), errors)


def _outcome(
    action: str, subject: Subject, outcomes: Sequence[Outcome], errors: Sequence[str] = ()
) -> ResponseReturnValue:
    """Show what came of a change, host by host."""
    return render_template(
        "outcome.html",
        action=action,
        user_name=subject.user_name,
        real_name=subject.real_name,
        session_id=subject.session_id,
        is_here=subject.user_id is not None,
        home=subject.home,
        outcomes=outcomes,
        owed=[outcome.host.url for outcome in outcomes if outcome.state is DeliveryState.OWED],
        errors=errors,
    )


def read_reason() -> str:
    """Return the reason that was given in the form, without what is too long; empty if none."""
    return storable(request.form.get("reason", "").strip())[:REASON_MAX_LENGTH]


def _console(
    query: str = "", *, error: str | None = None, choices: Sequence[WaitingPerson] = ()
) -> str:
    return render_template(
        "console.html",
        desk=look_at_desk(_FIRST_LOOK),
        query=query,
        error=error,
        choices=choices,
    )


def _comparison(username: str, chosen: str | None) -> str:
    return render_template(
        "compare.html",
        person=compare_sessions(username, chosen),
        targets=current_network().targets,
        default_targets=current_app.config["SESSIONS_VERIFY_TARGETS"],
        reason_max_length=REASON_MAX_LENGTH,
    )
