"""What the name of a revision says, and how a database stands to the program that meets it.

A revision is called ``v<series>_<number>``. The series is that of a minor version of the program:
within one, tables are only added to, in such a way that each program of the series works with them.
So a server of the old version serves while a new one has migrated already, and after a step back.
"""

import re
from collections.abc import Sequence
from enum import Enum
from typing import Any

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from timApp.database.patience import LOOK_PATIENCE, shorter_patience
from timApp.util.errors import TimError

_NAME = re.compile(r"v(\d+)_(\d{4})")


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


def applied_revisions(connection: sa.Connection) -> tuple[str, ...]:
    """Return the revisions of the tables, none if there are no tables.

    It is what is asked first of a database, which may be one that does not answer: it has
    `LOOK_PATIENCE` for that, also where there is no limit.
    """
    with shorter_patience(LOOK_PATIENCE):
        return MigrationContext.configure(connection).get_current_heads()


def standing(known: ScriptDirectory, applied: Sequence[str]) -> Standing:
    """Return how tables with these revisions stand to a program that knows those scripts.

    `NewerRevision` for those of a later series, `UnknownRevision` for any others not known.
    """
    stranger = next((one for one in applied if not _is_known(known, one)), None)
    if stranger is None:
        return Standing.CURRENT if set(applied) == set(known.get_heads()) else Standing.BEHIND
    ours = known.get_current_head() or ""
    found, own = _NAME.fullmatch(stranger), _NAME.fullmatch(ours)
    if found is None or own is None or _key(found) <= _key(own):
        raise UnknownRevision(_UNKNOWN, revision=stranger)
    if found[1] != own[1]:
        raise NewerRevision(_NEWER, revision=stranger, ours=ours)
    return Standing.AHEAD


def require_known(known: ScriptDirectory, applied: tuple[str, ...]) -> Any:
    """Return the revisions, all of which this program has to know.

    `NewerRevision` if they are newer, whichever the series; otherwise as `standing`.
    """
    if standing(known, applied) is Standing.AHEAD:
        raise NewerRevision(_NEWER, revision=applied[0], ours=known.get_current_head())
    return applied


def is_newer(known: ScriptDirectory, revision: str) -> bool:
    """Tell whether the name is that of a revision after all that this program knows."""
    found, own = _NAME.fullmatch(revision), _NAME.fullmatch(known.get_current_head() or "")
    return found is not None and own is not None and _key(found) > _key(own)


def _is_known(known: ScriptDirectory, revision: str) -> bool:
    return any(script.revision == revision for script in known.walk_revisions())


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
