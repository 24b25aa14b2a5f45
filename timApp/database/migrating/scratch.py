"""What the tables of a revision are, and what is lost on the way back to an earlier one.

The migrations themselves say it: they are run on an empty database in memory.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from timApp.database.migrating.revisions import VERSION_TABLE
from timApp.database.migrating.steps import run_steps


@dataclass(frozen=True)
class Loss:
    """A table, or a column of one, that a downgrade takes away with all that is in it."""

    table: str
    #: None for the whole table.
    column: str | None
    #: How many rows there are, or have something in the column.
    rows: int


def tables_of(known: ScriptDirectory, revision: str) -> dict[str, tuple[str, ...]]:
    """Return the names of a revision's tables, each with those of its columns.

    In an order in which each table refers to earlier ones only. None for ``"base"``.
    """
    engine = sa.create_engine("sqlite://")

    def steps(applied: Sequence[str], _context: MigrationContext) -> object:
        return known._upgrade_revs(revision, applied)  # type: ignore[arg-type]

    try:
        with engine.begin() as connection:
            if revision != "base":
                run_steps(connection, known, revision, steps, lambda _: None)
            metadata = sa.MetaData()
            metadata.reflect(connection)
    finally:
        engine.dispose()
    return {
        table.name: tuple(column.name for column in table.columns)
        for table in metadata.sorted_tables
        if table.name != VERSION_TABLE
    }


def losses(
    connection: sa.Connection, known: ScriptDirectory, current: str, target: str
) -> Iterator[Loss]:
    """Yield what a downgrade of this database from its revision to another would take away."""
    kept = tables_of(known, target)
    for name, columns in tables_of(known, current).items():
        table = sa.table(name, *(sa.column(column) for column in columns))
        count = sa.select(sa.func.count()).select_from(table)
        if name not in kept:
            yield Loss(name, None, connection.scalars(count).one())
            continue
        for column in columns:
            if column not in kept[name]:
                filled = count.where(table.c[column].is_not(None))
                yield Loss(name, column, connection.scalars(filled).one())
