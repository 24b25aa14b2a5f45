"""The statements that a database is given while a test watches."""

from collections.abc import Iterator
from contextlib import contextmanager

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
