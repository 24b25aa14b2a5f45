"""The form above the administrators' list of sessions, as an address holds it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from timApp.auth.site import current_clocks, db
from timApp.guard.reading.exam import of_exams
from timApp.guard.reading.filter import SessionFilter, of_people
from timApp.guard.reading.sorting import Position, Sort
from timApp.guard.seats.listing import spellings
from timApp.guard.seats.name import seat_name
from timApp.guard.vocabulary import ORIGIN_MAX_LENGTH, State
from timApp.pages.administer.cursor import read_cursor
from timApp.pages.choice import read_choice
from timApp.pages.exams.choice import EXAM_FIELD, ExamChoice, read_exam_choice
from timApp.pages.timelabels import reader_zone
from timApp.util.errors import BadInput, TimError
from timApp.util.localtime import span_of
from timApp.util.text import is_storable, quoted

#: What stands in an address for sessions in any state. Unlike in exports, those that are logged out
#: are a state by itself: for an administrator who looks for whom to verify, they are not expired.
ANY_STATE = "all"
#: The names of the parameters.
FILTER_FIELDS = frozenset(
    {"state", "user", "origin", "seat", "since", "until", "sort", "after", EXAM_FIELD}
)


@dataclass
class FilterForm:
    """What was filled in, what it means, and what is wrong with it."""

    #: What was filled in, by field; without empty fields.
    texts: dict[str, str]
    #: The exams that it is about.
    exam: ExamChoice
    which: SessionFilter = field(default_factory=SessionFilter)
    #: None for any.
    state: State | None = None
    sort: Sort = Sort.NEWEST
    after: Position | None = None
    #: What cannot be carried out, by field. Then `which` lacks it.
    errors: dict[str, TimError] = field(default_factory=dict)

    def parameters(self, **changes: str | None) -> dict[str, str]:
        """Return the address's parameters with some changed, or (None) left out."""
        return {name: text for name, text in (self.texts | changes).items() if text is not None}

    def require_valid(self) -> None:
        """Raise the first error, if there is one."""
        for error in self.errors.values():
            raise error


def read_filter(parameters: Mapping[str, str]) -> FilterForm:
    """Return the form with these parameters; an empty field is as good as none, but for the exam.

    Others than `FILTER_FIELDS` are kept among the texts, for the caller to read. Errors of the
    fields that somebody types into are kept in the form. `BadInput` for what no form sends: a
    choice that does not exist, a place that is none; `NotFound` for an exam that there is not.
    """
    texts = {name: text.strip() for name, text in parameters.items() if text.strip()}
    form = FilterForm(texts, read_exam_choice(parameters))
    texts.pop(EXAM_FIELD, None)
    if form.exam.text is not None:
        texts[EXAM_FIELD] = form.exam.text
    form.state = read_choice(State, form.texts, "state", None, no_choice=ANY_STATE)
    form.sort = read_choice(Sort, form.texts, "sort", Sort.NEWEST)
    if "after" in form.texts:
        form.after = read_cursor(form.texts["after"])
    conditions: dict[str, Any] = {"clocks": current_clocks()}
    if form.state is not None:
        conditions["states"] = frozenset({form.state})
    for name, read in _READERS.items():
        if name in form.texts:
            try:
                conditions.update(read(form.texts[name]))
            except TimError as error:
                form.errors[name] = error
    form.which = SessionFilter(**conditions)
    since, until = form.which.since, form.which.until
    if since is not None and until is not None and until <= since:
        form.errors["until"] = BadInput(
            "The end of the time range has to come after its beginning.", field="until"
        )
    if form.exam.exams:
        form.which = form.which.within(of_exams(db, form.exam.exams))
    return form


def _read_user(text: str) -> dict[str, Any]:
    return {**of_people(db, text)}


def _read_origin(text: str) -> dict[str, Any]:
    if len(text) > ORIGIN_MAX_LENGTH or not is_storable(text):
        raise BadInput(
            "Type at most %(num)s characters, none of them NUL.",
            field="origin",
            num=ORIGIN_MAX_LENGTH,
        )
    return {"origin": text}


def _read_seat(text: str) -> dict[str, Any]:
    return {"seats": spellings(db, seat_name(text))}


def _read_since(text: str) -> dict[str, Any]:
    return {"since": _moments("since", text)[0]}


def _read_until(text: str) -> dict[str, Any]:
    return {"until": _moments("until", text)[1]}


def _moments(name: str, text: str) -> tuple[datetime, datetime]:
    """Return the earliest and the latest moment when the reader's clock shows that date and time.

    With the one for a beginning and the other for an end, a time range has the whole of the hour
    that is repeated when summer time ends.
    """
    try:
        wall = datetime.fromisoformat(text)
        if wall.tzinfo is None:
            return span_of(wall, reader_zone())
    except (ValueError, OverflowError):
        pass  # no date, or none that a clock will ever show
    raise BadInput(
        "%(value)s is no date and time. Write it like this: 2026-05-04T09:30.",
        field=name,
        value=quoted(text),
    )


_READERS = {
    "user": _read_user,
    "origin": _read_origin,
    "seat": _read_seat,
    "since": _read_since,
    "until": _read_until,
}
