"""Several people who wait, decided about at once, after one look at all of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from timApp.auth.access import verify_supervisor
from timApp.auth.site import current_clocks, current_guard, current_site, db
from timApp.auth.visitor import Visitor, current_actor
from timApp.guard.changes.change import Change, OnePerson
from timApp.guard.changes.undo import can_be_undone, undo
from timApp.guard.reading.decision import decisions_numbered, last_decision, undone_among
from timApp.guard.reading.device import Device, device_of
from timApp.guard.reading.sessions import session_summaries
from timApp.guard.vocabulary import Action, State
from timApp.guard.waiting.codes import Waiting, find_waiting
from timApp.hosts.distribution import tell_audiences
from timApp.pages.entry import entry_number
from timApp.pages.reason import REASON_MAX_LENGTH, read_reason
from timApp.pages.shown import ShownSession, shown
from timApp.pages.supervise.authority import denial_of, require_authority_over
from timApp.pages.supervise.console import console_page
from timApp.pages.supervise.targets import read_targets
from timApp.request.inputs import takes
from timApp.ui.words import error_words
from timApp.user.people import find_person, require_person
from timApp.util.errors import BadInput, Conflict

several = Blueprint("several", __name__, url_prefix="/supervise/several")

#: So many people are decided about at once.
SEVERAL_MAX = 100


@dataclass(frozen=True)
class Candidate:
    """Somebody who waits, as they are looked at beside others."""

    waiting: Waiting
    #: The number of the last decision about them, 0 if there was none.
    seen: int
    #: Their sessions that a verification blocks.
    active: Sequence[ShownSession]
    #: Why whoever looks may not decide about them; None if they may.
    denial: str | None

    @property
    def device(self) -> Device:
        """What they wait at."""
        return device_of(self.waiting.origin)

    @property
    def value(self) -> str:
        """What a form says of them, for `_read_chosen`."""
        return f"{self.seen} {self.waiting.user_name}#{self.waiting.session_id}"


@several.get("")
@takes(repeated_query=("code",))
def look() -> ResponseReturnValue:
    """Show those who wait with these codes, each with what a verification would block."""
    visitor = verify_supervisor()
    codes = list(dict.fromkeys(request.args.getlist("code")))
    _require_some(codes)
    found = [(code, find_waiting(db, code)) for code in codes]
    return render_template(
        "several.html",
        candidates=[_candidate(one, visitor) for _, one in found if one is not None],
        gone=[code for code, one in found if one is None],
        targets=current_site().network.targets,
        default_targets=current_app.config["SESSIONS_VERIFY_TARGETS"],
        reason_max_length=REASON_MAX_LENGTH,
    )


@several.post("/verify")
@takes(form=("reason",), repeated=("chosen", "target"))
def verify() -> ResponseReturnValue:
    """Verify the sessions of those who are chosen, here and on the chosen targets."""
    return _decide(Action.VERIFY)


@several.post("/end")
@takes(form=("reason",), repeated=("chosen", "target"))
def end() -> ResponseReturnValue:
    """End the sessions of those who are chosen for good; other servers are not told."""
    return _decide(Action.END)


@several.post("/undo")
@takes(repeated=("number", "shown"))
def take_back() -> ResponseReturnValue:
    """Undo the decisions of these numbers, each if nothing has happened to the person since.

    ``shown`` are the decisions among which they were; those are shown again. By default that is
    what was to be undone.
    """
    visitor = verify_supervisor()
    numbers = _numbers(request.form.getlist("number"))
    among = _numbers(request.form.getlist("shown") or request.form.getlist("number"))
    for one in decisions_numbered(db, numbers):
        require_authority_over(one.user_name, Action.VERIFY, visitor)
        scope = OnePerson(one.user_name, one.user_id)
        try:
            with db.session.begin_nested():
                undo(db, scope, one.number, current_actor())
        except Conflict as error:
            flash(error_words(error), "warning")
    db.session.commit()
    return _done(among)


@several.get("/done")
@takes(repeated_query=("number",))
def show() -> ResponseReturnValue:
    """Show the console, and above it the decisions of these numbers; nothing changes."""
    visitor = verify_supervisor()
    found = decisions_numbered(db, _numbers(request.args.getlist("number")))
    undoable = {one.number for one in found if can_be_undone(db, one.user_id, one.number)}
    return console_page(visitor, decided=found, undoable=undoable, undone=undone_among(db, found))


def _candidate(waiting: Waiting, visitor: Visitor) -> Candidate:
    person = find_person(db, waiting.user_name)
    decision = None if person is None else last_decision(db, person.id)
    sessions = (
        []
        if person is None
        else session_summaries(db, person.id, waiting.session_id, current_clocks())
    )
    return Candidate(
        waiting,
        0 if decision is None else decision.number,
        [shown(one) for one in sessions if one.state is State.ACTIVE],
        denial_of(waiting.user_name, Action.VERIFY, visitor),
    )


def _decide(action: Action) -> ResponseReturnValue:
    visitor = verify_supervisor()
    texts = list(dict.fromkeys(request.form.getlist("chosen")))
    _require_some(texts)
    targets = read_targets()
    network = current_site().network
    hosts, errors = network.hosts_of(targets if action is Action.VERIFY else [])
    changes = []
    for text in texts:
        seen, scope = _read_chosen(text)
        require_authority_over(scope.name, action, visitor)
        changes.append(
            Change(
                action,
                scope,
                current_actor(),
                read_reason(),
                audience=hosts,
                seen=seen,
                # What was told to others is not theirs to take back.
                can_be_undone=not hosts,
            )
        )
    receipts, refused = current_guard().apply_each(changes, db)
    db.session.commit()
    tell_audiences(network, db.engine, receipts)
    for text in [*errors, *(error_words(error) for error in refused)]:
        flash(text, "warning")
    return _done([one.number for one in receipts])


def _done(numbers: Sequence[int | None]) -> ResponseReturnValue:
    """Go on to what was recorded; to the console if nothing was."""
    known = [one for one in numbers if one is not None]
    where = url_for("several.show", number=known) if known else url_for("supervise.console")
    return redirect(where, 303)


def _read_chosen(text: str) -> tuple[int, OnePerson]:
    """Return what was seen, and the session; see `Candidate.value`."""
    seen, _, subject = text.partition(" ")
    number = entry_number(seen)
    name, separator, session_id = subject.rpartition("#")
    if number is None or not separator or not session_id:
        raise BadInput("Nothing was changed: that is nobody who waits.", field="chosen")
    person = require_person(db, name)
    return number, OnePerson(person.name, person.id, session_id, must_be_here=True)


def _numbers(texts: Sequence[str]) -> list[int]:
    _require_some(texts)
    numbers = [entry_number(text) for text in texts]
    if None in numbers:
        raise BadInput("That is no number of a decision.", field="number")
    return [one for one in numbers if one is not None]


def _require_some(chosen: Sequence[str]) -> None:
    """Check that somebody is chosen, and not too many."""
    if not chosen:
        raise BadInput("Nobody is chosen: tick those who are meant on the list.")
    if len(chosen) > SEVERAL_MAX:
        raise BadInput("Choose at most %(num)s people at once.", num=SEVERAL_MAX)
