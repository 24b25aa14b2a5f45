"""Whether a server can do its work: what its database says, and how much room its disk has.

Programs ask it every few seconds, and anybody may. So it says nothing but fixed words, nobody waits
long for it, and the database is asked once a second at most, however many ask.
"""

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from functools import partial
from pathlib import Path
from threading import Lock

import sqlalchemy as sa

from timApp.database.dialects.sqlitefile import file_of
from timApp.database.engine import begin_write
from timApp.database.failure import reason, same_reason
from timApp.database.migrating.revisions import UnknownRevision, needs_upgrade
from timApp.database.patience import patience
from timApp.util.repeats import Repeats

_log = logging.getLogger(__name__)

OK = "ok"
#: Seconds that the database has for one check, and that whoever asks waits for all of them: a disk
#: that hangs knows no limit.
_PATIENCE, _LIMIT = 1.5, 2.0
#: Seconds for which an answer is given again.
_KEPT = 1.0
#: Bytes of a disk below which it counts as full: what a hall writes in a day fits twice.
FREE_MIN = 100 * 1024 * 1024

#: Returns `OK`, or what is wrong.
Check = Callable[[], str]


class Readiness:
    """Answers whether the server can work; for any thread."""

    def __init__(self, checks: Mapping[str, Check], limit: float = _LIMIT) -> None:
        """Take the checks by name, and the seconds that whoever asks waits for them."""
        self._limit = limit
        self._checks = dict(checks)
        self._threads = ThreadPoolExecutor(len(checks), "readiness")
        self._mutex = Lock()
        self._running: dict[str, Future[str]] = {}
        self._known: tuple[float, dict[str, str]] | None = None
        self._failures = Repeats()

    @classmethod
    def of(cls, engine: sa.Engine, folder: Path) -> "Readiness":
        """Return that of a server with this database and this instance folder."""
        file = file_of(engine.url)
        folders = [folder] if file is None else [folder, file.parent]
        return cls(
            {
                "database": partial(_answers, engine),
                "writable": partial(_takes_changes, engine),
                "migrations": partial(_has_migrations, engine),
                "space": partial(_has_space, folders),
            }
        )

    def look(self) -> dict[str, str]:
        """Return what came of each check: `OK` or a few words on what is wrong."""
        with self._mutex:
            if self._known is None or time.monotonic() - self._known[0] >= _KEPT:
                found = self._look()
                self._known = (time.monotonic(), found)
            return self._known[1]

    def _look(self) -> dict[str, str]:
        for name, check in self._checks.items():
            # One that hangs is not asked again while it does.
            if name not in self._running:
                self._running[name] = self._threads.submit(self._checked, name, check)
        wait_for(self._running.values(), self._limit)
        found = {}
        for name in self._checks:
            if self._running[name].done():
                found[name] = self._running.pop(name).result()
            else:
                found[name] = f"no answer in {self._limit:g} s"
        return found

    def _checked(self, name: str, check: Check) -> str:
        try:
            said = check()
        except Exception as error:
            why = reason(error)
            said = "fails"
        else:
            why = said
        if said != OK:
            untold = self._failures.to_tell(f"{name} {same_reason(why)}")
            if untold is not None:
                _log.error("Not ready: %s: %s%s", name, why, untold)
        return said


def _answers(engine: sa.Engine) -> str:
    with patience(_PATIENCE), engine.connect() as connection:
        connection.execute(sa.select(1))
    return OK


def _takes_changes(engine: sa.Engine) -> str:
    """Tell whether the database takes changes; none is made.

    SQLite lets whoever asks be its writer for a moment, unless somebody else is for too long.
    """
    with patience(_PATIENCE), engine.connect() as connection:
        begin_write(connection)
        if connection.dialect.name == "postgresql":
            only_reads = connection.scalar(sa.text("SHOW transaction_read_only"))
            return OK if only_reads == "off" else "takes no changes"
    return OK


def _has_migrations(engine: sa.Engine) -> str:
    try:
        with patience(_PATIENCE):
            # What is not there lacks migrations, too; but to make it anew would be no help.
            with engine.connect():
                pass
            return "behind: timapp db upgrade" if needs_upgrade(engine) else OK
    except UnknownRevision:
        return "of another version of timApp"


def _has_space(folders: Sequence[Path]) -> str:
    """Tell whether each folder's disk has room, as far as its owner may use it."""
    for folder in folders:
        found = os.statvfs(folder)
        if found.f_bavail * found.f_frsize < FREE_MIN:
            return f"less than {FREE_MIN >> 20} MiB free"
    return OK
