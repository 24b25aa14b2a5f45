"""Whose turn it is to write what a text stands for: one transaction's only."""

import sqlalchemy as sa

from timApp.database.engine import begin_write
from timApp.util.turns import turn_given


def lock_text(connection: sa.Connection, text: str) -> None:
    """Wait until no other transaction has locked this text; keep others out till the end.

    For what is decided by rows that may not be there yet, so that they cannot be locked. On SQLite,
    which has one writer at a time, it means to become that writer. On PostgreSQL another text may
    be taken for the same one, for which it waits as well.
    """
    begin_write(connection)
    if connection.dialect.name == "postgresql":
        number = sa.func.hashtextextended(text, 0)
        with turn_given():
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(number)))
