"""Brings a database's tables to the state that the models describe, and says where they stand."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask_alembic import Alembic

from timApp.timdb.sqa import ONLY_ON, Model, db

MIGRATIONS = Path(__file__).parent / "migrations"


def _is_described(
    item: sa.schema.SchemaItem,
    _name: str | None,
    _kind: str,
    _is_reflected: bool,
    _compared_to: sa.schema.SchemaItem | None,
) -> bool:
    """Tell whether the models describe this for the database in use."""
    return item.info.get(ONLY_ON) in {None, db.engine.dialect.name}


#: What Flask-Alembic needs to know. Both databases can roll a change of tables back, if asked.
ALEMBIC_OPTIONS: dict[str, Any] = {
    "ALEMBIC": {"script_location": str(MIGRATIONS)},
    "ALEMBIC_CONTEXT": {"transactional_ddl": True, "include_object": _is_described},
}

# Any number will do, as long as every process that migrates uses the same one.
_ADVISORY_LOCK = 0x74696D

alembic = Alembic(run_mkdir=False, command_name="", metadatas=Model.metadata)


def upgrade_database(target: str = "heads") -> None:
    """Apply the migrations up to `target`, all or none; nothing happens when they are applied.

    Two processes may call it at once: one migrates, the other waits and finds nothing to do.
    Needs an application context.
    """
    with _sole_migrator():
        alembic.upgrade(target)


def downgrade_database(target: str) -> None:
    """Undo the migrations down to revision `target` (``"base"``: all), all or none."""
    with _sole_migrator():
        alembic.downgrade(target)


def needs_upgrade() -> bool:
    """Tell whether the database lacks migrations. Needs an application context."""
    return alembic.needs_upgrade()


@contextmanager
def _sole_migrator() -> Iterator[None]:
    # The lock is taken on the driver's connection, before Alembic reads which migrations have
    # been applied: read before the lock, that answer could be out of date.
    connection = alembic.migration_context.connection
    assert connection is not None  # noqa: S101 - only None for offline migrations
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
