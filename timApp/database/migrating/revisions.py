"""What the name of a revision says, and how a database stands to the program that meets it.

A revision is called ``v<series>_<number>``. The series is that of a minor version of the program:
within one, tables are only added to, in such a way that each program of the series works with them.
So a server of the old version serves while a new one has migrated already, and after a step back.

Alembic is not needed to know that, and is not imported: each worker of a site would have it in
memory for as long as it runs.
"""

import re
from collections.abc import Collection, Sequence
from enum import Enum
from functools import cache
from pathlib import Path

import sqlalchemy as sa

from timApp.database.dialects.sqlitefile import is_yet_to_be_made
from timApp.database.patience import LOOK_PATIENCE, shorter_patience
from timApp.util.errors import TimError

#: Where the migrations are, each in a file that begins with the name of its revision.
MIGRATIONS = Path(__file__).parents[1] / "migrations"
#: The name of Alembic's own table, which has the revision of the others.
VERSION_TABLE = "alembic_version"

_NAME = re.compile(r"v(\d+)_(\d{4})")
_version = sa.table(VERSION_TABLE, sa.column("version_num", sa.String()))


class UnknownRevision(TimError):  # noqa: N818 - named after what was found
    """The tables are those of another version, from which no migration leads here."""


class NewerRevision(UnknownRevision):
    """The tables are those of a newer version."""


class Standing(Enum):
    """How the tables of a database stand to a program."""

    #: They lack migrations; so do none at all.
    BEHIND = "behind"
    CURRENT = "current"
    #: They are newer, and of the same series: the program works with them.
    AHEAD = "ahead"


@cache
def own_revisions() -> Sequence[str]:
    """Return the revisions that this program knows, the oldest first."""
    found = (_NAME.match(file.name) for file in MIGRATIONS.glob("v*.py"))
    return tuple(sorted(name[0] for name in found if name is not None))


def needs_upgrade(engine: sa.Engine) -> bool:
    """Tell whether the database lacks migrations; `UnknownRevision` if none leads here.

    It lacks none when its tables are newer than this program, as long as they are of the same
    series: `newer_revision` says so.
    """
    return standing(own_revisions(), revisions_of(engine)) is Standing.BEHIND


def newer_revision(engine: sa.Engine) -> str | None:
    """Return the revision of tables that are newer than this program, which can serve with them.

    None for any others; `UnknownRevision` as `needs_upgrade` raises it.
    """
    applied = revisions_of(engine)
    return applied[0] if standing(own_revisions(), applied) is Standing.AHEAD else None


def revisions_of(engine: sa.Engine) -> tuple[str, ...]:
    """Return the revisions of a database's tables, as `applied_revisions`; no file is made."""
    if is_yet_to_be_made(engine):
        return ()
    with shorter_patience(LOOK_PATIENCE), engine.connect() as connection:
        return applied_revisions(connection)


def applied_revisions(connection: sa.Connection) -> tuple[str, ...]:
    """Return the revisions of the tables, none if there are no tables.

    It is what is asked first of a database, which may be one that does not answer: it has
    `LOOK_PATIENCE` for that, also where there is no limit.
    """
    with shorter_patience(LOOK_PATIENCE):
        if not sa.inspect(connection).has_table(VERSION_TABLE):
            return ()
        return tuple(connection.scalars(sa.select(_version.c.version_num)))


def standing(known: Collection[str], applied: Sequence[str]) -> Standing:
    """Return how tables with these revisions stand to a program that knows those.

    `NewerRevision` for those of a later series, `UnknownRevision` for any others not known.
    """
    stranger = next((one for one in applied if one not in known), None)
    ours = max(known)
    if stranger is None:
        return Standing.CURRENT if set(applied) == {ours} else Standing.BEHIND
    found, own = _NAME.fullmatch(stranger), _NAME.fullmatch(ours)
    if found is None or own is None or _key(found) <= _key(own):
        raise UnknownRevision(_UNKNOWN, revision=stranger)
    if found[1] != own[1]:
        raise NewerRevision(_NEWER, revision=stranger, ours=ours)
    return Standing.AHEAD


def require_known(known: Collection[str], applied: tuple[str, ...]) -> tuple[str, ...]:
    """Return the revisions, all of which this program has to know.

    `NewerRevision` if they are newer, whichever the series; otherwise as `standing`.
    """
    if standing(known, applied) is Standing.AHEAD:
        raise NewerRevision(_NEWER, revision=applied[0], ours=max(known))
    return applied


def is_newer(known: Collection[str], revision: str) -> bool:
    """Tell whether the name is that of a revision after all that this program knows."""
    found, own = _NAME.fullmatch(revision), _NAME.fullmatch(max(known))
    return found is not None and own is not None and _key(found) > _key(own)


def _key(name: re.Match[str]) -> tuple[int, int]:
    return int(name[1]), int(name[2])


_UNKNOWN = (
    "The tables in this database were made by another version of timApp (revision"
    " %(revision)s), and no way leads from there to this one. Keep what you need with"
    " that version's `timapp session export`, then let this one make its own: name an"
    " empty database in DATABASE_URL, or move the SQLite file away, and run"
    " `timapp db upgrade`."
)
_NEWER = (
    "The tables in this database are those of a newer timApp (revision %(revision)s) than this one"
    " (%(ours)s), which does not know them. Use the newer version; or, to go back to this one, let"
    " the newer one undo what it added: `timapp db downgrade %(ours)s`."
)
