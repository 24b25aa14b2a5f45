"""How long requests wait for the database, with what they waited for before."""

import time
from pathlib import Path

import pytest
from flask import Flask

from tests.serve.caller import Caller
from tests.site import open_app
from timApp.database.patience import DOCUMENT_PATIENCE, REQUEST_PATIENCE, current_patience
from timApp.request.patience import WAITED
from timApp.serve.gateway import Gateway

DOCUMENT, PAGE = "/view/exam", "/user/sessions/current"
#: Seconds that a request has left, however long it waited.
LEAST = 0.25


def budget_of(app: Flask, path: str, environ: dict[str, float]) -> float:
    """Return with how many seconds for the database a request begins."""
    budgets = []

    @app.before_request
    def _look() -> None:
        patience = current_patience()
        assert patience is not None
        budgets.append(patience.left)

    app.test_client().get(path, environ_base=environ)
    assert current_patience() is None
    return budgets[0]


@pytest.mark.parametrize(
    ("path", "waited", "budget"),
    [
        (DOCUMENT, None, DOCUMENT_PATIENCE),
        (DOCUMENT, 0.0, DOCUMENT_PATIENCE),
        (DOCUMENT, 1.0, DOCUMENT_PATIENCE - 1),
        (DOCUMENT, 1.75, LEAST),
        (PAGE, None, REQUEST_PATIENCE),
        (PAGE, 1.0, REQUEST_PATIENCE - 1),
        (PAGE, 4.5, LEAST),
    ],
)
def test_what_a_request_waited_for_its_turn_is_not_waited_again(
    sqlite_url: str, tmp_path: Path, path: str, waited: float | None, budget: float
) -> None:
    """It is taken from what the request has for the database, of which a little is left to each."""
    with open_app(sqlite_url, tmp_path) as app:
        said = {} if waited is None else {WAITED: waited}
        assert budget_of(app, path, said) == pytest.approx(budget, abs=0.1)


@pytest.mark.parametrize(("ago", "waited"), [(None, 0.0), (1.5, 1.5)])
def test_the_application_is_told_how_long_a_request_waited(
    ago: float | None, waited: float
) -> None:
    """The seconds since a request was asked are in its environment, 0 if they do not count."""
    told = []

    def application(environ: dict[str, float], start: object) -> list[bytes]:
        assert callable(start)
        told.append(environ[WAITED])
        start("200 OK", [])
        return []

    gateway = Gateway(application, "localhost", 80)
    caller = Caller()
    environ = gateway.environ(caller.request)
    gateway.answer(caller, environ, None if ago is None else time.monotonic() - ago)
    assert told == [pytest.approx(waited, abs=0.1)]
