"""The form above the record of changes, as an address holds it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from timApp.auth.site import db
from timApp.guard.reading.exam import time_of_exam
from timApp.guard.reading.record import RecordFilter, has_made_changes
from timApp.guard.vocabulary import Action
from timApp.pages.administer.searchform import (
    ANY,
    SearchForm,
    read_since,
    read_texts,
    read_until,
    read_user,
)
from timApp.pages.choice import read_choice
from timApp.pages.entry import read_entry
from timApp.pages.exams.choice import EXAM_FIELD
from timApp.user.people import find_person
from timApp.util.errors import NotFound
from timApp.util.text import is_storable, quoted

_CONDITIONS = frozenset({"actor", "user", "action", "since", "until"})
#: The names of the parameters.
RECORD_FIELDS = _CONDITIONS | {"before", EXAM_FIELD}


@dataclass
class RecordForm(SearchForm):
    """What was filled in, what it means, and what is wrong with it.

    `which` lacks what cannot be carried out.
    """

    which: RecordFilter = field(default_factory=RecordFilter)
    #: The number of the change before which the page begins; None for the newest.
    before: int | None = None

    @property
    def conditions(self) -> list[str]:
        """The fields that narrow the list down."""
        return self.narrowed_by(_CONDITIONS)


def read_record(parameters: Mapping[str, str]) -> RecordForm:
    """Return the form with these parameters, otherwise as `read_filter` reads its own."""
    form = RecordForm(*read_texts(parameters))
    action = read_choice(Action, form.texts, "action", None, no_choice=ANY)
    form.before = read_entry(form.texts.get("before", ""))
    form.which = RecordFilter(action=action, **form.read(_READERS))
    if form.exam.exams:
        form.which = form.which.within(tuple(map(time_of_exam, form.exam.exams)))
    return form


def _read_actor(text: str) -> dict[str, Any]:
    """Return the condition for who made a change: a person, or whoever else is recorded so."""
    person = find_person(db, text)
    if person is not None:
        return {"actor": person.name}
    if not is_storable(text) or not has_made_changes(db, text):
        raise NotFound(
            "Nobody called %(name)s has changed anything. Type the whole name.",
            field="actor",
            name=quoted(text),
        )
    return {"actor": text}


_READERS = {
    "actor": _read_actor,
    "user": read_user,
    "since": read_since,
    "until": read_until,
}
