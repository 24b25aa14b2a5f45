"""The file of a SQLite database: whether it is there, and making it.

Only who migrates or restores makes one, and no folder for it: in place of one that was moved away,
or of a disk that is not mounted, an empty database would look as if all were lost.
"""

import os
import stat
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from timApp.database.dialects import sqlite
from timApp.database.dialects.sqlitelog import BESIDE, is_empty
from timApp.util.errors import TimError
from timApp.util.folder import is_there

#: It has the hashes of passwords. SQLite gives its log and what else it puts beside it the same.
_FOR_ITS_OWNER = 0o600
_OF_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class NoDatabaseFile(TimError):  # noqa: N818 - named after what was found
    """The file of a SQLite database is not where it should be, or is out of reach."""


def file_of(url: sa.URL) -> Path | None:
    """Return the file of a SQLite database.

    None for other databases, for those in memory, and for SQLite's own `file:` URIs.
    """
    path = url.database
    if url.get_backend_name() != "sqlite" or not path or path == ":memory:" or "uri" in url.query:
        return None
    return Path(path)


def is_yet_to_be_made(engine: sa.Engine) -> bool:
    """Tell whether it is a SQLite database whose file is not there, or empty.

    `NoDatabaseFile` if that cannot be found out, as without the right to look into the folder.
    """
    path = file_of(engine.url)
    return path is not None and (not _is_there(path) or is_empty(str(path)))


def require_file_of(engine: sa.Engine) -> None:
    """Raise `NoDatabaseFile` for a SQLite database whose file is not there.

    It says what to do: to somebody whose file was moved away something else than to somebody who
    begins a site.
    """
    path = _missing_file_of(engine)
    if path is not None:
        msg = (
            "There is no database file at %(path)s; put it back, or, for a new site, run"
            " `timapp db upgrade`."
        )
        raise NoDatabaseFile(msg, path=path)


def files_open_to_others(engine: sa.Engine) -> list[Path]:
    """Return which files of a SQLite database others than their owner can read or write.

    Those that this program makes are closed; somebody may have copied one, or opened it.
    """
    path = file_of(engine.url)
    if path is None:
        return []
    target = os.path.realpath(path)
    files = [Path(f"{target}{suffix}") for suffix in ("", *BESIDE)]
    return [one for one in files if one.exists() and one.stat().st_mode & _OF_OTHERS]


def make_file_of(engine: sa.Engine) -> Path | None:
    """Make an empty SQLite database, if there is none, and return its path if there was no file.

    Only its owner can read what is made; a file that is empty becomes a database, too.
    `NoDatabaseFile` if it cannot be made.
    """
    path = _made_file_of(engine)
    if is_yet_to_be_made(engine):
        with closing(sqlite.connect(str(file_of(engine.url)))):
            pass
    return path


def _made_file_of(engine: sa.Engine) -> Path | None:
    path = _missing_file_of(engine)
    if path is None:
        return None
    target = os.path.realpath(path)  # where a link leads that leads nowhere yet
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _FOR_ITS_OWNER))
    except FileExistsError:
        return None  # somebody else has been faster
    except OSError as error:
        msg = "The database file %(path)s cannot be made: %(reason)s."
        raise NoDatabaseFile(msg, path=path, reason=_reason(error)) from error
    return path


def _missing_file_of(engine: sa.Engine) -> Path | None:
    """Return where a file is to be made; None if that is not so, an error if no folder is there."""
    path = file_of(engine.url)
    if path is None or _is_there(path):
        return None
    if path.parent.is_dir():
        return path
    msg = (
        "The database file %(path)s cannot be there, as there is no folder %(folder)s. Make the"
        " folder, mount the disk that it is on, or name another file in DATABASE_URL."
    )
    raise NoDatabaseFile(msg, path=path, folder=path.parent)


def _is_there(path: Path) -> bool:
    try:
        return is_there(path)
    except OSError as error:
        msg = "The database file %(path)s is out of reach: %(reason)s."
        raise NoDatabaseFile(msg, path=path, reason=_reason(error)) from error


def _reason(error: OSError) -> str:
    return error.strerror or "unknown error"
