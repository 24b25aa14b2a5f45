"""One process migrates at a time, and on PostgreSQL none of them makes the site wait for long.

Whoever waits on PostgreSQL for a table alone (as nearly every change of one does) lets all who come
later wait as well, also those who only read. So a migration gives up soon, lets them through, and
tries again. Source: PostgreSQL's documentation, "Explicit Locking" and `lock_timeout`.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa

from timApp.util.errors import TimError

#: Is told, in a sentence, why it takes so long.
Report = Callable[[str], object]

# Any number will do, as long as every process that migrates uses the same one.
_ADVISORY_LOCK = 0x74696D
#: Seconds between two looks whether another process has ended its migration.
_INTERVAL = 0.1
#: PostgreSQL's lock_not_available, and deadlock_detected: somebody else has it.
_IN_USE = {"55P03", "40P01"}

_Result = TypeVar("_Result")


class TablesInUse(TimError):  # noqa: N818 - named after what was found
    """Others have kept a table for so long that the migration gave up."""


@dataclass(frozen=True)
class Patience:
    """How long a migration waits for a table on PostgreSQL, in seconds, and how often it tries."""

    #: All who come later wait as long as that, each time.
    for_a_table: float = 2
    #: Between two tries.
    pause: float = 5
    tries: int = 60


def tell_nobody(_sentence: str) -> None:
    """Drop a report."""


def with_patience(
    engine: sa.Engine,
    attempt: Callable[[sa.Connection], _Result],
    patience: Patience,
    report: Report,
) -> _Result:
    """Return what the attempt returns, as the only process that migrates.

    It gets a connection, on SQLite in a transaction and as the writer, on PostgreSQL outside of
    any, and commits. When it finds a table in use on PostgreSQL, it is undone and made again.
    `TablesInUse` after the last of the tries.
    """
    for number in range(1, patience.tries + 1):
        try:
            with _sole_migrator(engine, patience, report) as connection:
                return attempt(connection)
        except sa.exc.OperationalError as error:
            if getattr(error.orig, "sqlstate", None) not in _IN_USE:
                raise
        if number < patience.tries:
            report(
                f"A table is in use, and was not waited for longer than {patience.for_a_table:g} s,"
                f" so that the site goes on; trying again in {patience.pause:g} s"
                f" ({number} of {patience.tries})."
            )
            time.sleep(patience.pause)
    msg = (
        f"A table stayed in use for {patience.tries} tries; nothing was changed. See in"
        " pg_stat_activity who keeps a transaction open, end it, and try again."
    )
    raise TablesInUse(msg)


@contextmanager
def _sole_migrator(
    engine: sa.Engine, patience: Patience, report: Report
) -> Iterator[sa.Connection]:
    # The lock is taken before Alembic reads which migrations have been applied: read before the
    # lock, that answer could be out of date.
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            driver: Any = connection.connection.driver_connection
            _set_up(driver, patience)
            _wait_for_others(driver, report)
        try:
            yield connection
        finally:
            if connection.dialect.name != "sqlite":
                # Its settings are not for others, and its lock ends with it, whatever happens.
                connection.invalidate()


def _set_up(driver: Any, patience: Patience) -> None:
    # To build an index takes as long as it takes, whatever the site allows its requests.
    driver.execute("SET statement_timeout = 0")
    driver.execute("SET idle_in_transaction_session_timeout = 0")
    driver.execute(f"SET lock_timeout = {round(patience.for_a_table * 1000)}")
    driver.commit()


def _wait_for_others(driver: Any, report: Report) -> None:
    # To wait in the database would keep a snapshot, for which an index that the other one makes
    # concurrently would have to wait in its turn.
    has_told = False
    while not driver.execute(f"SELECT pg_try_advisory_lock({_ADVISORY_LOCK})").fetchone()[0]:
        driver.rollback()
        if not has_told:
            report("Another process is migrating this database; waiting for it.")
            has_told = True
        time.sleep(_INTERVAL)
    driver.rollback()
