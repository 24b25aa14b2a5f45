"""The supervisors' console: who waits, who it is, and the verification."""

from collections.abc import Collection, Sequence

from flask import Response, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields

from timApp.auth.access import verify_supervisor
from timApp.auth.blueprint import ApiBlueprint
from timApp.auth.site import current_site, db
from timApp.auth.visitor import Visitor
from timApp.guard.changes.hold import unsettled_logins
from timApp.guard.exams.handin import exams_sat_by
from timApp.guard.reading.decision import PersonsDecision, last_decision
from timApp.guard.vocabulary import Action
from timApp.guard.waiting.code import DIGITS, LETTERS
from timApp.guard.waiting.looks import drop_look, note_look, who_looks_at
from timApp.hosts.questions.desk import WaitingPerson
from timApp.pages.reason import REASON_MAX_LENGTH
from timApp.pages.supervise.authority import denial_of
from timApp.pages.supervise.comparison import compare_sessions
from timApp.pages.supervise.rows import WaitingRow, look_at_rows, rows_as_json
from timApp.pages.supervise.scanned import comes_from_here, is_near
from timApp.pages.supervise.search import Candidates, Match, NobodyWaits, find_match
from timApp.request.conditional import compressed_json, is_known, unchanged
from timApp.request.inputs import takes
from timApp.ui.language import page_language, reader_zone
from timApp.ui.words import error_words
from timApp.user.people import find_person
from timApp.util.errors import BadInput, TimError

supervise = ApiBlueprint(
    "supervise", __name__, url_prefix="/supervise", description="What supervisors see."
)


class WaitingRowsAnswer(Schema):
    """Who waits, as the console writes it: each text is HTML."""

    title = fields.String(required=True)
    count = fields.String(required=True)
    silent = fields.String(required=True)
    lists = fields.List(
        fields.List(fields.List(fields.String())),
        required=True,
        metadata={"description": "Whom the supervisor is for, and others: key, version, row."},
    )


class LookersAnswer(Schema):
    """Who else has a person open."""

    others = fields.List(fields.String(), required=True)


#: The console waits so many seconds for the other hosts before it is shown without them.
_FIRST_LOOK = 0.5


@supervise.get("")
def console() -> ResponseReturnValue:
    """Show who waits, and the field for a name, a short code or a link."""
    return console_page(verify_supervisor())


@supervise.get("/waiting")
@supervise.tells(200, WaitingRowsAnswer, "Who waits.")
@supervise.tells(304, description="Just what If-None-Match names.")
@supervise.tells(403)
def waiting() -> Response:
    """Return who waits as JSON, row by row, for the console to bring its list up to date.

    304 to whoever has seen just that: nothing is written then.
    """
    shown = look_at_rows(verify_supervisor())
    tag = shown.tag(page_language(), reader_zone())
    if is_known(tag):
        return unchanged(tag)
    return compressed_json(rows_as_json(shown), tag)


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
    if match.link is not None:
        return redirect(url_for("links.follow", token=match.link))
    return redirect(url_for("supervise.compare", user=match.username, session=match.session_id))


@supervise.get("/person")
@takes(query=("user", "session"))
def compare() -> ResponseReturnValue:
    """Show a person's sessions side by side.

    A picture may name a session in this way, too: it has to be confirmed as its link has.
    """
    visitor = verify_supervisor()
    name, session_id = request.args.get("user", ""), request.args.get("session")
    if session_id and not is_near() and not comes_from_here():
        token = current_site().links.sign(name, session_id)
        return redirect(url_for("links.follow", token=token))
    return comparison_page(visitor, name, session_id)


@supervise.post("/look")
@supervise.tells(200, LookersAnswer, "Noted, and who else looks.")
@supervise.tells(403)
@takes(form=("user", "left"))
def look() -> ResponseReturnValue:
    """Note that the supervisor has the person open; return who else has, as JSON.

    A page that is open says it every few seconds, and says ``left=yes`` as it is left: then they
    have the person open no more. Of somebody whom this server does not know nothing is noted.
    """
    visitor = verify_supervisor()
    person = find_person(db, request.form.get("user", ""))
    if person is None:
        return {"others": []}
    others = who_looks_at(db, [person.name], visitor.id).get(person.name, [])
    left = request.form.get("left", "")
    if left not in {"", "yes"}:
        raise BadInput("A page is left, with the value yes, or it is not.", field="left")
    (drop_look if left else note_look)(db, visitor.id, person.id)
    db.session.commit()
    return {"others": others}


def console_page(
    visitor: Visitor,
    query: str = "",
    *,
    error: str | None = None,
    choices: Sequence[WaitingPerson] = (),
    candidates: Candidates | None = None,
    near: Sequence[WaitingPerson] = (),
    done: object = None,
    decided: Sequence[PersonsDecision] = (),
    undoable: Collection[int] = (),
    undone: Collection[int] = (),
) -> str:
    """Return the console, and what was found (or not), or done, above the list of who waits."""
    shown = look_at_rows(visitor, _FIRST_LOOK)
    spans_hosts = shown.desk.spans_hosts
    return render_template(
        "console.html",
        shown=shown,
        code_letters=LETTERS,
        code_digits=DIGITS,
        query=query,
        error=error,
        choices=[WaitingRow(one, names_host=spans_hosts) for one in choices],
        candidates=candidates,
        near=[WaitingRow(one, names_host=spans_hosts) for one in near],
        done=done,
        decided=decided,
        undoable=undoable,
        undone=undone,
    )


def comparison_page(
    visitor: Visitor, username: str, chosen: str | None, alert: str | None = None
) -> str:
    """Return the page of a person's sessions; `alert` says why a decision was refused."""
    denial = denial_of(username, Action.VERIFY, visitor)
    person = compare_sessions(username, chosen)
    known = find_person(db, person.name)
    sat = [] if known is None else exams_sat_by(db, known.id)
    return render_template(
        "compare.html",
        person=person,
        names_session=bool(chosen),
        unsettled=set() if known is None else unsettled_logins(db, known.id),
        handed_in=[one for one in sat if one.handed_in_at is not None],
        denial=denial,
        alert=alert,
        decision=None if known is None else last_decision(db, known.id),
        targets=current_site().network.targets,
        default_targets=current_app.config["SESSIONS_VERIFY_TARGETS"],
        reason_max_length=REASON_MAX_LENGTH,
    )
