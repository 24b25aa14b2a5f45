r"""The file of a backup.

By hand, and not `pg_dump` or SQLite's own copy: a site that changes from one database to the other
takes its backups along, nobody needs a client of PostgreSQL in a version that fits, and a backup is
known to be whole before anything is done with it.

It is a ZIP archive. For each table there is a file ``TABLE.tsv``, with a line for each row as
PostgreSQL's COPY writes it in its text format: tabs between the values, ``\N`` for NULL, and
backslashes before what would be taken for these. Moments are ISO 8601 in UTC with microseconds, and
true is 1, as SQLite has them. ``manifest.json``, which comes last, says which revision the tables
are of, and which columns and how many rows are there.
"""

import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from timApp.util.errors import TimError

#: Goes up when a program of today could not read a backup of tomorrow.
FORMAT = 1
MANIFEST = "manifest.json"
#: Bytes that are read at a time.
_BLOCK = 262_144
#: What reading an archive that was cut off or changed raises, and JSON that is none.
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError, TypeError)


class BackupError(TimError):
    """A file is no backup, or not a whole one, or of no use to this program."""


@dataclass(frozen=True)
class TableContent:
    """What of a table is in a backup."""

    columns: tuple[str, ...]
    rows: int


@dataclass(frozen=True)
class Manifest:
    """What a backup says of itself."""

    #: That of the tables, see `timApp.database.migrating.revisions`.
    revision: str
    taken_at: datetime
    #: The version of the program that took it, and the kind of database it was.
    program: str
    database: str
    tables: Mapping[str, TableContent]

    def as_json(self) -> str:
        """Return the text of the manifest."""
        content = asdict(self) | {"format": FORMAT, "taken_at": self.taken_at.isoformat()}
        return json.dumps(content, indent=1)


class Backup:
    """A backup that is open to be read."""

    def __init__(self, archive: zipfile.ZipFile, manifest: Manifest, name: str) -> None:
        self._archive = archive
        self._name = name
        self.manifest = manifest

    def lines(self, table: str) -> Iterator[list[bytes]]:
        """Yield the rows of a table, some at a time, each without its line's end.

        `BackupError` as soon as it turns out that they are not what was written.
        """
        rows = 0
        with _damage(self._name), self._archive.open(f"{table}.tsv") as file:
            rest = b""
            while block := file.read(_BLOCK):
                *lines, rest = (rest + block).split(b"\n")
                rows += len(lines)
                if lines:
                    yield lines
        if rest or rows != self.manifest.tables[table].rows:
            msg = "%(file)s is damaged: not all rows of %(table)s are there."
            raise BackupError(msg, file=self._name, table=table)


@contextmanager
def open_backup(path: Path) -> Iterator[Backup]:
    """Open a backup; `BackupError` for a file that cannot be read or is none."""
    name = str(path)
    try:
        archive = zipfile.ZipFile(path)
    except OSError as error:
        msg = "%(file)s cannot be read: %(reason)s."
        raise BackupError(msg, file=name, reason=error.strerror or "unknown error") from error
    except _DAMAGED as error:
        msg = "%(file)s is no backup of timApp, or was cut off."
        raise BackupError(msg, file=name) from error
    with archive:
        with _damage(name):
            content = json.loads(archive.read(MANIFEST))
            number = int(content["format"])
            manifest = _manifest(content) if number <= FORMAT else None
        if manifest is None:
            msg = "%(file)s was written by a newer timApp; use that one to restore it."
            raise BackupError(msg, file=name)
        yield Backup(archive, manifest, name)


@contextmanager
def _damage(name: str) -> Iterator[None]:
    try:
        yield
    except (*_DAMAGED, OSError) as error:
        msg = "%(file)s is damaged, or no backup of timApp; do not use it (%(reason)s)."
        raise BackupError(msg, file=name, reason=str(error) or type(error).__name__) from error


def _manifest(content: Mapping[str, Any]) -> Manifest:
    return Manifest(
        revision=str(content["revision"]),
        taken_at=datetime.fromisoformat(content["taken_at"]),
        program=str(content["program"]),
        database=str(content["database"]),
        tables={
            str(name): TableContent(tuple(map(str, one["columns"])), int(one["rows"]))
            for name, one in content["tables"].items()
        },
    )
