"""The supervisors' console: who waits, who it is, and the verification."""

from collections.abc import Sequence

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from timApp.auth.access import verify_supervisor
from timApp.auth.site import current_guard, current_site, db
from timApp.auth.visitor import Visitor, current_actor
from timApp.guard.changes.change import Change, Receipt
from timApp.guard.changes.hold import unsettled_logins
from timApp.guard.exams.find import supervised_among
from timApp.guard.exams.handin import exams_sat_by
from timApp.guard.rules.authority import require_authority
from timApp.guard.vocabulary import Action
from timApp.guard.waiting.link import ExpiredLink
from timApp.hosts.distribution import tell_audience
from timApp.hosts.outbox.debts import last_outcomes
from timApp.hosts.outbox.delivery import ACTIONS, DeliveryState, Outcome
from timApp.hosts.outbox.worker import deliver_owed
from timApp.hosts.questions.desk import Desk, WaitingPerson, look_at_desk
from timApp.pages.reason import REASON_MAX_LENGTH, read_reason
from timApp.pages.supervise.comparison import compare_sessions
from timApp.pages.supervise.search import Candidates, Match, find_match
from timApp.pages.supervise.subject import SUBJECT_FIELDS, Subject, read_subject
from timApp.request.inputs import takes
from timApp.ui.words import error_words
from timApp.user.people import find_person
from timApp.user.usergroup import ADMIN_GROUP
from timApp.util.errors import AccessDenied, BadInput, TimError
from timApp.util.text import quoted

supervise = Blueprint("supervise", __name__, url_prefix="/supervise")

#: The console waits so many seconds for the other hosts before it is shown without them.
_FIRST_LOOK = 0.5


@supervise.get("")
def console() -> ResponseReturnValue:
    """Show who waits, and the field for a name, a short code or a link."""
    return _console(verify_supervisor())


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
        return _console(visitor, text, error=error_words(error)), error.status
    if isinstance(match, Candidates):
        return _console(visitor, text, candidates=match)
    if not isinstance(match, Match):
        return _console(visitor, text, choices=match)
    return redirect(url_for("supervise.compare", user=match.username, session=match.session_id))


@supervise.get("/link/<token>")
def follow_link(token: str) -> ResponseReturnValue:
    """Show the session that a scanned link names; nothing changes by that."""
    visitor = verify_supervisor()
    try:
        linked = current_site().links.read(token)
    except ExpiredLink as error:
        # The code below the picture is as good, and does not become too old.
        return _console(visitor, error=error_words(error)), error.status
    return _comparison(visitor, linked.username, linked.session_id)


@supervise.get("/person")
@takes(query=("user", "session"))
def compare() -> ResponseReturnValue:
    """Show a person's sessions side by side."""
    visitor = verify_supervisor()
    return _comparison(visitor, request.args.get("user", ""), request.args.get("session"))


@supervise.post("/verify")
@takes(form=SUBJECT_FIELDS | {"reason"}, repeated=("target",))
def verify() -> ResponseReturnValue:
    """Verify the session that the supervisor has looked at, here and on the chosen targets."""
    return _change(Action.VERIFY)


@supervise.post("/invalidate")
@takes(form=SUBJECT_FIELDS | {"reason"}, repeated=("target",))
def invalidate() -> ResponseReturnValue:
    """Invalidate the session that the supervisor has looked at, here and on the targets."""
    return _change(Action.INVALIDATE)


@supervise.post("/end")
@takes(form=SUBJECT_FIELDS | {"reason"})
def end() -> ResponseReturnValue:
    """End the session that the supervisor has looked at for good; it has to be on this server."""
    return _change_here(Action.END)


@supervise.post("/pause")
@takes(form=SUBJECT_FIELDS | {"reason"})
def pause() -> ResponseReturnValue:
    """Note that the person whose session the supervisor has looked at has left the room."""
    return _change_here(Action.PAUSE)


