"""Counts what becomes of logins and of sessions, for those who watch the server."""

from functools import partial
from http import HTTPStatus

import sqlalchemy as sa
from flask import Flask, Request, Response

from timApp.auth.factor.pending import find_pending
from timApp.auth.visitor import current_visitor, visitor_passes
from timApp.auth.ways.again import is_sent_again
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

#: What logs in, and by which method: back from a provider, browsers come with GET.
_LOGINS = {
    "login.log_in": "POST",
    "passkey_login.log_in": "POST",
    "oidc.callback": "GET",
    "header_login.log_in": "POST",
    "lti.launch": "POST",
    "saml.finish": "POST",
}
_SENT_AGAIN = frozenset({"lti.launch", "saml.finish"})
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
    asked = current_request()
    if _LOGINS.get(asked.endpoint or "") == asked.method and not _is_half(asked):
        is_over = response.status_code >= HTTPStatus.BAD_REQUEST or find_pending() is None
        if is_over:  # and no passkey is awaited
            tally.count(LOGINS.key(_outcome(response.status_code)))
    return response


def _is_half(asked: Request) -> bool:
    """Tell whether it is a form of another site's, which is sent again before it counts."""
    return asked.endpoint in _SENT_AGAIN and not is_sent_again()


def _outcome(status: int) -> str:
    """Return how an attempt ended that was answered so."""
    if status >= HTTPStatus.BAD_REQUEST:
        return _FAILED.get(HTTPStatus(status), MALFORMED)
    visitor = current_visitor()
    return LET_IN if visitor is not None and visitor_passes(visitor) else BLOCKED
