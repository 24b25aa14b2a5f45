"""What errors of SQLite's driver say, by their codes."""

import sqlite3

#: The part of SQLite's error codes that says what kind of error it is.
_KIND = 0xFF
_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
#: SQLite's words for a file that is damaged, or is none of its own.
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
#: For a file that may only be read, and a disk that is full or takes no more.
_UNWRITTEN = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR})
#: And for a statement that is wrong, or names what is not there; for a wrong use of the library.
_MISTAKEN = frozenset({sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISUSE})


def is_locked(error: object) -> bool:
    """Tell whether an error of the driver says that somebody else keeps the database."""
    return _kind_of(error) in _LOCKED


def is_damaged(error: object) -> bool:
    """Tell whether an error of the driver says that the file is damaged, or none of SQLite's."""
    return _kind_of(error) in _DAMAGED


def is_unwritten(error: object) -> bool:
    """Tell whether an error of the driver says that the file or its disk takes nothing more."""
    return _kind_of(error) in _UNWRITTEN


def is_mistaken(error: object) -> bool:
    """Tell whether an error of the driver says that the statement cannot be right.

    The driver raises an `OperationalError` for that, too, as it does for a disk that is full.
    """
    return _kind_of(error) in _MISTAKEN


def is_out_of_reach(error: object) -> bool:
    """Tell whether an error of the driver says that there is no file to open, or no way to it."""
    return _kind_of(error) == sqlite3.SQLITE_CANTOPEN


def is_moved(error: object) -> bool:
    """Tell whether an error of the driver says that another file is at the path, or none."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK)
    return bool(code == sqlite3.SQLITE_READONLY_DBMOVED)


def will_pass(error: sqlite3.Error) -> bool:
    """Tell whether somebody else keeps the database, and the same may be done when they are ready.

    It may not where others have written since a transaction read, or where a connection keeps a
    table from itself.
    """
    is_busy = _kind_of(error) == sqlite3.SQLITE_BUSY
    return is_busy and error.sqlite_errorcode != sqlite3.SQLITE_BUSY_SNAPSHOT


def _kind_of(error: object) -> int:
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK)
    return code & _KIND
