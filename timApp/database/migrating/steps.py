"""Runs migrations on a connection, by Alembic."""

from collections.abc import Callable
from typing import Any, cast

import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory

#: Key in the options of a migration's context: nothing may be committed before all is done.
IN_ONE_TRANSACTION = "timapp_in_one_transaction"


def names_in(known: ScriptDirectory) -> tuple[str, ...]:
    """Return the revisions that there are scripts of."""
    return tuple(script.revision for script in known.walk_revisions())


def run_steps(
    connection: sa.Connection,
    known: ScriptDirectory,
    target: str,
    steps: Callable[[Any, MigrationContext], Any],
    note: Callable[[Script], object],
) -> None:
    """Run the steps, which are found by the revisions applied, and note each script.

    In the transaction that the connection is in, or else in one of its own, which the caller
    commits.
    """

    def note_step(*, step: Any, **_: Any) -> None:
        revision = (step.up_revision if step.is_upgrade else step.source_revisions[0]).revision
        note(known.get_revision(revision))

    with EnvironmentContext(Config(), known, destination_rev=target) as environment:
        # Both databases can roll a change of tables back, if asked.
        options: dict[str, Any] = {IN_ONE_TRANSACTION: connection.in_transaction()}
        environment.configure(
            connection=connection,
            transactional_ddl=True,
            fn=steps,
            on_version_apply=cast(Any, note_step),
            **options,
        )
        with environment.begin_transaction():
            environment.run_migrations()
