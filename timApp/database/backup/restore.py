"""Makes a database of a backup: its tables and all that was in them, and then newer migrations."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory

from timApp.database.backup.damaged import damage_of, damage_words, in_its_place
from timApp.database.backup.file import Backup, BackupError
from timApp.database.backup.text import reader_for, row_of
from timApp.database.dialects.sqlitefile import make_file_of
from timApp.database.driver.statement import sqlalchemys_error
from timApp.database.migrating.names import SameNames
from timApp.database.migrating.patience import Patience, Report, tell_nobody, with_patience
from timApp.database.migrating.revisions import is_newer, require_known
from timApp.database.migrating.scratch import tables_of
from timApp.database.migrating.steps import names_in, run_steps
from timApp.util.errors import Conflict

#: Whoever is in it would be gone.
_PEOPLE = "useraccount"
#: A table that the record's triggers look into, and a row of it that no backup has.
_TIDYING, _MARK = "tidying", 0


def restore_backup(
    engine: sa.Engine,
    known: ScriptDirectory,
    backup: Backup,
    *,
    replace: bool = False,
    patience: Patience | None = None,
    report: Report = tell_nobody,
) -> list[Script]:
    """Put what is in the backup in the place of what is in the database, all or nothing.

    Returns the migrations that were applied afterwards: those that are newer than the backup.
    `Conflict` if there are people in the database, or SQLite's file is damaged, unless it is to be
    replaced; `BackupError` for a backup that is damaged, or of another version; `UnknownRevision`
    for a database with the tables of another version. Nothing is changed then. `SameNames` for a
    backup with names that are one by now: it is restored with the tables of its own revision, in
    which people can be renamed. A damaged file is kept beside the new one, and `report` is told
    where. See
    `timApp.database.migrate.upgrade_database` for the rest.
    """
    _check_revision(known, backup)
    make_file_of(engine)
    attempt = partial(_restore, known=known, backup=backup, replace=replace)
    patience = patience or Patience()
    damage = damage_of(engine)
    if damage is None:
        return _applied(with_patience(engine, attempt, patience, report), report)
    what = damage_words(engine, damage)
    if not replace:
        msg = (
            "%(what)s. Say --force to put the backup in its place and to keep the damaged file"
            " under another name; nothing was changed."
        )
        raise Conflict(msg, what=what)
    with in_its_place(engine) as (fresh, kept):
        outcome = with_patience(fresh, attempt, patience, report)
    report(f"{what}; it is kept as {kept}.")
    return _applied(outcome, report)


def _applied(outcome: list[Script] | SameNames, report: Report) -> list[Script]:
    if isinstance(outcome, SameNames):
        report("The backup was restored, with the tables of its own version.")
        raise outcome
    return outcome


def _check_revision(known: ScriptDirectory, backup: Backup) -> None:
    revision = backup.manifest.revision
    if is_newer(names_in(known), revision):
        msg = (
            "The backup is that of a newer timApp (%(program)s, revision %(revision)s); use that"
            " version to restore it."
        )
        raise BackupError(msg, program=backup.manifest.program, revision=revision)
    if revision not in names_in(known):
        msg = "The backup is that of another timApp (revision %(revision)s), and of no use here."
        raise BackupError(msg, revision=revision)
    expected, found = tables_of(known, revision), backup.manifest.tables
    if {name: set(columns) for name, columns in expected.items()} != {
        name: set(one.columns) for name, one in found.items()
    }:
        msg = "The backup has other tables than those of its revision %(revision)s; do not use it."
        raise BackupError(msg, revision=revision)


def _restore(
    connection: sa.Connection, known: ScriptDirectory, backup: Backup, *, replace: bool
) -> list[Script] | SameNames:
    """Return the migrations that were applied after the backup's, or why none were."""
    applied: list[Script] = []
    if not connection.in_transaction():
        connection.begin()
    if not replace and _has_people(connection):
        msg = (
            "There are people in the database, and all of it would be replaced. Name an empty or a"
            " new database in DATABASE_URL, or say --force; nothing was changed."
        )
        raise Conflict(msg)

    def down(revisions: Any, _context: MigrationContext) -> Any:
        return known._downgrade_revs("base", require_known(names_in(known), revisions))  # type: ignore[arg-type]

    def up(target: str, revisions: Any, _context: MigrationContext) -> Any:
        return known._upgrade_revs(target, revisions)

    revision = backup.manifest.revision
    run_steps(connection, known, "base", down, lambda _: None)
    run_steps(connection, known, revision, partial(up, revision), lambda _: None)
    load = _load_sqlite if connection.dialect.name == "sqlite" else _load_postgresql
    with _unnoticed(connection):
        for table in tables_of(known, revision):
            load(connection, backup, table, backup.manifest.tables[table].columns)
    try:
        with connection.begin_nested():
            run_steps(connection, known, "heads", partial(up, "heads"), applied.append)
    except SameNames as refusal:
        connection.commit()
        return refusal
    connection.commit()
    return applied


