"""Class lists: sent, looked at line by line, carried out, and the slips to print."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from timApp.accounts.change import record_list
from timApp.auth.access import verify_admin
from timApp.auth.factor.proof import asks_again
from timApp.auth.site import db
from timApp.auth.visitor import Visitor, current_actor
from timApp.request.inputs import takes
from timApp.request.large import takes_large
from timApp.ui.slips import login_address
from timApp.ui.words import error_words
from timApp.user.roster.columns import Column, find_columns
from timApp.user.roster.draft import RosterDraft, drop_draft, find_draft, keep_draft
from timApp.user.roster.enroll import Enrolled, enroll, look_at_list
from timApp.user.roster.hashing import start_hashing
from timApp.user.roster.plan import Entry, Outcome, read_entries
from timApp.user.roster.sheet import DELIMITERS, ENCODINGS, FILE_MAX_BYTES, Sheet, read_sheet
from timApp.util.errors import BadInput, TimError
from timApp.util.limits import PARTS_MAX
from timApp.util.text import NAME_MAX_LENGTH, one_line, storable

roster = Blueprint("roster", __name__, url_prefix="/administer/people/import")

#: How a list is read, as its form says it.
_READING = ("encoding", "delimiter", "groups")
#: What the form says that has new slips made for whoever has never logged in.
_RENEW = "yes"
#: Bytes of the form around the file: its name, the token, and what parts them.
_AROUND_BYTES = 65_536
#: So many lines are shown; wrong ones come first.
_SHOWN_MAX = 500


@dataclass(frozen=True)
class Reading:
    """How somebody wants a list to be read."""

    encoding: str | None
    delimiter: str | None
    groups: Sequence[str]
    #: What columns say, by place.
    columns: Mapping[int, Column | None]


@roster.get("")
def show() -> ResponseReturnValue:
    """Show the form for a file."""
    verify_admin()
    return _form_page()


@roster.post("")
@takes(form=("encoding", "delimiter"), files=("file",))
@takes_large(FILE_MAX_BYTES + _AROUND_BYTES, PARTS_MAX)
def send() -> ResponseReturnValue:
    """Keep a file, and go on to what it would change; nobody is added yet."""
    visitor = verify_admin()
    file = request.files.get("file")
    content = b"" if file is None else file.read(FILE_MAX_BYTES + 1)
    reading = _read_reading(request.form)
    try:
        if file is None or not file.filename:
            raise BadInput("Choose a file.", field="file")
        read_sheet(content, reading.encoding, DELIMITERS.get(reading.delimiter or ""))
    except TimError as error:
        return _form_page(reading, error_words(error)), error.status
    name = storable(one_line(file.filename))[-NAME_MAX_LENGTH:]
    keep_draft(db, visitor.id, content, name)
    db.session.commit()
    look = url_for("roster.look", encoding=reading.encoding, delimiter=reading.delimiter)
    return redirect(look, 303)


@roster.get("/look")
@takes(query=_READING, repeated_query=("column",))
def look() -> ResponseReturnValue:
    """Show what comes of each line of the list that was sent; nothing is changed."""
    visitor = verify_admin()
    return _look_page(visitor, _read_reading(request.args))


@roster.post("/enroll")
@takes(form=(*_READING, "renew"), repeated=("column",))
@asks_again()
def carry_out() -> ResponseReturnValue:
    """Carry out the list that was sent, all of it or nothing, and show the slips to print."""
    visitor = verify_admin()
    reading = _read_reading(request.form)
    draft = find_draft(db, visitor.id)
    _, entries = _entries(draft, reading)
    done = enroll(db, entries, renews=request.form.get("renew") == _RENEW)
    if done.wrong:
        db.session.rollback()
        return _look_page(visitor, reading), BadInput.status
    record_list(db, done, current_actor())
    drop_draft(db, visitor.id)
    db.session.commit()
    start_hashing(db.engine, done.slips)
    site = current_app.config["SITE_URL"] or request.url_root
    return render_template(
        "enrolled.html",
        counts=_counts(done),
        slips=done.slips,
        addresses={slip.name: login_address(site, slip.name) for slip in done.slips},
        site=site,
    )


def _form_page(reading: Reading | None = None, error: str | None = None) -> str:
    return render_template(
        "roster.html", error=error, reading=reading, encodings=ENCODINGS, delimiters=DELIMITERS
    )


def _look_page(visitor: Visitor, reading: Reading) -> str:
    draft = find_draft(db, visitor.id)
    error, sheet, found = None, None, None
    try:
        sheet = _sheet(draft, reading)
        _, entries = _entries(draft, reading)
        found = look_at_list(db, entries)
    except BadInput as problem:
        error = error_words(problem)
    lines = [] if found is None else list(found.lines)
    lines.sort(key=lambda line: line.outcome is not Outcome.WRONG)
    return render_template(
        "roster_look.html",
        draft=draft,
        sheet=sheet,
        reading=reading,
        columns=_columns(sheet, reading),
        kinds=list(Column),
        encodings=ENCODINGS,
        delimiters=DELIMITERS,
        error=error,
        found=found,
        counts={} if found is None else _counts(found),
        lines=lines[:_SHOWN_MAX],
        is_cut_short=len(lines) > _SHOWN_MAX,
    )


def _counts(found: Enrolled) -> dict[str, int]:
    return {one.value: found.count(one) for one in Outcome}


def _sheet(draft: RosterDraft, reading: Reading) -> Sheet:
    delimiter = DELIMITERS.get(reading.delimiter or "")
    return read_sheet(draft.content, reading.encoding, delimiter)


def _entries(draft: RosterDraft, reading: Reading) -> tuple[dict[Column, int], list[Entry]]:
    sheet = _sheet(draft, reading)
    columns = find_columns(sheet.heading, reading.columns)
    return columns, read_entries(sheet.rows, columns, reading.groups)


def _columns(sheet: Sheet | None, reading: Reading) -> list[tuple[str, Column | None]]:
    """Return the columns of the list and what each is read as, as far as that is known."""
    if sheet is None:
        return []
    try:
        found = {place: one for one, place in find_columns(sheet.heading, reading.columns).items()}
    except BadInput:
        found = {place: one for place, one in reading.columns.items() if one is not None}
    return [(text, found.get(place)) for place, text in enumerate(sheet.heading.cells)]


def _read_reading(said: Mapping[str, str]) -> Reading:
    groups = [one.strip() for one in said.get("groups", "").split(",")]
    lists = said.getlist("column")  # type: ignore[attr-defined]
    columns: dict[int, Column | None] = {}
    kinds = {one.value: one for one in Column} | {"": None}
    for text in lists:
        place, separator, kind = text.partition("=")
        if not separator or not place.isdecimal() or len(place) > 3 or kind not in kinds:  # noqa: PLR2004
            raise BadInput("There is no such column.", field="column")
        columns[int(place)] = kinds[kind]
    return Reading(
        said.get("encoding") or None,
        said.get("delimiter") or None,
        [one for one in groups if one],
        columns,
    )
