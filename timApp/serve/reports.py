"""Reports of browsers that a page broke its Content-Security-Policy: a line in the log.

Anybody may send one, and as many as they like. So nothing is kept, little is read, a worker writes
one line in a while and says how many more there were, and no line has more than a few words of it.
"""

import json
import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from timApp.request.masked import masked_path
from timApp.serve.http.message import Answer, Headers, Request, status_line
from timApp.serve.http.refusal import Refusals
from timApp.ui.headers import REPORT_PATH
from timApp.util.repeats import Repeats
from timApp.util.text import quoted

_log = logging.getLogger(__name__)

REPORT_TARGET = REPORT_PATH.encode()
#: Bytes of the largest report that is read.
_REPORT_MAX = 16_384
#: Characters of a directive, and of what was blocked, that are told.
_WORD_MAX = 80
#: Seconds between two lines of a worker.
_PAUSE = 60.0


class Reports:
    """Takes them; for the loop's thread."""

    def __init__(self, headers: Headers, refusals: Refusals) -> None:
        self._taken = Answer(status_line(204), headers)
        self._refusals = refusals
        self._told = Repeats(_PAUSE)

    def answer(self, request: Request) -> Answer:
        """Return the answer to a report: 204, 413 for one that is too long, 400 for none at all."""
        if len(request.body) > _REPORT_MAX:
            return self._refusals.answer(413, request)
        violation = _violation_in(request.body)
        if violation is None:
            return self._refusals.answer(400, request, message="This is no report of a violation.")
        untold = self._told.to_tell("violation")
        if untold is not None:
            _log.warning("A browser says that a page broke its policy: %s%s", violation, untold)
        return self._taken


def _violation_in(body: bytes) -> str | None:
    """Return a report in words; None for what is none.

    Its form is that of ``report-uri``, or a list of those of the Reporting API, of which the first
    is told. Source: CSP level 3, 5.2 and 5.3.
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if isinstance(found, list):
        found = found[0] if found else None
    report = found.get("csp-report", found.get("body")) if isinstance(found, Mapping) else None
    if not isinstance(report, Mapping):
        return None
    directive = _word(report, "effective-directive", "effectiveDirective", "violated-directive")
    blocked = _origin_of(_word(report, "blocked-uri", "blockedURL"))
    page = _path_of(_word(report, "document-uri", "documentURL"))
    return f"{quoted(directive)} kept {quoted(blocked)} from {page}"


def _word(report: Mapping[str, Any], *names: str) -> str:
    found = next((report[name] for name in names if isinstance(report.get(name), str)), "")
    return str(found)


def _origin_of(address: str) -> str:
    """Return scheme and host, or the word that a browser has for what is no address."""
    scheme, separator, rest = address.partition("://")
    host = rest.partition("/")[0].rpartition("@")[2] if separator else ""
    return f"{scheme}{separator}{host}"[:_WORD_MAX]


def _path_of(address: str) -> str:
    try:
        return masked_path(None, urlsplit(address).path or "/")[:_WORD_MAX]
    except ValueError:
        return "/"
