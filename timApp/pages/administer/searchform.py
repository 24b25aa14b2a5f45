"""What the forms above lists of administrators have in common, as an address holds them."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from timApp.auth.site import db
from timApp.guard.reading.filter import of_people
from timApp.pages.exams.choice import EXAM_FIELD, ExamChoice, read_exam_choice
from timApp.pages.timelabels import reader_zone
from timApp.util.errors import BadInput, TimError
from timApp.util.localtime import span_of
from timApp.util.text import quoted

#: What stands in an address for any choice. Unlike in exports of programs, sessions that are logged
#: out are a state by itself: for an administrator who looks for whom to verify, they are not
#: expired.
ANY = "all"

#: Turns what was typed into a field into conditions; `TimError` if it cannot.
Reader = Callable[[str], dict[str, Any]]


@dataclass
class SearchForm:
    """What was filled in, and what is wrong with it."""

    #: What was filled in, by field; without empty fields.
    texts: dict[str, str]
    #: The exams that it is about.
    exam: ExamChoice
    #: What cannot be carried out, by field.
    errors: dict[str, TimError] = field(default_factory=dict)

    def parameters(self, **changes: str | None) -> dict[str, str]:
        """Return the address's parameters with some changed, or (None) left out."""
        return {name: text for name, text in (self.texts | changes).items() if text is not None}

    def narrowed_by(self, fields: Collection[str]) -> list[str]:
        """Return which of these fields narrow the list down."""
        return [name for name in fields if self.texts.get(name, ANY) != ANY]

    def require_valid(self) -> None:
        """Raise the first error, if there is one."""
        for error in self.errors.values():
            raise error

    def read(self, readers: Mapping[str, Reader]) -> dict[str, Any]:
        """Return the conditions of the fields that somebody types into; errors are kept.

        `since` and `until` are those of a time range, in this order.
        """
        conditions: dict[str, Any] = {}
        for name, read in readers.items():
            if name in self.texts:
                try:
                    conditions.update(read(self.texts[name]))
                except TimError as error:
                    self.errors[name] = error
        since, until = conditions.get("since"), conditions.get("until")
        if since is not None and until is not None and until <= since:
            self.errors["until"] = BadInput(
                "The end of the time range has to come after its beginning.", field="until"
            )
        return conditions


def read_texts(parameters: Mapping[str, str]) -> tuple[dict[str, str], ExamChoice]:
    """Return what was filled in, and of which exams it is; `NotFound` for one that there is not.

    An empty field is as good as none, but for the exam.
    """
    texts = {name: text.strip() for name, text in parameters.items() if text.strip()}
    exam = read_exam_choice(parameters)
    texts.pop(EXAM_FIELD, None)
    if exam.text is not None:
        texts[EXAM_FIELD] = exam.text
    return texts, exam


def read_user(text: str) -> dict[str, Any]:
    """Return the conditions for whom a text means; `NotFound` (field ``user``) if it is nobody."""
    return {**of_people(db, text)}


def read_since(text: str) -> dict[str, Any]:
    """Return the condition for the beginning of a time range; `BadInput` if it is no time."""
    return {"since": _moments("since", text)[0]}


def read_until(text: str) -> dict[str, Any]:
    """Return the condition for the end of a time range; `BadInput` if it is no time."""
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
