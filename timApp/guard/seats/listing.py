"""The list of seats in the database: what it has, and how another one takes its place."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from timApp.database.textlock import lock_text
from timApp.database.work import UnitOfWork
from timApp.guard.seats.network import Network, key_of, written
from timApp.guard.tables.seat import Seat

_NUMBERS = re.compile("([0-9]+)")


@dataclass(frozen=True)
class Replacement:
    """What becomes of the networks of a list when another one takes its place."""

    new: int
    changed: int
    same: int
    gone: int


def replace_seats(work: UnitOfWork, seats: Mapping[Network, str]) -> Replacement:
    """Let these seats be all that there are; return what that comes to.

    No commit. Of two that do so at once, the later one waits for the other.
    """
    connection = work.session.connection()
    lock_text(connection, "seats")
    rows = {
        key_of(network): {"key": key_of(network), "network": written(network), "name": name}
        for network, name in seats.items()
    }
    known = {row.key: row.name for row in connection.execute(sa.select(Seat.key, Seat.name))}
    changed = {key for key in rows.keys() & known.keys() if rows[key]["name"] != known[key]}
    gone = known.keys() - rows.keys()
    if changed or gone:
        connection.execute(
            sa.delete(Seat).where(Seat.key == sa.bindparam("former")),
            [{"former": key} for key in sorted(changed | gone)],
        )
    new = rows.keys() - known.keys()
    if changed or new:
        connection.execute(sa.insert(Seat), [rows[key] for key in sorted(changed | new)])
    return Replacement(len(new), len(changed), len(known) - len(gone) - len(changed), len(gone))


def listed_seats(work: UnitOfWork) -> Sequence[tuple[str, str]]:
    """Return the networks and their seats' names, in the order of the names, B-9 before B-14."""
    rows = work.session.execute(sa.select(Seat.network, Seat.name, Seat.key)).all()
    return [(network, name) for network, name, _ in sorted(rows, key=_order)]


def is_listed(work: UnitOfWork, name: str) -> bool:
    """Tell whether there is a seat of that name, in capitals or not."""
    return name.casefold() in {one.casefold() for one in _names(work)}


def spellings(work: UnitOfWork, text: str) -> frozenset[str]:
    """Return the names of seats that a person may mean who types the text, in capitals or not.

    Those in the list that are it but for capitals, and itself in capitals and in small letters:
    a seat need not be in the list.
    """
    name = unicodedata.normalize("NFC", text.strip())
    same = {one for one in _names(work) if one.casefold() == name.casefold()}
    return frozenset({name, name.upper(), name.lower(), *same})


def _names(work: UnitOfWork) -> Sequence[str]:
    return work.session.scalars(sa.select(Seat.name).distinct()).all()


def _order(row: sa.Row[str, str, str]) -> tuple[Sequence[tuple[int, str]], str]:
    # Numbers as numbers: one with more digits comes later.
    parts = _NUMBERS.split(row.name.casefold())
    return [(len(part) if part.isdecimal() else 0, part) for part in parts], row.key