@contextmanager
def _unnoticed(connection: sa.Connection) -> Iterator[None]:
    """Let the record's triggers take what is added to it for no news: it was told in its time."""
    if not sa.inspect(connection).has_table(_TIDYING):  # nor is anything noticed
        yield
        return
    tidying = sa.table(_TIDYING, sa.column("id"))
    connection.execute(sa.insert(tidying).values(id=_MARK))
    yield
    connection.execute(sa.delete(tidying).where(tidying.c.id == _MARK))


def _has_people(connection: sa.Connection) -> bool:
    if not sa.inspect(connection).has_table(_PEOPLE):
        return False
    return connection.scalar(sa.select(sa.exists().select_from(sa.table(_PEOPLE)))) is True


def _load_sqlite(
    connection: sa.Connection, backup: Backup, table: str, columns: Sequence[str]
) -> None:
    kinds = {column["name"]: column["type"] for column in sa.inspect(connection).get_columns(table)}
    reads = [reader_for(kinds[column]) for column in columns]
    quoted = connection.dialect.identifier_preparer.quote
    names = ", ".join(map(quoted, columns))
    marks = ", ".join("?" for _ in columns)
    insert = f"INSERT INTO {quoted(table)} ({names}) VALUES ({marks})"  # noqa: S608
    for lines in backup.lines(table):
        try:
            rows = [row_of(line, reads) for line in lines]
        except ValueError as error:
            raise _unreadable(table) from error
        connection.exec_driver_sql(insert, rows)


def _load_postgresql(
    connection: sa.Connection, backup: Backup, table: str, columns: Sequence[str]
) -> None:
    quoted = connection.dialect.identifier_preparer.quote
    names = ", ".join(map(quoted, columns))
    statement = f"COPY {quoted(table)} ({names}) FROM STDIN (FORMAT text, ENCODING 'UTF8')"
    driver: Any = connection.connection.driver_connection
    psycopg = connection.dialect.loaded_dbapi
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for lines in backup.lines(table):
                copy.write(b"\n".join(lines) + b"\n")
    except psycopg.errors.DataError as error:
        raise _unreadable(table) from error
    except psycopg.Error as error:
        raise sqlalchemys_error(error, statement, connection.dialect) from error
    for sequence, column in _sequences(connection, table, columns):
        # The next row gets a number that nobody has had.
        connection.exec_driver_sql(
            f"SELECT setval('{sequence}', coalesce(max({quoted(column)}), 0) + 1, false)"  # noqa: S608
            f" FROM {quoted(table)}"
        )


def _sequences(
    connection: sa.Connection, table: str, columns: Sequence[str]
) -> Iterator[tuple[str, str]]:
    for column in columns:
        sequence = connection.scalar(sa.select(sa.func.pg_get_serial_sequence(table, column)))
        if sequence is not None:
            yield sequence, column


def _unreadable(table: str) -> BackupError:
    return BackupError("The rows of %(table)s in the backup cannot be read.", table=table)
