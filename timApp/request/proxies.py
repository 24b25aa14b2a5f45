"""Lets the application see a request as the visitor made it, who came through proxies."""

import logging
from functools import lru_cache
from typing import TYPE_CHECKING

from timApp.request.environ import environ_key
from timApp.util.forwarded import ProxyHeaders, Visit, read_visit

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_log = logging.getLogger(__name__)

#: What is read, by the names that WSGI has for the headers.
_HEADERS = {
    environ_key(name): name
    for name in (
        "forwarded",
        "host",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-prefix",
        "x-forwarded-proto",
    )
}


#: Visitors of whom a process remembers what the proxies tell, as they come again and again, and how
#: long that may be, in bytes.
_REMEMBERED, _REMEMBERED_LENGTH = 4096, 512


class Proxies:
    """The proxies in front of a site, as many as it says, which are believed."""

    def __init__(self, count: int, kind: ProxyHeaders = ProxyHeaders.X_FORWARDED) -> None:
        self._count = count
        self._kind = kind
        self._told: set[str] = set()
        self._read_again = lru_cache(_REMEMBERED)(self._read)

    def apply(self, environ: "WSGIEnvironment") -> None:
        """Put what the proxies tell into the environ: address, scheme, host and prefix.

        What does not fit the number of proxies is told in the log: one line for each way in which
        it does not, at the first such request of this process.
        """
        values = tuple(map(environ.get, _HEADERS))
        is_short = len("".join(filter(None, values))) <= _REMEMBERED_LENGTH
        visit = self._read_again(values) if is_short else self._read(values)
        self._tell(visit)
        if visit.address is not None:
            environ["REMOTE_ADDR"] = visit.address
        if visit.scheme is not None:
            environ["wsgi.url_scheme"] = visit.scheme
        if visit.host is not None:
            environ["HTTP_HOST"] = visit.host
        if visit.prefix is not None:
            environ["SCRIPT_NAME"] = visit.prefix

    def _read(self, values: tuple[str | None, ...]) -> Visit:
        found = zip(_HEADERS.values(), values, strict=True)
        headers = {name: value for name, value in found if value is not None}
        return read_visit(headers, self._count, self._kind)

    def _tell(self, visit: Visit) -> None:
        if visit.misfit is None:
            return
        # The numbers are the visitor's to choose; each sentence counts once whatever they are.
        key = "".join(char for char in visit.misfit if not char.isdigit())
        if key not in self._told:
            self._told.add(key)
            _log.warning("%s (This is told once.)", visit.misfit)
