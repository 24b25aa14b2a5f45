"""Reads that are stopped when they take too long, so that nobody waits for one without end."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from sqlite3 import Connection as SQLiteConnection

import sqlalchemy as sa

from timApp.database.patience import longer_patience
from timApp.database.work import UnitOfWork
from timApp.util.turns import turn_given

#: Seconds that somebody who looks at a page waits for what no index answers.
PAGE_TIME_LIMIT = 3.0

#: Seconds that the database has to say so.
_MARGIN = 1.0

#: SQLite looks at the clock after so many steps of its machine, some tenth of a millisecond.
_STEPS = 10_000


class TookTooLong(Exception):  # noqa: N818 - named after what happened
    """The database was still at work at the end of the time."""


@contextmanager
def time_limit(work: UnitOfWork, seconds: float = PAGE_TIME_LIMIT) -> Iterator[None]:
    """Let what is read in this block in this work's transaction take so long at most.

    On PostgreSQL each statement may, on SQLite all of them together. `TookTooLong` if it takes
    longer; the transaction is rolled back then, so nothing may have been written in it. Other
    requests are worked on meanwhile (see `timApp.util.turns`).
    """
    connection = work.session.connection()
    driver = connection.connection.driver_connection
    if isinstance(driver, SQLiteConnection):
        deadline = time.monotonic() + seconds
        driver.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
    else:
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {round(seconds * 1000)}")
    try:
        with longer_patience(seconds + _MARGIN), turn_given():
            yield
        # The setting ends with the transaction, which the block may have ended itself.
        if not isinstance(driver, SQLiteConnection) and not connection.closed:
            connection.exec_driver_sql("SET LOCAL statement_timeout TO DEFAULT")
    except sa.exc.OperationalError as error:
        if not _is_interruption(error.orig):
            raise
        work.session.rollback()
        raise TookTooLong from error
    finally:
        if isinstance(driver, SQLiteConnection):
            driver.set_progress_handler(None, 0)


def _is_interruption(error: BaseException | None) -> bool:
    """Tell whether a driver's error says that the statement was stopped."""
    # The code of PostgreSQL's query_canceled, and SQLite's name for it.
    return (
        getattr(error, "sqlstate", None) == "57014"
        or getattr(error, "sqlite_errorname", None) == "SQLITE_INTERRUPT"
    )
