"""The supervisors' console: who waits, who it is, and the verification."""

from collections.abc import Sequence

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from timApp.auth.access import verify_supervisor
from timApp.auth.site import current_site, db
from timApp.auth.visitor import Visitor
from timApp.guard.changes.hold import unsettled_logins
from timApp.guard.exams.find import supervised_among
from timApp.guard.exams.handin import exams_sat_by
from timApp.guard.reading.decision import last_decision
from timApp.guard.vocabulary import Action
from timApp.guard.waiting.link import ExpiredLink
from timApp.hosts.questions.desk import Desk, WaitingPerson, look_at_desk
from timApp.pages.reason import REASON_MAX_LENGTH
from timApp.pages.supervise.authority import require_authority_over
from timApp.pages.supervise.comparison import compare_sessions
from timApp.pages.supervise.search import Candidates, Match, NobodyWaits, find_match
from timApp.request.inputs import takes
from timApp.ui.words import error_words
from timApp.user.people import find_person
from timApp.util.errors import AccessDenied, TimError

supervise = Blueprint("supervise", __name__, url_prefix="/supervise")

#: The console waits so many seconds for the other hosts before it is shown without them.
_FIRST_LOOK = 0.5


@supervise.get("")
def console() -> ResponseReturnValue:
    """Show who waits, and the field for a name, a short code or a link."""
    return console_page(verify_supervisor())


@supervise.get("/waiting")
def waiting() -> ResponseReturnValue:
    """Return the list of who waits alone, for the console to put in place of an older one."""
    visitor = verify_supervisor()
    desk = look_at_desk(current_site().network, db)
    return render_template("waiting_list.html", desk=desk, own_people=_own_people(visitor, desk))


@supervise.get("/find")
@takes(query=("q",))
def find() -> ResponseReturnValue:
    """Go to the person that the field's text names; say so on the console if there is none."""
    visitor = verify_supervisor()
    text = request.args.get("q", "")
    try:
        match = find_match(text)
    except TimError as error:
        near = error.near if isinstance(error, NobodyWaits) else ()
        return console_page(visitor, text, error=error_words(error), near=near), error.status
    if isinstance(match, Candidates):
        return console_page(visitor, text, candidates=match)
    if not isinstance(match, Match):
        return console_page(visitor, text, choices=match)
    return redirect(url_for("supervise.compare", user=match.username, session=match.session_id))


@supervise.get("/link/<token>")
def follow_link(token: str) -> ResponseReturnValue:
    """Show the session that a scanned link names; nothing changes by that."""
    visitor = verify_supervisor()
    try:
        linked = current_site().links.read(token)
    except ExpiredLink as error:
        # The code below the picture is as good, and does not become too old.
        return console_page(visitor, error=error_words(error)), error.status
    return comparison_page(visitor, linked.username, linked.session_id)


@supervise.get("/person")
@takes(query=("user", "session"))
def compare() -> ResponseReturnValue:
    """Show a person's sessions side by side."""
    visitor = verify_supervisor()
    return comparison_page(visitor, request.args.get("user", ""), request.args.get("session"))


def _own_people(visitor: Visitor, desk: Desk) -> set[str]:
    """Return the names of those who wait and sit an exam of the supervisor's, which runs.

    To administrators all are alike.
    """
    if visitor.is_admin:
        return set()
    return supervised_among(db, visitor.id, {one.entry.user_name for one in desk.waiting})


def console_page(
    visitor: Visitor,
    query: str = "",
    *,
    error: str | None = None,
    choices: Sequence[WaitingPerson] = (),
    candidates: Candidates | None = None,
    near: Sequence[WaitingPerson] = (),
    done: object = None,
) -> str:
    """Return the console, and what was found (or not), or done, above the list of who waits."""
    desk = look_at_desk(current_site().network, db, _FIRST_LOOK)
    return render_template(
        "console.html",
        desk=desk,
        own_people=_own_people(visitor, desk),
        query=query,
        error=error,
        choices=choices,
        candidates=candidates,
        near=near,
        done=done,
    )


def comparison_page(
    visitor: Visitor, username: str, chosen: str | None, alert: str | None = None
) -> str:
    """Return the page of a person's sessions; `alert` says why a decision was refused."""
    try:
        require_authority_over(username, Action.VERIFY, visitor)
        denial = None
    except AccessDenied as error:
        denial = error_words(error)
    person = compare_sessions(username, chosen)
    known = find_person(db, person.name)
    sat = [] if known is None else exams_sat_by(db, known.id)
    return render_template(
        "compare.html",
        person=person,
        unsettled=set() if known is None else unsettled_logins(db, known.id),
        handed_in=[one for one in sat if one.handed_in_at is not None],
        denial=denial,
        alert=alert,
        decision=None if known is None else last_decision(db, known.id),
        targets=current_site().network.targets,
        default_targets=current_app.config["SESSIONS_VERIFY_TARGETS"],
        reason_max_length=REASON_MAX_LENGTH,
    )
