"""Indexes that a migration makes, and rows that it fills in, while the site goes on writing.

A migration that calls one of these does nothing else. PostgreSQL does so outside of any
transaction, so whatever stands before it is committed; when it is interrupted there, it is run
again from its beginning, and each of these begins by tidying up what it has left.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from alembic import op

from timApp.database.migrating.steps import IN_ONE_TRANSACTION

_IS_INVALID = sa.text(
    "SELECT count(*) FROM pg_index WHERE indexrelid = to_regclass(:name) AND NOT indisvalid"
)


def create_index(name: str, table: str, columns: Sequence[str], **options: Any) -> None:
    """Make an index, or nothing if it is there; `options` are those of Alembic's `create_index`.

    On PostgreSQL the table can be read and written all the while. On SQLite, and where all has to
    be one transaction (in a database that is being restored, and that nobody uses), it is made as
    any other.
    """
    if not _may_be_concurrent():
        op.create_index(name, table, columns, if_not_exists=True, **options)
        return
    with _outside_of_transactions():
        # One that was interrupted is there by name, and of no use to anybody.
        if op.get_bind().scalar(_IS_INVALID, {"name": name}):
            op.drop_index(name, table, postgresql_concurrently=True)
        op.create_index(
            name, table, columns, if_not_exists=True, postgresql_concurrently=True, **options
        )


def drop_index(name: str, table: str) -> None:
    """Drop an index, if it is there, in the same way."""
    if not _may_be_concurrent():
        op.drop_index(name, table, if_exists=True)
        return
    with _outside_of_transactions():
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)


@contextmanager
def each_by_itself() -> Iterator[None]:
    """Let each statement be a transaction of its own on PostgreSQL, so that none locks for long.

    Not on SQLite, nor where all has to be one transaction. The migration is to go on where it was
    interrupted.
    """
    if not _may_be_concurrent():
        yield
        return
    with op.get_context().autocommit_block():
        yield


def _may_be_concurrent() -> bool:
    context = op.get_context()
    is_postgresql = context.dialect.name == "postgresql"
    return is_postgresql and not context.opts.get(IN_ONE_TRANSACTION)


@contextmanager
def _outside_of_transactions() -> Iterator[None]:
    with each_by_itself():
        bind = op.get_bind()
        former = bind.scalar(sa.text("SHOW lock_timeout"))
        # It waits for transactions that are open, and nobody waits for it meanwhile.
        bind.exec_driver_sql("SET lock_timeout = 0")
        yield
        bind.execute(sa.select(sa.func.set_config("lock_timeout", former, sa.false())))
