"""The statements that a database is given while a test watches, and how it carries them out."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from tests.site import Site
from timApp.auth.site import db


@contextmanager
def noted_statements(site: Site) -> Iterator[list[str]]:
    """Yield a list that gets each SQL statement that is executed meanwhile."""
    with site.app.app_context():
        engine = db.engine
    with noted_statements_of(engine) as statements:
        yield statements


@contextmanager
def noted_statements_of(engine: sa.Engine) -> Iterator[list[str]]:
    """Yield a list that gets each SQL statement that SQLAlchemy gives to the engine meanwhile."""
    statements: list[str] = []

    def note(*args: object) -> None:
        statements.append(str(args[2]))

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


def is_sqlite() -> bool:
    """Tell on which kind of database the current application is."""
    return db.engine.dialect.name == "sqlite"


def plan_of(query: sa.Select[*tuple[Any, ...]]) -> str:
    """Return how the database carries out a query; on empty tables, as if they were large."""
    connection = db.session.connection()
    sql = str(query.compile(connection, compile_kwargs={"literal_binds": True}))
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}").all()
    else:
        for kind in ("seqscan", "bitmapscan", "hashjoin", "mergejoin"):
            connection.exec_driver_sql(f"SET LOCAL enable_{kind} = off")
        rows = connection.exec_driver_sql(f"EXPLAIN {sql}".replace("%", "%%")).all()
    return "\n".join(str(row[-1]) for row in rows)
