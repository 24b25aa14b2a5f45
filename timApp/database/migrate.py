"""Brings a database's tables to the state that the models describe, and says where they stand."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory

from timApp.database.dialects.sqlitefile import make_file_of
from timApp.database.migrating.patience import Patience, Report, tell_nobody, with_patience
from timApp.database.migrating.revisions import (
    MIGRATIONS,
    Standing,
    UnknownRevision,
    needs_upgrade,
    newer_revision,
    require_known,
    revisions_of,
    standing,
)
from timApp.database.migrating.steps import names_in, run_steps
from timApp.util.errors import TimError

__all__ = [
    "MIGRATIONS",
    "UnknownRevision",
    "downgrade_database",
    "needs_upgrade",
    "newer_revision",
    "scripts",
    "scripts_down",
    "upgrade_database",
]


def scripts() -> ScriptDirectory:
    """Return the migrations, read afresh."""
    return ScriptDirectory(str(MIGRATIONS), version_locations=[str(MIGRATIONS)])


def upgrade_database(
    engine: sa.Engine,
    target: str = "heads",
    known: ScriptDirectory | None = None,
    *,
    patience: Patience | None = None,
    report: Report = tell_nobody,
) -> list[Script]:
    """Apply the migrations up to `target`; return them in the order they went in.

    All or none, but for an index that is made beside the site's work
    (`timApp.database.migrating.concurrently`): what came before it stays. None when all are
    applied, or the tables are those of a newer program that this one can serve with. Two processes
    may call it at once: one migrates, the other waits and finds nothing to do. On PostgreSQL it
    never waits for a table longer than `patience` says, and tries again: `report` is told, in a
    sentence. `UnknownRevision` for the tables of another version, `TablesInUse` when the patience
    is over; then nothing is changed.
    """
    known = known or scripts()

    def steps(applied: Any, _context: MigrationContext) -> Any:
        if standing(names_in(known), applied) is Standing.AHEAD:
            return []
        return known._upgrade_revs(target, applied)

    return _migrate(engine, known, target, steps, patience, report)


def downgrade_database(
    engine: sa.Engine,
    target: str,
    known: ScriptDirectory | None = None,
    *,
    patience: Patience | None = None,
    report: Report = tell_nobody,
) -> list[Script]:
    """Undo the migrations down to revision `target` (``"base"``: all), all or none.

    Returns them in the order they were undone. Otherwise as `upgrade_database`; `UnknownRevision`
    also for tables that are newer than this program, which does not know how they were made.
    """
    known = known or scripts()

    def steps(applied: Any, _context: MigrationContext) -> Any:
        return known._downgrade_revs(target, require_known(names_in(known), applied))  # type: ignore[arg-type]

    return _migrate(engine, known, target, steps, patience, report)


def scripts_down(
    engine: sa.Engine, target: str | None, known: ScriptDirectory | None = None
) -> tuple[str, list[Script]]:
    """Return what a downgrade leads to, and what it would undo, in this order; nothing is changed.

    Without a target it leads to the revision below that of the database. `TimError` for a target
    that is not below it, and for a database without tables; `UnknownRevision` for tables that this
    program does not know.
    """
    known = known or scripts()
    applied = require_known(names_in(known), revisions_of(engine))
    if not applied:
        msg = "There are no tables in the database; there is nothing to undo."
        raise TimError(msg)
    down = [script for script in known.iterate_revisions(applied, "base") if script is not None]
    below = [*(script.revision for script in down[1:]), "base"]
    target = target or below[0]
    if target not in below:
        msg = (
            f"{target} is no revision below that of the database, which is {applied[0]}."
            f" There are: {', '.join(below)}; nothing was changed."
        )
        raise TimError(msg)
    return target, down[: below.index(target) + 1]


def _migrate(  # noqa: PLR0917 - those of its callers
    engine: sa.Engine,
    known: ScriptDirectory,
    target: str,
    steps: Callable[[Any, MigrationContext], Any],
    patience: Patience | None,
    report: Report,
) -> list[Script]:
    make_file_of(engine)
    # Of a try that ended half-way, what an index had to have committed stays; the rest runs again.
    run: dict[str, Script] = {}

    def note(script: Script) -> None:
        run.pop(script.revision, None)
        run[script.revision] = script

    def attempt(connection: sa.Connection) -> None:
        run_steps(connection, known, target, steps, note)
        connection.commit()

    with_patience(engine, attempt, patience or Patience(), report)
    return list(run.values())
