"""Brings a database's tables to the state that the models describe, and says where they stand."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory

from timApp.database.engine import is_yet_to_be_made, make_file_of
from timApp.util.errors import TimError

MIGRATIONS = Path(__file__).parent / "migrations"

# Any number will do, as long as every process that migrates uses the same one.
_ADVISORY_LOCK = 0x74696D


class UnknownRevision(TimError):  # noqa: N818 - named after what was found
    """The tables are those of another version, from which no migration leads here."""


def scripts() -> ScriptDirectory:
    """Return the migrations, read afresh."""
    return ScriptDirectory(str(MIGRATIONS), version_locations=[str(MIGRATIONS)])


def upgrade_database(
    engine: sa.Engine, target: str = "heads", known: ScriptDirectory | None = None
) -> list[Script]:
    """Apply the migrations up to `target`, all or none; return them in the order they went in.

    None when all are applied. Two processes may call it at once: one migrates, the other waits and
    finds nothing to do. `UnknownRevision` for the tables of another version; nothing is changed.
    """
    known = known or scripts()

    def steps(applied: Any, _context: MigrationContext) -> Any:
        return known._upgrade_revs(target, _checked(known, applied))

    return _migrate(engine, known, target, steps)


def downgrade_database(engine: sa.Engine, target: str) -> list[Script]:
    """Undo the migrations down to revision `target` (``"base"``: all), all or none."""
    known = scripts()

    def steps(applied: Any, _context: MigrationContext) -> Any:
        return known._downgrade_revs(target, _checked(known, applied))

    return _migrate(engine, known, target, steps)


def needs_upgrade(engine: sa.Engine) -> bool:
    """Tell whether the database lacks migrations; `UnknownRevision` if none leads here."""
    known = scripts()
    if is_yet_to_be_made(engine):
        return True
    with engine.connect() as connection:
        applied = MigrationContext.configure(connection).get_current_heads()
    return set(_checked(known, applied)) != set(known.get_heads())


def _checked(known: ScriptDirectory, applied: Any) -> Any:
    """Return the applied revisions, all of which have to be known."""
    revisions = {script.revision for script in known.walk_revisions()}
    strangers = [one for one in applied if one not in revisions]
    if strangers:
        msg = (
            f"The tables in this database were made by another version of timApp (revision"
            f" {strangers[0]}), and no way leads from there to this one. Keep what you need with"
            " that version's `timapp session export`, then let this one make its own: name an"
            " empty database in DATABASE_URL, or move the SQLite file away, and run"
            " `timapp db upgrade`."
        )
        raise UnknownRevision(msg)
    return applied


def _migrate(
    engine: sa.Engine,
    known: ScriptDirectory,
    target: str,
    steps: Callable[[Any, MigrationContext], Any],
) -> list[Script]:
    run: list[Script] = []
    make_file_of(engine)

    def note(*, step: Any, **_: Any) -> None:
        revision = (step.up_revision if step.is_upgrade else step.source_revisions[0]).revision
        run.append(known.get_revision(revision))

    with (
        engine.connect() as connection,
        _sole_migrator(connection),
        EnvironmentContext(Config(), known, destination_rev=target) as environment,
    ):
        # Both databases can roll a change of tables back, if asked.
        environment.configure(
            connection=connection,
            transactional_ddl=True,
            fn=steps,
            on_version_apply=cast(Any, note),
        )
        with environment.begin_transaction():
            environment.run_migrations()
        connection.commit()
    return run


@contextmanager
def _sole_migrator(connection: sa.Connection) -> Iterator[None]:
    # The lock is taken on the driver's connection, before Alembic reads which migrations have
    # been applied: read before the lock, that answer could be out of date.
    driver = connection.connection.cursor()
    if connection.dialect.name == "sqlite":
        driver.execute("BEGIN IMMEDIATE")
        yield
        return
    driver.execute(f"SELECT pg_advisory_lock({_ADVISORY_LOCK})")
    try:
        yield
    finally:
        connection.rollback()
        connection.execute(sa.select(sa.func.pg_advisory_unlock(_ADVISORY_LOCK)))
        connection.commit()
