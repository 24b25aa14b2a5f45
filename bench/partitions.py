"""The project's tables cut into parts by PostgreSQL, and which parts a statement touches."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

import psycopg

from bench.statements import Statement

_SHARDS = 4
# The tables that go with a user, and the column with the user's number; all else is small, and
# would be kept whole on each server, or on one.
_USERS_TABLES = {
    "useraccount": "id",
    "usergroupmember": "user_id",
    "usersession": "user_id",
    "sessionchange": "user_id",
    "sessionorder": "user_id",
}
# Where the sessions are cut by time; what is earlier or later has a part, too.
_DAYS = [datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2, 3)]
_EXPLAINED = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b", re.IGNORECASE)
_COPIED = re.compile(r"\s*COPY \((.*)\) TO STDOUT", re.IGNORECASE | re.DOTALL)
_PART = re.compile(r".*_part(\d+)$")


@dataclass(frozen=True)
class Cut:
    """A way to cut tables."""

    cut: Callable[[psycopg.Connection], None]
    #: The tables that are cut, each into so many parts.
    tables: Collection[str]
    parts: int


def _cut_by_user(connection: psycopg.Connection) -> None:
    for table, column in _USERS_TABLES.items():
        _cut(connection, table, f"HASH ({column})", column)
        for number in range(_SHARDS):
            _add_part(connection, table, number, f"WITH (MODULUS {_SHARDS}, REMAINDER {number})")


def _cut_by_time(connection: psycopg.Connection) -> None:
    _cut(connection, "usersession", "RANGE (session_id)", "session_id")
    ends = ["MINVALUE", *(f"'{_first_id(day)}'" for day in _DAYS), "MAXVALUE"]
    for number, (first, end) in enumerate(pairwise(ends)):
        _add_part(connection, "usersession", number, f"FROM ({first}) TO ({end})")


#: As an engine does that spreads users over servers. Of the unique keys those remain that hold the
#: user's number, as with any such engine.
BY_USER = Cut(_cut_by_user, _USERS_TABLES, _SHARDS)
#: The sessions only, by their ids, which begin with the time of the login (UUID, version 7).
BY_TIME = Cut(_cut_by_time, ["usersession"], len(_DAYS) + 1)


def parts_touched(connection: psycopg.Connection, cut: Cut, statement: Statement) -> str:
    """Return in words how many parts are in the statement's plan, on a database that is cut so.

    A row that is inserted goes to one, which the plan does not name. What has no plan is a lock.
    """
    copied = _COPIED.match(statement.text)
    text = copied[1] if copied else statement.text
    if not _EXPLAINED.match(text):
        return "all (a lock)"
    cursor = connection.execute(
        f"EXPLAIN (FORMAT JSON) {text}".encode(), statement.parameters, prepare=False
    )
    row = cursor.fetchone()
    assert row is not None
    return _in_words(set(_parts(row[0][0]["Plan"], cut.tables)), cut)


def _in_words(parts: Collection[str], cut: Cut) -> str:
    if len(parts) > 1:
        return "all" if len(parts) == cut.parts else f"{len(parts)}"
    return "one" if parts else "none"


def _first_id(day: datetime) -> str:
    milliseconds = f"{int(day.timestamp() * 1000):012x}"
    return f"{milliseconds[:8]}-{milliseconds[8:]}"


def _cut(connection: psycopg.Connection, table: str, method: str, column: str) -> None:
    """Put an empty table that is cut in the place of one."""
    whole = f"{table}_whole"
    _execute(connection, f"ALTER TABLE {table} RENAME TO {whole}")
    for name, columns in _unique_keys(connection, whole).items():
        if column not in columns:
            _execute(connection, f"ALTER TABLE {whole} DROP CONSTRAINT {name} CASCADE")
    for name, columns in _unique_indexes(connection, whole).items():
        if column not in columns:
            _execute(connection, f"DROP INDEX {name}")
    like = f"LIKE {whole} INCLUDING ALL EXCLUDING STORAGE"
    _execute(connection, f"CREATE TABLE {table} ({like}) PARTITION BY {method}")
    for owner, name, definition in _references_to(connection, whole):
        new = definition.replace(f"REFERENCES {whole}(", f"REFERENCES {table}(")
        _execute(connection, f"ALTER TABLE {owner} DROP CONSTRAINT {name}, ADD {new}")


def _references_to(connection: psycopg.Connection, table: str) -> list[tuple[str, str, str]]:
    """Return table, name and definition of each foreign key that refers to a table."""
    return connection.execute(
        """
        SELECT conrelid::regclass::text, conname::text, pg_get_constraintdef(oid)
          FROM pg_constraint WHERE confrelid = %s::regclass AND contype = 'f' AND conparentid = 0
        """,
        [table],
    ).fetchall()


def _unique_keys(connection: psycopg.Connection, table: str) -> Mapping[str, Sequence[str]]:
    rows = connection.execute(
        """
        SELECT conname, array_agg(attname::text)
          FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = ANY (conkey)
         WHERE conrelid = %s::regclass AND contype IN ('p', 'u') GROUP BY conname
        """,
        [table],
    )
    return dict(rows.fetchall())


def _unique_indexes(connection: psycopg.Connection, table: str) -> Mapping[str, Sequence[str]]:
    """Return the columns of the unique indexes that are no constraints, by the indexes' names."""
    rows = connection.execute(
        """
        SELECT indexrelid::regclass::text, array_agg(attname::text)
          FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)
         WHERE indrelid = %s::regclass AND indisunique
           AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
         GROUP BY indexrelid
        """,
        [table],
    )
    return dict(rows.fetchall())


def _add_part(connection: psycopg.Connection, table: str, number: int, bounds: str) -> None:
    part = f"{table}_part{number}"
    _execute(connection, f"CREATE TABLE {part} PARTITION OF {table} FOR VALUES {bounds}")


def _execute(connection: psycopg.Connection, statement: str) -> None:
    connection.execute(statement.encode())


def _parts(plan: Mapping[str, object], tables: Collection[str]) -> Iterator[str]:
    name = str(plan.get("Relation Name"))
    if match := _PART.match(name):
        yield match[1]
    if plan.get("Operation") == "Insert" and name in tables:
        yield "that of the row"
    children = plan.get("Plans", [])
    assert isinstance(children, list)
    for child in children:
        yield from _parts(child, tables)