@supervise.post("/retry")
@takes(form=SUBJECT_FIELDS | {"action"}, repeated=("host",))
def retry() -> ResponseReturnValue:
    """Tell hosts again, now, what they are still owed of a person's changes."""
    verify_supervisor()
    subject = read_subject()
    actions = {one.value: one for one in ACTIONS}
    action = actions.get(request.form.get("action", ""))
    urls = request.form.getlist("host")
    network = current_site().network
    hosts = network.find(urls)
    if action is None or len(hosts) != len(set(urls)):
        raise BadInput("Nobody was asked: there is no such action or host.", field="host")
    db.session.rollback()  # no connection is held while hosts take their time
    deliver_owed(network, db.engine, subject.user_name, hosts)
    outcomes = last_outcomes(db, action, subject.user_name, subject.session_id, hosts)
    return _outcome(action, subject, outcomes)


def _change_here(action: Action) -> ResponseReturnValue:
    visitor = verify_supervisor()
    subject = read_subject()
    if subject.home is not None:
        raise BadInput("That is done on the server that the session is on.", field="home")
    _require_authority(action, visitor, subject.user_name)
    change = Change(action, subject.scope, current_actor(), read_reason())
    receipt = current_guard().apply(change, db)
    db.session.commit()
    return _outcome(action, subject, [], effect_here=_effect_here(action, subject, receipt))


def _change(action: Action) -> ResponseReturnValue:
    visitor = verify_supervisor()
    subject = read_subject()
    _require_authority(action, visitor, subject.user_name)
    network = current_site().network
    targets = request.form.getlist("target")
    for target in targets:
        if target not in network.targets:
            raise BadInput(
                "Nothing was changed: there is no target %(target)s.",
                field="target",
                target=quoted(target),
            )
    hosts, errors = network.hosts_of(targets)
    receipt = current_guard().apply(
        Change(
            action,
            subject.scope,
            current_actor(),
            read_reason(),
            audience=subject.with_home(hosts),
        ),
        db,
    )
    db.session.commit()
    outcomes = tell_audience(network, db.engine, receipt)
    return _outcome(action, subject, outcomes, errors, _effect_here(action, subject, receipt))


def _require_authority(action: Action, visitor: Visitor, name: str) -> None:
    person = find_person(db, name)
    require_authority(
        action,
        actor_is_admin=visitor.is_admin,
        subject_is_admin=person is not None and ADMIN_GROUP in person.groups,
        is_own=person is not None and person.id == visitor.id,
    )


def _outcome(
    action: Action,
    subject: Subject,
    outcomes: Sequence[Outcome],
    errors: Sequence[str] = (),
    effect_here: str | None = None,
) -> ResponseReturnValue:
    """Show what came of a change, on this server (None: that is not known) and host by host."""
    return render_template(
        "outcome.html",
        action=action.value,
        user_name=subject.user_name,
        real_name=subject.real_name,
        session_id=subject.session_id,
        effect_here=effect_here,
        home=subject.home,
        outcomes=outcomes,
        owed=[outcome.host.url for outcome in outcomes if outcome.state is DeliveryState.OWED],
        errors=errors,
    )


def _effect_here(action: Action, subject: Subject, receipt: Receipt) -> str:
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


def _own_people(visitor: Visitor, desk: Desk) -> set[str]:
    """Return the names of those who wait and sit an exam of the supervisor's, which runs.

    To administrators all are alike.
    """
    if visitor.is_admin:
        return set()
    return supervised_among(db, visitor.id, {one.entry.user_name for one in desk.waiting})


def _console(
    visitor: Visitor,
    query: str = "",
    *,
    error: str | None = None,
    choices: Sequence[WaitingPerson] = (),
    candidates: Candidates | None = None,
) -> str:
    desk = look_at_desk(current_site().network, db, _FIRST_LOOK)
    return render_template(
        "console.html",
        desk=desk,
        own_people=_own_people(visitor, desk),
        query=query,
        error=error,
        choices=choices,
        candidates=candidates,
    )


def _comparison(visitor: Visitor, username: str, chosen: str | None) -> str:
    try:
        _require_authority(Action.VERIFY, visitor, username)
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
        targets=current_site().network.targets,
        default_targets=current_app.config["SESSIONS_VERIFY_TARGETS"],
        reason_max_length=REASON_MAX_LENGTH,
    )
