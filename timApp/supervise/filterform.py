"""The form above the administrators' list of sessions, as an address holds it."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar

from flask_babel import gettext
from werkzeug.datastructures import MultiDict

from timApp.auth.session.beginning import ORIGIN_MAX_LENGTH
from timApp.auth.session.filter import SessionFilter
from timApp.auth.session.order import Position, Sort
from timApp.supervise.cursor import read_cursor
from timApp.supervise.localtime import span_of
from timApp.supervise.timelabels import reader_zone
from timApp.user.user import require_user
from timApp.util.errors import BadInput, TimError
from timApp.util.text import is_storable, quoted

_Choice = TypeVar("_Choice", bound=Enum)


class State(Enum):
    """Which sessions are listed. Here, unlike in exports, those logged out are a state by itself.

    For an administrator who looks for whom to verify, they are not among the expired ones.
    """

    ALL = "all"
    ACTIVE = "active"
    EXPIRED = "expired"
    LOGGED_OUT = "logged_out"


#: What each state asks of a session.
_CONDITIONS: dict[State, dict[str, bool]] = {
    State.ALL: {},
    State.ACTIVE: {"expired": False},
    State.EXPIRED: {"expired": True, "logged_out": False},
    State.LOGGED_OUT: {"logged_out": True},
}
_FIELDS = ("state", "user", "origin", "since", "until", "sort", "after")


@dataclass
class FilterForm:
    """What was filled in, what it means, and what is wrong with it."""

    #: What was filled in, by field; without empty fields.
    texts: dict[str, str]
    which: SessionFilter = field(default_factory=SessionFilter)
    state: State = State.ALL
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


def read_filter(parameters: MultiDict[str, str], *others: str) -> FilterForm:
    """Return the form with these parameters; an empty field is as good as none.

    Parameters of the names `others` are taken too, and are for the caller to read.

    Errors of the fields that somebody types into are kept in the form. `BadInput` for all that
    no form sends: other names, a name given twice, a choice that does not exist.
    """
    form = FilterForm(_texts(parameters, {*_FIELDS, *others}))
    form.state = read_choice(State, form.texts, "state", State.ALL)
    form.sort = read_choice(Sort, form.texts, "sort", Sort.NEWEST)
    if "after" in form.texts:
        form.after = read_cursor(form.texts["after"])
    conditions: dict[str, Any] = dict(_CONDITIONS[form.state])
    for name, read in _READERS.items():
        if name in form.texts:
            try:
                conditions.update(read(form.texts[name]))
            except TimError as error:
                form.errors[name] = error
    form.which = SessionFilter(**conditions)
    since, until = form.which.since, form.which.until
    if since is not None and until is not None and until <= since:
        msg = gettext("The end of the time range has to come after its beginning.")
        form.errors["until"] = BadInput(msg, field="until")
    return form


def read_choice(
    choices: type[_Choice], texts: dict[str, str], name: str, default: _Choice
) -> _Choice:
    """Return the choice that a field names; `BadInput` if there is no such choice."""
    text = texts.get(name)
    if text is None:
        return default
    try:
        return choices(text)
    except ValueError:
        msg = gettext(
            "%(field)s has no value %(value)s. It has: %(choices)s.",
            field=name,
            value=quoted(text),
            choices=", ".join(str(choice.value) for choice in choices),
        )
        raise BadInput(msg, field=name) from None


def _texts(parameters: MultiDict[str, str], known: Collection[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, texts in parameters.lists():
        if name not in known:
            msg = gettext("There is no filter named %(name)s.", name=quoted(name))
            raise BadInput(msg, field=name)
        if len(texts) > 1:
            msg = gettext("%(name)s is given more than once.", name=quoted(name))
            raise BadInput(msg, field=name)
        if texts[0].strip():
            found[name] = texts[0].strip()
    return found


def _read_user(text: str) -> dict[str, Any]:
    return {"user_id": require_user(text).id}


def _read_origin(text: str) -> dict[str, Any]:
    if len(text) > ORIGIN_MAX_LENGTH or not is_storable(text):
        msg = gettext("Type at most %(num)s characters, none of them NUL.", num=ORIGIN_MAX_LENGTH)
        raise BadInput(msg, field="origin")
    return {"origin": text}


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
    msg = gettext(
        "%(value)s is no date and time. Write it like this: 2026-05-04T09:30.",
        value=quoted(text),
    )
    raise BadInput(msg, field=name)


_READERS = {
    "user": _read_user,
    "origin": _read_origin,
    "since": _read_since,
    "until": _read_until,
}
