"""Takes a backup of a database while it is used: one snapshot of all tables."""

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any, BinaryIO

import sqlalchemy as sa
from alembic.script import ScriptDirectory

from timApp.database.backup.file import MANIFEST, BackupError, Manifest, TableContent
from timApp.database.backup.text import line_of
from timApp.database.driver.rows import copied, fetched
from timApp.database.migrating.revisions import Standing, applied_revisions, standing
from timApp.database.migrating.scratch import tables_of
from timApp.database.migrating.steps import names_in
from timApp.util.clock import now

#: Bytes and rows that are passed on at a time.
_BLOCK_BYTES, _BLOCK_ROWS = 262_144, 1000
#: To compress more takes several times as long, for a tenth of the size.
_COMPRESSION = 3
# How SQLite has moments, in the words of PostgreSQL.
_MOMENT = "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"+00:00\"')"


def take_backup(
    engine: sa.Engine, known: ScriptDirectory, file: BinaryIO, program: str
) -> Manifest:
    """Write a backup into the file, and return what it says of itself.

    All of it is what was committed at one moment; nobody waits for it. `program` is the version of
    this one. Of tables that are newer, and that this program can serve with, it is what this
    program knows of them: a backup of its own revision. `BackupError` for a database without
    tables, `UnknownRevision` for the tables of another version: then nothing is known of what
    belongs to them.
    """
    with engine.connect() as connection:
        _begin_snapshot(connection)
        applied = applied_revisions(connection)
        if not applied:
            msg = "There are no tables in the database; there is nothing to back up."
            raise BackupError(msg)
        is_ahead = standing(names_in(known), applied) is Standing.AHEAD
        revision = (known.get_current_head() or "") if is_ahead else applied[0]
        with zipfile.ZipFile(
            file, "w", zipfile.ZIP_DEFLATED, allowZip64=True, compresslevel=_COMPRESSION
        ) as archive:
            moment = now()
            tables = {
                name: TableContent(columns, _write_table(connection, archive, name, columns))
                for name, columns in tables_of(known, revision).items()
            }
            manifest = Manifest(revision, moment, program, engine.dialect.name, tables)
            archive.writestr(MANIFEST, manifest.as_json())
    return manifest


def _begin_snapshot(connection: sa.Connection) -> None:
    if connection.dialect.name == "sqlite":
        # Reads stay outside a transaction by default; in the log of SQLite's writes one that reads
        # sees the same state from its first read to its end.
        connection.exec_driver_sql("BEGIN")
        return
    connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    # Whatever the site allows its requests: a backup takes as long as it takes.
    for setting in ("statement_timeout", "idle_in_transaction_session_timeout"):
        connection.exec_driver_sql(f"SET LOCAL {setting} = 0")
    connection.exec_driver_sql("SET LOCAL client_encoding = 'UTF8'")


def _write_table(
    connection: sa.Connection, archive: zipfile.ZipFile, name: str, columns: Sequence[str]
) -> int:
    """Write the rows of a table; return how many they are."""
    written = 0
    is_sqlite = connection.dialect.name == "sqlite"
    blocks = _sqlite_lines if is_sqlite else _postgresql_lines
    with archive.open(f"{name}.tsv", "w", force_zip64=True) as member:
        for lines, rows in blocks(connection, name, columns):
            member.write(lines)
            written += rows
    return written


def _sqlite_lines(
    connection: sa.Connection, name: str, columns: Sequence[str]
) -> Iterator[tuple[bytes, int]]:
    named: list[sa.ColumnElement[Any]] = [sa.column(column) for column in columns]
    query = sa.select(*named).select_from(sa.table(name))
    with closing(fetched(connection, query, _BLOCK_ROWS)) as blocks:
        for rows in blocks:
            yield "".join(map(line_of, rows)).encode(), len(rows)


def _postgresql_lines(
    connection: sa.Connection, name: str, columns: Sequence[str]
) -> Iterator[tuple[bytes, int]]:
    kinds = {column["name"]: column["type"] for column in sa.inspect(connection).get_columns(name)}
    quoted = connection.dialect.identifier_preparer.quote
    values = [_value(quoted(column), kinds[column]) for column in columns]
    query = sa.select(*values).select_from(sa.table(name))
    with closing(copied(connection, query, "FORMAT text", lambda _: None, _BLOCK_BYTES)) as blocks:
        yield from blocks


def _value(column: str, kind: Any) -> sa.ColumnElement[Any]:
    if isinstance(kind, sa.DateTime):
        return sa.literal_column(_MOMENT.format(column))
    return sa.literal_column(f"{column}::int" if isinstance(kind, sa.Boolean) else column)
