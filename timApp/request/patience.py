"""How long requests wait for the database: see `timApp.database.patience`."""

from flask import Flask

from timApp.database.patience import (
    DOCUMENT_PATIENCE,
    REQUEST_PATIENCE,
    begin_patience,
    end_patience,
)
from timApp.request.inputs import current_request

#: What an environment of WSGI says of the seconds that a request waited for its turn, if it does.
WAITED = "timApp.waited"
#: Seconds that are left to whoever waited for longer than that: a database that is well answers.
_LEAST = 0.25


def add_patience(app: Flask) -> None:
    """Let requests wait no longer than that, and documents less; what is in none has no limit.

    To be called before any other part looks at a request, and before the database is added: what
    is undone at the end of a request, in reverse order, is undone with what is left of its
    patience. What a request waited for its turn counts.
    """
    app.before_request(_begin)
    app.teardown_appcontext(_end)


def _begin() -> None:
    asked = current_request()
    whole = DOCUMENT_PATIENCE if asked.blueprint == "documents" else REQUEST_PATIENCE
    begin_patience(max(whole - asked.environ.get(WAITED, 0.0), _LEAST))


def _end(_error: BaseException | None) -> None:
    end_patience()
