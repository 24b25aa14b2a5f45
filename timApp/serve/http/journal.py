"""What is counted and told of each request once it is answered, and of what is refused."""

import logging
import re
import time
from bisect import bisect_left
from collections.abc import Collection, Iterable
from http import HTTPStatus
from random import getrandbits

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
#: Of the number of requests, of all their seconds, and of each part of the histogram.
_Places = tuple[int, ...]
_FIRST_PART = 2
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
        # Where requests of a method, route and status are counted, once one has come.
        self._places: dict[tuple[bytes, str, bytes], _Places] = {}

    def begin(self, request: Request) -> None:
        """Note that a request is to be answered, and give it an id."""
        self.in_flight += 1
        given = request.header(_ID_HEADER) if self._takes_ids else None
        if given is not None and _SANE_ID.fullmatch(given):
            request.id = given.decode()
        else:
            request.id = f"{getrandbits(64):016x}"  # no secret

    def end(self, request: Request, status: bytes) -> None:
        """Note that it was, with a status that begins with its code, or never will be (`GONE`)."""
        self.in_flight -= 1
        seconds = time.monotonic() - request.arrived_at
        of = (request.method, request.route, status)
        places = self._places.get(of)
        if places is None:
            places = self._places[of] = self._places_of(request, status[:3].decode())
        if places:
            part = places[_FIRST_PART + bisect_left(BUCKETS, seconds)]
            self._tally.add((places[0], 1), (places[1], seconds), (part, 1))
        if access_log.isEnabledFor(logging.INFO):
            _tell(request, status, seconds)

    def _places_of(self, request: Request, status: str) -> "_Places":
        """Return where a request is counted that was answered so; nowhere if it is not."""
        tally, route = self._tally, request.route
        method = "GET" if request.method == b"HEAD" else request.method.decode("latin-1")
        if REQUESTS.key(method, route, status) not in tally:
            method = _OTHER
        key = REQUESTS.key(method, route, status)
        if key not in tally:
            return ()
        of_seconds = (SECONDS.key(method, route, part) for part in (SUM, *PARTS))
        return tuple(map(tally.place, (key, *of_seconds)))

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
