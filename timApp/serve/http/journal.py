"""What is counted and told of each request once it is answered, and of what is refused."""

import logging
import os
import re
import time
from bisect import bisect_left
from collections.abc import Collection, Iterable
from http import HTTPStatus

from timApp.request.masked import masked_path
from timApp.serve.http.message import NO_ROUTE, Request
from timApp.util.logs import DETAILS, access_log
from timApp.util.measures import BUCKETS, PARTS, REFUSALS, REQUESTS, SECONDS, SUM
from timApp.util.tally import Key, Tally

#: Stands for the address of all static files.
STATIC_ROUTE = "static"
#: Nobody waited for the answer any more. Source: nginx, which calls it so.
GONE = b"499"

_ID_HEADER = b"x-request-id"
_SANE_ID = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,64}")
_ID_BYTES = 8
_OTHER = "other"
_STATUSES = (*(str(one.value) for one in HTTPStatus if one >= HTTPStatus.OK), "490", GONE.decode())


def keys_of(routes: Iterable[tuple[str, Collection[str]]]) -> Iterable[Key]:
    """Return what is counted of these addresses, each with the methods that it takes."""
    for route, methods in (*routes, (NO_ROUTE, {"GET", "POST"}), (STATIC_ROUTE, {"GET"})):
        for method in sorted({*methods, _OTHER} - {"HEAD", "OPTIONS"}):
            yield from (REQUESTS.key(method, route, status) for status in _STATUSES)
            yield from (SECONDS.key(method, route, part) for part in (*PARTS, SUM))


class Journal:
    """Counts requests by address, method and status, and how long they took; and tells of them.

    For the loop's thread.
    """

    def __init__(self, tally: Tally, *, takes_ids: bool = False) -> None:
        """`takes_ids`: whether a proxy, which is trusted, may say what requests are known by."""
        self._tally = tally
        self._takes_ids = takes_ids
        #: Requests that have arrived and are not answered.
        self.in_flight = 0

    def begin(self, request: Request) -> None:
        """Note that a request is to be answered, and give it an id."""
        self.in_flight += 1
        given = request.header(_ID_HEADER) if self._takes_ids else None
        if given is not None and _SANE_ID.fullmatch(given):
            request.id = given.decode()
        else:
            request.id = os.urandom(_ID_BYTES).hex()

    def end(self, request: Request, status: bytes) -> None:
        """Note that it was, with a status that begins with its code, or never will be (`GONE`)."""
        self.in_flight -= 1
        seconds = time.monotonic() - request.arrived_at
        method = "GET" if request.method == b"HEAD" else request.method.decode("latin-1")
        key = REQUESTS.key(method, request.route, status[:3].decode())
        if key not in self._tally:
            method = _OTHER
            key = REQUESTS.key(method, request.route, status[:3].decode())
        self._tally.count(key)
        part = PARTS[bisect_left(BUCKETS, seconds)]
        self._tally.count(SECONDS.key(method, request.route, part))
        self._tally.count(SECONDS.key(method, request.route, SUM), seconds)
        if access_log.isEnabledFor(logging.INFO):
            _tell(request, status, seconds)

    def refuse(self, reason: str) -> None:
        """Note that something was refused."""
        self._tally.count(REFUSALS.key(reason))


def _tell(request: Request, status: bytes, seconds: float) -> None:
    """Write a request down that was answered."""
    route = None if request.route == NO_ROUTE else request.route
    details = {
        "request_id": request.id,
        "method": request.method.decode("latin-1"),
        "path": masked_path(route, request.target.decode("latin-1")),
        "status": int(status[:3]),
        "seconds": round(seconds, 4),
    }
    access_log.info(
        "%s %s %d in %.4f s",
        *(details[name] for name in ("method", "path", "status", "seconds")),
        extra={DETAILS: details},
    )
