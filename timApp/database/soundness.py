"""Whether a database is as this program made it: whole, without loose ends, with all its tables."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from timApp.database.backup.damaged import REMEDY, damage_words
from timApp.database.migrating.revisions import Standing, applied_revisions, standing
from timApp.database.migrating.steps import names_in
from timApp.database.model import ONLY_ON, Model

# What PostgreSQL itself knows to be unfinished or switched off in the tables of this site.
_NOT_IN_FORCE = sa.text(
    """
    SELECT 'index ' || c.relname || ' is not valid' FROM pg_index
      JOIN pg_class c ON c.oid = indexrelid JOIN pg_class t ON t.oid = indrelid
     WHERE t.relnamespace = current_schema()::regnamespace AND NOT (indisvalid AND indisready)
    UNION ALL
    SELECT 'constraint ' || conname || ' has not been checked for all rows' FROM pg_constraint
     WHERE connamespace = current_schema()::regnamespace AND NOT convalidated
    UNION ALL
    SELECT 'trigger ' || tgname || ' is switched off' FROM pg_trigger
      JOIN pg_class t ON t.oid = tgrelid
     WHERE t.relnamespace = current_schema()::regnamespace AND tgenabled = 'D'
     ORDER BY 1
    """
)
_TRIGGERS = {
    "sqlite": "SELECT count(*) FROM sqlite_master WHERE type = 'trigger'"
    " AND tbl_name = 'sessionchange' AND name <> 'sessionchange_note'",
    "postgresql": "SELECT count(*) FROM pg_trigger WHERE tgrelid = to_regclass('sessionchange')"
    " AND NOT tgisinternal AND tgname <> 'sessionchange_note'",
}
#: Those of SQLite that `PRAGMA integrity_check` names at most.
_FAULTS_MAX = 100


def faults(connection: sa.Connection, known: ScriptDirectory) -> Iterator[str]:
    """Yield a sentence for each fault of the database: what it is, and in which table.

    The pages and indexes on SQLite, references that lead nowhere, what differs from the models, and
    what of the schema is not in force. What can only be found where a part is whole is looked for
    if it is. `UnknownRevision` for the tables of another version.
    """
    is_sqlite = connection.dialect.name == "sqlite"
    if is_sqlite:
        check = f"PRAGMA integrity_check({_FAULTS_MAX})"
        damages = [row[0] for row in connection.exec_driver_sql(check) if row[0] != "ok"]
        for damage in damages:
            yield f"{damage_words(connection.engine, ' '.join(damage.split()))}."
        if damages:
            yield REMEDY
            return
    applied = applied_revisions(connection)
    match standing(names_in(known), applied):
        case Standing.BEHIND:
            yield "The tables are not up to date; run `timapp db upgrade`."
            return
        case Standing.CURRENT:
            differences = [_sentence(one) for one in _differences(connection)]
            yield from differences
            if differences:
                return
        case Standing.AHEAD:
            pass  # what was added is the newer program's matter
    yield from _loose_ends(connection)
    if not is_sqlite:
        yield from (f"The {words}." for words in connection.scalars(_NOT_IN_FORCE))
    if not connection.exec_driver_sql(_TRIGGERS[connection.dialect.name]).scalar():
        yield "The record of changes can be rewritten: the triggers of sessionchange are gone."


def counts(connection: sa.Connection) -> dict[str, int]:
    """Return how many rows each table has."""
    return {
        table.name: connection.scalars(sa.select(sa.func.count()).select_from(table)).one()
        for table in Model.metadata.sorted_tables
    }


def _loose_ends(connection: sa.Connection) -> Iterator[str]:
    """Yield the references to rows that are not there, which a database may have been kept from."""
    for table in Model.metadata.sorted_tables:
        for key in table.foreign_key_constraints:
            target = key.referred_table.alias()
            is_set = [column.is_not(None) for column in key.columns]
            pairs = [one.parent == target.c[one.column.name] for one in key.elements]
            query = sa.select(sa.func.count()).select_from(table)
            query = query.where(*is_set, ~sa.exists().where(*pairs))
            number = connection.scalars(query).one()
            if number:
                names = ", ".join(key.columns.keys())
                yield (
                    f"{table.name}: {number} rows refer by {names} to rows of"
                    f" {key.referred_table.name} that are not there."
                )


def _differences(connection: sa.Connection) -> list[Any]:
    def is_of_this_site(thing: Any, _name: object, kind: str, is_found: bool, _: object) -> bool:
        if kind == "table" and is_found and thing.name not in Model.metadata.tables:
            return False  # it is another program's
        return bool(thing.info.get(ONLY_ON, connection.dialect.name) == connection.dialect.name)

    options = {"include_object": is_of_this_site, "compare_type": True}
    context = MigrationContext.configure(connection, opts=options)
    found: list[Any] = compare_metadata(context, Model.metadata)
    return found


def _sentence(difference: Any) -> str:
    """Return a difference as Alembic has it in words: what would have to be done."""
    if isinstance(difference, list):  # of one column
        kind, _, table, column, *_ = difference[0]
        return f"{table}: the column {column} is not as it should be ({kind})."
    kind, *things = difference
    verb, _, noun = kind.partition("_")
    wrong = {"add": "is missing", "remove": "should not be there"}.get(
        verb, "is not as it should be"
    )
    thing = things[-1]
    table = getattr(thing, "table", None)
    of = table.name if table is not None else things[1] if noun == "column" else thing.name
    return f"{of}: the {noun} {thing.name} {wrong}."
