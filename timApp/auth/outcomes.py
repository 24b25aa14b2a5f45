"""Counts what becomes of logins and of sessions, for those who watch the server."""

from functools import partial
from http import HTTPStatus

import sqlalchemy as sa
from flask import Flask, Response

from timApp.auth.factor.pending import find_pending
from timApp.auth.visitor import current_visitor, visitor_passes
from timApp.database.work import UnitOfWork
from timApp.guard.changes.change import Receipt
from timApp.request.inputs import current_request
from timApp.util.measures import (
    BLOCKED,
    CHANGES,
    LET_IN,
    LOGINS,
    MALFORMED,
    OUTCOMES,
    THROTTLED,
    TURNED_AWAY,
    WRONG,
)
from timApp.util.tally import Tally

_LOGINS = frozenset({"login.log_in", "passkey_login.log_in"})
_FAILED = {
    HTTPStatus.FORBIDDEN: WRONG,
    HTTPStatus.TOO_MANY_REQUESTS: THROTTLED,
    HTTPStatus.SERVICE_UNAVAILABLE: TURNED_AWAY,
}


def count_logins(app: Flask, tally: Tally) -> None:
    """Let the application count how attempts to log in end."""
    tally.declare(LOGINS.keys(OUTCOMES))
    app.after_request(partial(_count, tally))


def count_change(tally: Tally, work: UnitOfWork, receipt: Receipt) -> None:
    """Count a change once it is committed, if it takes effect: the guard's listener."""
    if receipt.takes_effect:
        key = CHANGES.key(receipt.change.action.value)
        sa.event.listen(work.session, "after_commit", lambda _: tally.count(key), once=True)


def _count(tally: Tally, response: Response) -> Response:
    if current_request().endpoint in _LOGINS and current_request().method == "POST":
        is_over = response.status_code >= HTTPStatus.BAD_REQUEST or find_pending() is None
        if is_over:  # and no passkey is awaited
            tally.count(LOGINS.key(_outcome(response.status_code)))
    return response


def _outcome(status: int) -> str:
    """Return how an attempt ended that was answered so."""
    if status >= HTTPStatus.BAD_REQUEST:
        return _FAILED.get(HTTPStatus(status), MALFORMED)
    visitor = current_visitor()
    return LET_IN if visitor is not None and visitor_passes(visitor) else BLOCKED
