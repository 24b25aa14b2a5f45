"""How long requests wait for the database: see `timApp.database.patience`."""

from flask import Flask, request

from timApp.database.patience import (
    DOCUMENT_PATIENCE,
    REQUEST_PATIENCE,
    begin_patience,
    end_patience,
)


def add_patience(app: Flask) -> None:
    """Let requests wait no longer than that, and documents less; what is in none has no limit.

    To be called before any other part looks at a request, and before the database is added: what
    is undone at the end of a request, in reverse order, is undone with what is left of its
    patience.
    """
    app.before_request(_begin)
    app.teardown_appcontext(_end)


def _begin() -> None:
    begin_patience(DOCUMENT_PATIENCE if request.blueprint == "documents" else REQUEST_PATIENCE)


def _end(_error: BaseException | None) -> None:
    end_patience()
