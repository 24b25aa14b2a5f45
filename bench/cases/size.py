"""Bytes of a session.

What a database takes for many sessions, divided by their number: the rows, each index, and the
entry in the record of changes that a login leaves. Freshly filled; what is changed and not yet
tidied up by the database comes on top. Origins are as long as those of a browser of today.
"""

import sqlite3
from contextlib import closing

from sqlalchemy.engine import make_url

from bench.people import SESSIONS_EACH, add_logins_to_record, fill, raw_postgresql
from bench.report import Section, Table
from bench.run import KINDS, POSTGRESQL, Run

TITLE = "Bytes of a session"
_TABLES = ("usersession", "sessionchange")
_POSTGRESQL_PARTS = """
    SELECT relname::text, pg_relation_size(pg_class.oid)
      FROM pg_class LEFT JOIN pg_index ON indexrelid = pg_class.oid
     WHERE coalesce(indrelid, pg_class.oid) = ANY (%s::regclass[])
     ORDER BY indrelid IS NOT NULL, relname
"""
_SQLITE_PARTS = """
    SELECT name, sum(pgsize) FROM dbstat WHERE name IN (
        SELECT name FROM sqlite_schema WHERE tbl_name IN (?, ?) AND rootpage > 0
    ) GROUP BY name ORDER BY name LIKE 'ix%', name
"""


def measure(run: Run, section: Section) -> None:
    """Measure on both databases."""
    sessions = run.choose(300, 30_000, 1_000_000)
    for kind in KINDS:
        with run.database(kind) as url:
            fill(url, sessions // SESSIONS_EACH)
            add_logins_to_record(url)
            parts = _parts(kind, url)
        total = sum(size for _, size in parts)
        rows = [(name, f"{size / sessions:.0f}") for name, size in parts]
        section.tables.append(
            Table(
                f"{kind}, {sessions:,} sessions",
                ("", "bytes a session"),
                [*rows, ("together", f"{total / sessions:.0f}")],
            )
        )


def _parts(kind: str, url: str) -> list[tuple[str, int]]:
    """Return the size of each table and index, in bytes."""
    if kind == POSTGRESQL:
        with raw_postgresql(url) as connection:
            return connection.execute(_POSTGRESQL_PARTS, [list(_TABLES)]).fetchall()
    with closing(sqlite3.connect(str(make_url(url).database))) as file:
        return file.execute(_SQLITE_PARTS, _TABLES).fetchall()
