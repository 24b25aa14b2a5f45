"""Lets go what has been kept for long enough: in small steps, and without being in the way.

Each step is a transaction of some hundred rows, which it finds by an index, from the oldest on. On
PostgreSQL it passes over rows that others have locked, so it never waits; on SQLite it writes only
when nobody else does. So several may tidy one database at once. What one has passed over, the next
one finds.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa

from timApp.database.dialects.sqlite import SQLITE_BUSY_TIMEOUT
from timApp.database.dialects.sqliteerrors import is_locked
from timApp.database.patience import patience
from timApp.guard.keeping.retention import Deadlines, Retention
from timApp.guard.tables.change import SessionChange
from timApp.guard.tables.copied import CopiedSession
from timApp.guard.tables.hold import SessionHold
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.tidying import CLOSE, OPEN
from timApp.guard.tables.undo import Undoable
from timApp.guard.tables.waiting import WaitingSession
from timApp.user.attempts.failed import FailedLogin
from timApp.util.clock import now
from timApp.util.errors import Busy

#: Rows of one step.
BATCH = 500
#: Seconds between two steps, in which others come first.
PAUSE = 0.05

#: Waits for some seconds.
GiveWay = Callable[[float], object]
#: The values of an index's columns, of the last row that was looked at.
_Cursor = Sequence[Any] | None
_Rows = Sequence[sa.Row[*tuple[Any, ...]]]

# The columns of `ix_usersession_logged_in_at`, and, as far as it goes, of `ix_sessionchange_at`.
_BY_LOGIN = (UserSession.logged_in_at, UserSession.user_id, UserSession.session_id)
_BY_TIME = (SessionChange.at, SessionChange.id)
# The columns of `ix_failedlogin_at`.
_BY_FAILURE = (FailedLogin.at, FailedLogin.id)


@dataclass
class Tidied:
    """How many rows have lost their text, or are gone."""

    origins: int = 0
    addresses: int = 0
    sessions: int = 0
    entries: int = 0
    failed_logins: int = 0


@dataclass(frozen=True)
class Chore:
    """One kind of what is to go: which rows, in the order of an index, and what is done to them."""

    counted_as: str
    order: tuple[Any, ...]
    which: sa.ColumnElement[bool]
    #: Returns the condition that a row is one of those.
    named: Callable[[_Rows], sa.ColumnElement[bool]]
    do: Callable[[sa.Connection, sa.ColumnElement[bool]], object]
    #: Whether the rows are changed and not deleted, so that what refers to them need not wait.
    keeps_rows: bool


def tidy(engine: sa.Engine, retention: Retention, give_way: GiveWay = time.sleep) -> Tidied:
    """Clear and delete whatever has been kept for long enough; return how much it was.

    `give_way` is called after each step, with the seconds that it is to take; when it raises, what
    has been done stays done. Errors are those of SQLAlchemy, and `Busy` if somebody else has kept a
    SQLite database to themselves each time it looked, for as long as anybody waits for that.
    """
    tidied = Tidied()
    for chore in chores(retention.deadlines(now())):
        cursor: _Cursor = None
        waited = 0.0
        while True:
            seen, done = _step(engine, chore, cursor)
            setattr(tidied, chore.counted_as, getattr(tidied, chore.counted_as) + done)
            if seen is None:  # somebody was in the way
                if waited >= SQLITE_BUSY_TIMEOUT:
                    msg = "Another program has kept the database locked for %(seconds)d seconds."
                    raise Busy(msg, SQLITE_BUSY_TIMEOUT, seconds=SQLITE_BUSY_TIMEOUT)
                waited += PAUSE
            elif seen:
                waited, cursor = 0.0, tuple(seen[-1])
            else:
                break
            give_way(PAUSE)
    return tidied


def chores(deadlines: Deadlines) -> list[Chore]:
    """Return what is to be done: first texts are cleared, then rows go."""
    ended_at = sa.func.coalesce(UserSession.logged_out_at, UserSession.expired_at)
    has_old_text = sa.and_(
        UserSession.logged_in_at < deadlines.texts_before,
        sa.or_(UserSession.origin != "", UserSession.seat.is_not(None)),
    )
    has_old_address = sa.and_(
        SessionChange.at < deadlines.texts_before, SessionChange.address.is_not(None)
    )
    is_old = sa.and_(
        UserSession.logged_in_at < deadlines.rows_before,
        UserSession.expired,
        ended_at < deadlines.ended_before,
    )
    is_old_entry = SessionChange.at < deadlines.rows_before
    # Without the address there is nothing in it.
    is_old_failure = FailedLogin.at < deadlines.texts_before
    clear = partial(_change_record, sa.update(SessionChange).values(address=None))
    return [
        Chore("origins", _BY_LOGIN, has_old_text, _sessions, _clear_origins, keeps_rows=True),
        Chore("addresses", _BY_TIME, has_old_address, _entries, clear, keeps_rows=True),
        Chore("sessions", _BY_LOGIN, is_old, _sessions, _delete_sessions, keeps_rows=False),
        Chore("entries", _BY_TIME, is_old_entry, _entries, _delete_entries, keeps_rows=False),
        Chore(
            "failed_logins",
            _BY_FAILURE,
            is_old_failure,
            _failed_logins,
            _delete_failed_logins,
            keeps_rows=False,
        ),
    ]


def next_rows(chore: Chore, cursor: _Cursor) -> sa.Select[Any]:
    """Return the query for the rows of a step, after those that were looked at; it locks them."""
    query = sa.select(*chore.order).where(chore.which).order_by(*chore.order).limit(BATCH)
    if cursor is not None:
        types = [column.type for column in chore.order]
        query = query.where(sa.tuple_(*chore.order) > sa.tuple_(*cursor, types=types))
    return query.with_for_update(skip_locked=True, key_share=chore.keeps_rows)


def _step(engine: sa.Engine, chore: Chore, cursor: _Cursor) -> tuple[_Rows | None, int]:
    """Do one step; return the rows that were looked at, and how many were done.

    None for the rows if somebody was in the way, and nothing was done.
    """
    with engine.connect() as connection:
        is_sqlite = connection.dialect.name == "sqlite"
        if not is_sqlite:
            # The time that a site gives its requests is too short to find nothing in a million.
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        rows = connection.execute(next_rows(chore, cursor)).all()
        if not rows:
            return rows, 0
        if not is_sqlite:
            chore.do(connection, chore.named(rows))
            connection.commit()
            return rows, len(rows)
        # They were found while others wrote, so one of them may have become active.
        if not _become_writer_if_free(connection):
            return None, 0
        which = still_between(chore, rows)
        count = sa.select(sa.func.count()).select_from(chore.order[0].class_).where(which)
        done = connection.scalars(count).one()
        chore.do(connection, which)
        connection.commit()
        return rows, done


def still_between(chore: Chore, rows: _Rows) -> sa.ColumnElement[bool]:
    """Return the condition that a row is to go, and not before the first or after the last of them.

    For SQLite, which finds these by the index, and looks at each row of a table for a list of keys
    that have two parts.
    """
    types = [column.type for column in chore.order]
    key = sa.tuple_(*chore.order)
    first, last = (sa.tuple_(*row, types=types) for row in (rows[0], rows[-1]))
    return sa.and_(key >= first, key <= last, chore.which)


def _become_writer_if_free(connection: sa.Connection) -> bool:
    try:
        with patience(0):
            connection.exec_driver_sql("BEGIN IMMEDIATE")
    except sa.exc.OperationalError as error:
        if not is_locked(error.orig):
            raise
        return False
    return True


def _sessions(rows: _Rows) -> sa.ColumnElement[bool]:
    return _key_of(UserSession).in_([(row.user_id, row.session_id) for row in rows])


def _entries(rows: _Rows) -> sa.ColumnElement[bool]:
    return SessionChange.id.in_([row.id for row in rows])


def _failed_logins(rows: _Rows) -> sa.ColumnElement[bool]:
    return FailedLogin.id.in_([row.id for row in rows])


def _delete_failed_logins(connection: sa.Connection, which: sa.ColumnElement[bool]) -> None:
    connection.execute(sa.delete(FailedLogin).where(which))


def _clear_origins(connection: sa.Connection, which: sa.ColumnElement[bool]) -> None:
    where_from = {"origin": "", "seat": None, "address_seat": None, "seen_origin": None}
    connection.execute(sa.update(UserSession).where(which).values(where_from))


def _delete_sessions(connection: sa.Connection, which: sa.ColumnElement[bool]) -> None:
    gone = sa.select(UserSession.user_id, UserSession.session_id).where(which)
    for table in (WaitingSession, SessionHold, CopiedSession):
        connection.execute(sa.delete(table).where(_key_of(table).in_(gone)))
    connection.execute(sa.delete(UserSession).where(which))


def _delete_entries(connection: sa.Connection, which: sa.ColumnElement[bool]) -> None:
    gone = sa.select(SessionChange.id).where(which)
    connection.execute(sa.delete(Undoable).where(Undoable.change_id.in_(gone)))
    _change_record(sa.delete(SessionChange), connection, which)


def _change_record(
    change: sa.Update | sa.Delete, connection: sa.Connection, which: sa.ColumnElement[bool]
) -> None:
    connection.execute(OPEN)
    connection.execute(change.where(which))
    connection.execute(CLOSE)


def _key_of(table: type[UserSession | WaitingSession | SessionHold | CopiedSession]) -> sa.Tuple:
    return sa.tuple_(table.user_id, table.session_id)
