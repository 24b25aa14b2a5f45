"""What SQLite puts beside a file that is open: the log, and the index of it that processes share.

All who have a file open have to have the same of both. SQLite itself makes them again when they
are not there, also while others go on in those that were removed; then each overwrites what the
other has written. So nobody opens a file whose log is not there, as long as others have it open.
"""

import os
import random
import sqlite3
import time
from contextlib import closing
from typing import NamedTuple
from urllib.parse import quote

from timApp.database.dialects.sqliteerrors import is_locked
from timApp.database.patience import waiting
from timApp.util.turns import turn_given

#: What the names of the log and of its index end with. The index goes first, as when SQLite removes
#: them: it makes no sense without the log, and is made again from that.
BESIDE = ("-shm", "-wal")
#: Seconds between two tries of whoever waits until others have left a file, at least and at most.
_TRY_EVERY = (0.005, 0.02)

#: Device and number of a file, None if there is none.
File = tuple[int, int] | None


class Files(NamedTuple):
    """Which files are at a path, and beside it."""

    database: File
    shared: File
    log: File


def file_at(path: str) -> File:
    """Return which file is at a path; None if there is none, or it is out of reach."""
    try:
        found = os.stat(path)  # noqa: PTH116 - takes half as long as that of a Path
    except OSError:
        return None
    return found.st_dev, found.st_ino


def is_empty(path: str) -> bool:
    """Tell whether a file is there with nothing in it, which is no database yet."""
    try:
        return os.stat(path).st_size == 0  # noqa: PTH116 - as above
    except OSError:
        return False


def files_at(path: str, target: str) -> Files:
    """Return which files are at a path, and beside the target that its links lead to."""
    return Files(file_at(path), *(file_at(target + suffix) for suffix in BESIDE))


def remove_log(target: str, known: Files) -> None:
    """Remove what is beside a file, if it is what is known; `OSError` if that cannot be.

    The target is the file's path without links, as for all that has to do with its log.
    """
    for suffix, file in zip(BESIDE, (known.shared, known.log), strict=True):
        if file is not None and file_at(target + suffix) == file:
            os.unlink(target + suffix)  # noqa: PTH108 - as above


def wait_until_whole(target: str, seconds: float) -> None:
    """Wait until a file has its log beside it, or nobody has it open; at most for so many seconds.

    After that it is the driver's error of a file that somebody else keeps. Time is taken from the
    patience of this context, and others work meanwhile.
    """
    if _has_log(target) or _is_nobodys(target):
        return
    end = time.monotonic() + seconds
    with waiting(), turn_given():
        while True:
            time.sleep(random.uniform(*_TRY_EVERY))  # noqa: S311 - no secret
            if _has_log(target) or _is_nobodys(target, or_raise=time.monotonic() >= end):
                return


def uri_of(path: str) -> str:
    """Return the name by which SQLite opens a file that is there, and makes none."""
    return f"file:{quote(path)}?mode=rw"


def _has_log(target: str) -> bool:
    """Tell whether there is a log beside a file, and its index."""
    return all(file_at(target + suffix) is not None for suffix in BESIDE)


def _is_nobodys(target: str, *, or_raise: bool = False) -> bool:
    """Tell whether nobody has a file open, or it cannot be opened, which whoever does is told.

    Whoever has one open with a log keeps the others from having it alone. To have it alone needs no
    index, so none is made, also if there are others.
    """
    try:
        with closing(sqlite3.connect(uri_of(target), uri=True, timeout=0)) as connection:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA schema_version")
    except sqlite3.Error as error:
        if not is_locked(error):
            return True
        if or_raise:
            raise
        return False
    return True
