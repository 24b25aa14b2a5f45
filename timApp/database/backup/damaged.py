"""A SQLite file that is damaged: another takes its place, and it is kept.

A part of it may still be read, by somebody who has the time; nobody has it while the site is down.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from timApp.database.dialects.sqliteerrors import is_damaged
from timApp.database.dialects.sqlitefile import file_of, make_file_of
from timApp.database.dialects.sqlitelog import BESIDE
from timApp.database.engine import open_engine
from timApp.database.failure import reason
from timApp.util.clock import now
from timApp.util.folder import sync_folder

#: What to do with a damaged file, for those who are told of one.
REMEDY = "`timapp db restore --force FILE` puts a backup in its place, and keeps the damaged file."


def damage_of(engine: sa.Engine) -> str | None:
    """Return what is wrong with the file of a SQLite database; None for one that is whole.

    None for other databases, too: PostgreSQL's files are its own matter. All pages are read.
    """
    if file_of(engine.url) is None:
        return None
    try:
        with engine.connect() as connection:
            found: str = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    except sa.exc.DatabaseError as error:
        if not is_damaged(error.orig):
            raise
        return reason(error)
    return None if found == "ok" else " ".join(found.split())


def damage_words(engine: sa.Engine, damage: str) -> str:
    """Return which file is damaged, and in what way; no dot follows."""
    return f"The database file {file_of(engine.url)} is damaged ({damage})"


@contextmanager
def in_its_place(engine: sa.Engine) -> Iterator[tuple[sa.Engine, Path]]:
    """Yield the engine of an empty database, and the path at which the damaged one will be.

    At the end the damaged file is moved there, with what SQLite has put beside it, and the new one
    takes its place. If the block fails, everything stays as it was.
    """
    path = file_of(engine.url)
    assert path is not None  # noqa: S101 - who has found damage has found a file
    path = Path(os.path.realpath(path))
    kept = path.with_name(f"{path.name}.damaged-{now():%Y%m%dT%H%M%S.%fZ}")
    made = path.with_name(f"{kept.name}.new")
    fresh = open_engine(engine.url.set(database=str(made)).render_as_string(hide_password=False))
    try:
        make_file_of(fresh)
        yield fresh, kept
        fresh.dispose()  # takes what is in its log over into the file
        engine.dispose()
        # The log goes first: to a whole file, that of a damaged one would do harm.
        for suffix in (*BESIDE, ""):
            beside = path.with_name(path.name + suffix)
            if beside.exists():
                beside.rename(kept.with_name(kept.name + suffix))
        made.rename(path)
        sync_folder(path.parent)
    finally:
        fresh.dispose()
        for suffix in ("", *BESIDE):
            made.with_name(made.name + suffix).unlink(missing_ok=True)
