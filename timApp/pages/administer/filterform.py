"""The form above the administrators' list of sessions, as an address holds it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from timApp.auth.site import current_clocks, db
from timApp.guard.reading.exam import of_exams
from timApp.guard.reading.filter import SessionFilter
from timApp.guard.reading.sorting import Position, Sort
from timApp.guard.seats.listing import spellings
from timApp.guard.seats.name import seat_name
from timApp.guard.vocabulary import ORIGIN_MAX_LENGTH, State
from timApp.pages.administer.cursor import read_cursor
from timApp.pages.administer.searchform import (
    ANY,
    SearchForm,
    read_since,
    read_texts,
    read_until,
    read_user,
)
from timApp.pages.choice import read_choice
from timApp.pages.exams.choice import EXAM_FIELD
from timApp.util.errors import BadInput
from timApp.util.text import is_storable

_CONDITIONS = frozenset({"state", "user", "origin", "seat", "since", "until"})
#: The names of the parameters.
FILTER_FIELDS = _CONDITIONS | {"sort", "after", EXAM_FIELD}


@dataclass
class FilterForm(SearchForm):
    """What was filled in, what it means, and what is wrong with it.

    `which` lacks what cannot be carried out.
    """

    which: SessionFilter = field(default_factory=SessionFilter)
    #: None for any.
    state: State | None = None
    sort: Sort = Sort.NEWEST
    after: Position | None = None

    @property
    def conditions(self) -> list[str]:
        """The fields that narrow the list down."""
        return self.narrowed_by(_CONDITIONS)


def read_filter(parameters: Mapping[str, str]) -> FilterForm:
    """Return the form with these parameters; an empty field is as good as none, but for the exam.

    Others than `FILTER_FIELDS` are kept among the texts, for the caller to read. Errors of the
    fields that somebody types into are kept in the form. `BadInput` for what no form sends: a
    choice that does not exist, a place that is none; `NotFound` for an exam that there is not.
    """
    form = FilterForm(*read_texts(parameters))
    form.state = read_choice(State, form.texts, "state", None, no_choice=ANY)
    form.sort = read_choice(Sort, form.texts, "sort", Sort.NEWEST)
    if "after" in form.texts:
        form.after = read_cursor(form.texts["after"])
    conditions = form.read(_READERS)
    if form.state is not None:
        conditions["states"] = frozenset({form.state})
    form.which = SessionFilter(clocks=current_clocks(), **conditions)
    if form.exam.exams:
        form.which = form.which.within(of_exams(db, form.exam.exams))
    return form


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


_READERS = {
    "user": read_user,
    "origin": _read_origin,
    "seat": _read_seat,
    "since": read_since,
    "until": read_until,
}
