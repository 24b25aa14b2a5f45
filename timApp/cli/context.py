"""The application behind a command, and what can be wrong with its database."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from flask import Flask

from timApp.app import create_app
from timApp.auth.site import db
from timApp.database.backup.damaged import REMEDY, damage_words
from timApp.database.dialects.sqliteerrors import is_damaged
from timApp.database.dialects.sqlitefile import NoDatabaseFile, require_file_of
from timApp.database.failure import ERRORS, OUT_OF_REACH, is_wrong_address, reason
from timApp.database.migrating.revisions import needs_upgrade
from timApp.database.patience import patience
from timApp.util.errors import TimError

#: Seconds between two looks whether a database is ready.
_INTERVAL = 0.5
#: Seconds that each of them may take: one that is ready, on a busy machine, is to be found so.
_SHORTEST_LOOK = 0.5

# It tells of every look at the database.
logging.getLogger("alembic").setLevel(logging.WARNING)


class NotReady(TimError):  # noqa: N818 - named after what was found
    """The database cannot be used yet; in a while it may be."""


@contextmanager
def application() -> Iterator[None]:
    """Enter the application with its database, which must be reachable and up to date.

    The command commits; what it has not committed is undone when the context ends, and no
    connection stays open. `TimError` in a sentence for whatever is wrong with the database.
    """
    with existing_database():
        require_upgraded()
        yield


@contextmanager
def existing_database() -> Iterator[None]:
    """Enter the application with its database, whose tables may be in any state.

    Otherwise like `application`.
    """
    with unchecked_application() as app, app.app_context():
        require_file_of(db.engine)
        yield


def wait_for_database(seconds: float, report: Callable[[str], object]) -> None:
    """Wait until the database answers and is up to date, at most for so many seconds.

    A look at it takes no longer than what is left of them, but for `_SHORTEST_LOOK`. After that the
    `TimError` of `application`; also at once, for whatever does not change by waiting.
    `report` is told what it waits for, in a sentence, whenever that is another thing.
    """
    deadline = time.monotonic() + seconds
    told = ""
    with create_app().app_context():
        while True:
            left = deadline - time.monotonic()
            try:
                with _database_errors(db.engine), patience(max(left, _SHORTEST_LOOK)):
                    require_file_of(db.engine)
                    require_upgraded()
            except (NotReady, NoDatabaseFile) as error:
                if error.message != told:
                    told = error.message
                    report(f"Waiting: {told}")
                if time.monotonic() >= deadline:
                    raise
                db.engine.dispose()
                time.sleep(min(_INTERVAL, max(0, deadline - time.monotonic())))
            else:
                db.engine.dispose()
                return


@contextmanager
def unchecked_application() -> Iterator[Flask]:
    """Return the application, whose database may not even be there; enter it by `app_context`.

    Otherwise like `application`.
    """
    app = create_app()
    with app.app_context():
        engine = db.engine
    try:
        with _database_errors(engine):
            yield app
    finally:
        engine.dispose()


def require_upgraded() -> None:
    """Raise `NotReady` if the database lacks migrations; `UnknownRevision` if none leads here."""
    if needs_upgrade(db.engine):
        msg = "The database is not up to date; run `timapp db upgrade`."
        raise NotReady(msg)


@contextmanager
def _database_errors(engine: sa.Engine) -> Iterator[None]:
    """Turn what a database may answer, through no fault of the program, into a `TimError`."""
    try:
        yield
    except ERRORS as error:
        if isinstance(error, OUT_OF_REACH) and not is_wrong_address(error):
            msg = "The database does not answer: %(reason)s"
            raise NotReady(msg, reason=reason(error)) from error
        if isinstance(error, sa.exc.DBAPIError) and is_damaged(error.orig):
            msg = f"{damage_words(engine, reason(error))}. {REMEDY}"
            raise TimError(msg) from error
        # No right to a table, mostly; a wrong address.
        msg = f"The database refuses: {reason(error)}"
        raise TimError(msg) from error
