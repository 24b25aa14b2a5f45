"""What a class list would change, line by line: pure functions of the list and of who is there."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from enum import Enum

from timApp.user.naming import name_recorded, name_taken, require_distinct
from timApp.user.newpassword import check_new_password
from timApp.user.roster.columns import Column
from timApp.user.roster.sheet import Row
from timApp.util.errors import BadInput, Conflict, TimError
from timApp.util.lookalikes import look_of, looks_to_find
from timApp.util.names import check_new_name, key_of
from timApp.util.text import check_text, quoted

_GROUP_SEPARATORS = ";,"


class Outcome(Enum):
    """What comes of a line."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"
    WRONG = "wrong"


@dataclass(frozen=True)
class Entry:
    """What a line says of somebody; None: it says nothing."""

    number: int
    name: str
    real_name: str | None = None
    email: str | None = None
    groups: frozenset[str] = frozenset()
    seat: str = ""
    password: str | None = None


@dataclass(frozen=True)
class Known:
    """Somebody who is there already."""

    id: int
    name: str
    real_name: str
    email: str
    groups: frozenset[str]
    #: Whether their account was deleted, and what is recorded of them has the name still.
    is_deleted: bool = False


@dataclass(frozen=True)
class Present:
    """Who and what is there, as far as a list is about it."""

    #: By the keys of their names (`timApp.util.names.key_of`).
    people: Mapping[str, Known] = field(default_factory=dict)
    #: Names that people have, by their looks (`timApp.util.lookalikes.look_of`).
    looks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    #: Names of groups, without personal ones.
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Line:
    """What comes of a line of the list, and why if it is wrong."""

    entry: Entry
    outcome: Outcome
    known: Known | None = None
    error: TimError | None = None


def read_entries(
    rows: Sequence[Row], columns: Mapping[Column, int], groups: Sequence[str] = ()
) -> list[Entry]:
    """Return what the rows say; everybody is to be in `groups` beside those of their row."""
    everybodys = frozenset(groups)
    return [_entry(row, columns, everybodys) for row in rows]


def plan(entries: Sequence[Entry], present: Present) -> list[Line]:
    """Return what comes of each entry, in their order.

    New people have a fit name that nobody has, that looks like nobody's, and that stands in the
    list once. Of people who are there, real name and email become those of the list where it says
    any, and groups are added; their passwords stay.
    """
    lines: list[Line] = []
    numbers: dict[str, int] = {}
    looks: dict[str, list[str]] = {}
    names = {entry.name for entry in entries}
    for entry in entries:
        try:
            _require_groups(entry, present, names)
            line = _line(entry, present, numbers, looks)
        except TimError as error:
            line = Line(entry, Outcome.WRONG, error=error)
        else:
            numbers.setdefault(key_of(entry.name), entry.number)
            looks.setdefault(look_of(entry.name), []).append(entry.name)
        lines.append(line)
    return lines


def _line(
    entry: Entry,
    present: Present,
    numbers: Mapping[str, int],
    looks: Mapping[str, Sequence[str]],
) -> Line:
    if not entry.name:
        raise BadInput("There is no name to log in with.", field="name")
    key = key_of(entry.name)
    if key in numbers:
        raise BadInput(
            "%(name)s stands in line %(num)s already.",
            field="name",
            name=quoted(entry.name),
            num=numbers[key],
        )
    for field_name, text in (("real_name", entry.real_name), ("email", entry.email)):
        check_text(field_name, text or "")
    known = present.people.get(key)
    if known is None:
        _require_fit(entry, present, looks)
        return Line(entry, Outcome.NEW)
    if known.is_deleted:
        raise name_recorded(known.name)
    is_same = (
        entry.real_name in {None, known.real_name}
        and entry.email in {None, known.email}
        and entry.groups <= known.groups
    )
    return Line(entry, Outcome.SAME if is_same else Outcome.CHANGED, known)


def _require_groups(entry: Entry, present: Present, names: Set[str]) -> None:
    for group in entry.groups:
        check_text("group", group, required=True)
        is_person = key_of(group) in present.people or group in names
        if is_person and group not in present.groups:
            raise Conflict("%(name)s is a user, not a group.", field="group", name=quoted(group))


def _require_fit(entry: Entry, present: Present, looks: Mapping[str, Sequence[str]]) -> None:
    check_new_name(entry.name)
    if entry.password is not None:
        names = (entry.name, entry.real_name or "", entry.email or "")
        check_new_password(entry.password, *names)
    if entry.name in present.groups:
        raise name_taken(entry.name)
    alike = [
        other
        for look in looks_to_find(entry.name)
        for other in (*present.looks.get(look, ()), *looks.get(look, ()))
    ]
    require_distinct(entry.name, alike)


def _entry(row: Row, columns: Mapping[Column, int], everybodys: frozenset[str]) -> Entry:
    def cell(column: Column) -> str | None:
        place = columns.get(column)
        if place is None or place >= len(row.cells):
            return None
        return row.cells[place] or None

    groups = cell(Column.GROUPS) or ""
    for separator in _GROUP_SEPARATORS:
        groups = groups.replace(separator, "\n")
    named = {one.strip() for one in groups.split("\n")} - {""}
    parts = [cell(Column.GIVEN_NAME), cell(Column.FAMILY_NAME)]
    full_name = " ".join(part for part in parts if part) or None
    return Entry(
        row.number,
        cell(Column.NAME) or "",
        cell(Column.REAL_NAME) or full_name,
        cell(Column.EMAIL),
        everybodys | named,
        cell(Column.SEAT) or "",
        cell(Column.PASSWORD),
    )
