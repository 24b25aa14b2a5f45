"""The application behind a command, and what can be wrong with its database."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask

from timApp.app import create_app
from timApp.auth.site import db
from timApp.database.failure import ERRORS, is_unavailable, reason
from timApp.database.migrate import needs_upgrade
from timApp.util.errors import TimError

# It tells of every look at the database.
logging.getLogger("alembic").setLevel(logging.WARNING)


@contextmanager
def application() -> Iterator[None]:
    """Enter the application with its database, which must be reachable and up to date.

    The command commits; what it has not committed is undone when the context ends, and no
    connection stays open. `TimError` in a sentence for whatever is wrong with the database.
    """
    with unchecked_application() as app, app.app_context():
        if needs_upgrade(db.engine):
            msg = "The database is not up to date; run `timapp db upgrade`."
            raise TimError(msg)
        yield


@contextmanager
def unchecked_application() -> Iterator[Flask]:
    """Return the application, whose database may be in any state; enter it by `app_context`.

    Otherwise like `application`.
    """
    app = create_app()
    try:
        with _database_errors():
            yield app
    finally:
        with app.app_context():
            db.engine.dispose()


@contextmanager
def _database_errors() -> Iterator[None]:
    """Turn what a database may answer, through no fault of the program, into a `TimError`."""
    try:
        yield
    except ERRORS as error:
        # It refuses when there is no right to a table, mostly.
        what = "does not answer" if is_unavailable(error) else "refuses"
        msg = f"The database {what}: {reason(error)}"
        raise TimError(msg) from error
