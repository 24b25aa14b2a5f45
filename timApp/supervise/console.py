"""The supervisors' console: who waits, who it is, and the verification."""

from collections.abc import Sequence

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from timApp.auth.accesshelper import verify_supervisor
from timApp.auth.session.device import device_of
from timApp.auth.session.distribution import change_for_hosts
from timApp.auth.session.link import read_link
from timApp.auth.session.lookup import require_session, require_verifiable
from timApp.auth.session.transition import invalidate_sessions, verify_session
from timApp.auth.session.waiting import find_waiting, waiting_sessions
from timApp.hosts.delivery import ACTIONS, DeliveryState, Outcome
from timApp.hosts.network import current_network
from timApp.hosts.outbox import last_outcomes, owe
from timApp.hosts.worker import deliver, deliver_owed
from timApp.supervise.comparison import compared_sessions
from timApp.supervise.query import TypedCode, TypedLink, TypedSession, understand
from timApp.timdb.sqa import db
from timApp.user.user import User, require_user
from timApp.util.errors import BadInput, NotFound, TimError
from timApp.util.text import quoted, storable

supervise = Blueprint("supervise", __name__, url_prefix="/supervise")

#: Longest reason that is kept, in characters.
REASON_MAX_LENGTH = 500


@supervise.get("")
def console() -> ResponseReturnValue:
    """Show who waits, and the field for a name, a short code or a link."""
    verify_supervisor()
    return render_template("console.html", waiting=_waiting(), query="", error=None)


@supervise.get("/waiting")
def waiting() -> ResponseReturnValue:
    """Return the list of who waits alone, for the console to put in place of an older one."""
    verify_supervisor()
    return render_template("waiting_list.html", waiting=_waiting())


@supervise.get("/find")
def find() -> ResponseReturnValue:
    """Go to the person that the field's text means; say so on the console if there is none."""
    verify_supervisor()
    text = request.args.get("q", "")
    try:
        if not text.strip():
            raise BadInput(gettext("Type a name or a short code, or scan a link."), field="q")
        username, session_id = _meant(text)
    except TimError as error:
        page = render_template("console.html", waiting=_waiting(), query=text, error=error.message)
        return page, error.status
    return redirect(url_for("supervise.compare", user=username, session=session_id))


@supervise.get("/link/<token>")
def follow_link(token: str) -> ResponseReturnValue:
    """Show the session that a scanned link names; nothing changes by that."""
    verify_supervisor()
    linked = read_link(token)
    return _comparison(require_user(linked.username), linked.session_id)


@supervise.get("/person")
def compare() -> ResponseReturnValue:
    """Show a person's sessions side by side."""
    verify_supervisor()
    user = require_user(request.args.get("user", ""))
    return _comparison(user, request.args.get("session"))


@supervise.post("/verify")
def verify() -> ResponseReturnValue:
    """Verify the session that the supervisor has looked at, here and on the chosen targets."""
    return _change("verify")


@supervise.post("/invalidate")
def invalidate() -> ResponseReturnValue:
    """Invalidate the session that the supervisor has looked at, here and on the targets."""
    return _change("invalidate")


@supervise.post("/retry")
def retry() -> ResponseReturnValue:
    """Tell hosts again, now, what they are still owed of a person's changes."""
    verify_supervisor()
    user = require_user(request.form.get("user", ""))
    session_id = _session_id()
    action = request.form.get("action", "")
    urls = request.form.getlist("host")
    hosts = current_network().find(urls)
    if action not in ACTIONS or len(hosts) != len(set(urls)):
        msg = gettext("Nobody was asked: there is no such action or host.")
        raise BadInput(msg, field="host")
    name, real_name = user.name, user.real_name
    db.session.rollback()  # no connection is held while hosts take their time
    deliver_owed(name, hosts)
    outcomes = last_outcomes(action, name, session_id, hosts)
    return _outcome(action, name, real_name, session_id, outcomes=outcomes)


def _change(action: str) -> ResponseReturnValue:
    verify_supervisor()
    user = require_user(request.form.get("user", ""))
    session_id = _session_id()
    reason = read_reason()
    hosts, errors = current_network().hosts_of(request.form.getlist("target"))
    if action == "verify":
        require_verifiable(user.name, session_id)
        stamp = verify_session(user.id, session_id, reason)
    else:
        require_session(user, session_id)
        stamp = invalidate_sessions(user.id, session_id, reason)
    name, real_name = user.name, user.real_name
    claims = owe(hosts, change_for_hosts(action, name, session_id, stamp, reason))
    db.session.commit()
    outcomes = deliver(claims)
    return _outcome(action, name, real_name, session_id, outcomes=outcomes, errors=errors)


def _outcome(
    action: str,
    name: str,
    real_name: str,
    session_id: str,
    *,
    outcomes: list[Outcome],
    errors: Sequence[str] = (),
) -> ResponseReturnValue:
    """Show what came of a change, host by host."""
    return render_template(
        "outcome.html",
        action=action,
        user_name=name,
        real_name=real_name,
        session_id=session_id,
        outcomes=outcomes,
        owed=[outcome.host.url for outcome in outcomes if outcome.state is DeliveryState.OWED],
        errors=errors,
    )


def read_reason() -> str:
    """Return the reason that was given in the form, without what is too long; empty if none."""
    return storable(request.form.get("reason", "").strip())[:REASON_MAX_LENGTH]


def _session_id() -> str:
    session_id = request.form.get("session_id", "")
    if not session_id:
        raise BadInput(gettext("Choose a session."), field="session_id")
    return session_id


def _meant(text: str) -> tuple[str, str | None]:
    """Return the user and session that the text means; `TimError` if there are none."""
    meant = understand(text)
    if isinstance(meant, TypedLink):
        linked = read_link(meant.token)
        return linked.username, linked.session_id
    if isinstance(meant, TypedCode):
        found = find_waiting(meant.code)
        if found is not None:
            return found.user_name, found.session_id
        if User.get_by_name(meant.text) is None:
            msg = gettext(
                "Nobody waits with the code %(code)s. It may be used or out of date.",
                code=meant.code,
            )
            raise NotFound(msg, field="q")
        meant = TypedSession(meant.text)
    # A name may have the character that separates it from a session.
    if meant.session_id is not None and User.get_by_name(text.strip()) is not None:
        meant = TypedSession(text.strip())
    if User.get_by_name(meant.username) is None:
        msg = gettext("There is nobody named %(name)s.", name=quoted(meant.username))
        raise NotFound(msg, field="q")
    return meant.username, meant.session_id


def _comparison(user: User, chosen: str | None) -> str:
    targets = current_network().targets
    sessions = compared_sessions(user.id, storable(chosen) if chosen else None)
    return render_template(
        "compare.html",
        person=user,
        sessions=sessions,
        chosen_is_elsewhere=bool(chosen) and not any(session.is_chosen for session in sessions),
        targets={name: [host.url for host in hosts] for name, hosts in targets.items()},
        default_targets=current_app.config["SESSIONS_VERIFY_TARGETS"],
        reason_max_length=REASON_MAX_LENGTH,
    )


def _waiting() -> list[dict[str, object]]:
    return [{"entry": entry, "device": device_of(entry.origin)} for entry in waiting_sessions()]
