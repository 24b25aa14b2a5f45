"""The first line of a request: what it asks for, in each of the forms that HTTP has for it.

For a server that reads requests itself. Source: RFC 9112, section 3.2.
"""

import re
from dataclasses import dataclass

from timApp.util.errors import BadRequest

_ABSOLUTE = re.compile(r"https?://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Target:
    """What a request asks for; each character is a byte, still in percent encoding."""

    path: str
    #: What comes after the question mark.
    query: str
    #: The host, with its port; None if the target has none, and the Host header says it.
    host: str | None = None


def read_target(text: str) -> Target:
    """Return what the target of a request asks for, which has no blanks.

    A whole URL, as proxies are asked for, is taken: its host is meant, whatever the Host header
    says. `BadRequest` for what is neither that nor a path: ``*``, a host alone, another scheme, and
    for a fragment, which browsers keep to themselves.
    """
    found = _ABSOLUTE.fullmatch(text)
    host, rest = (found[1], found[2]) if found else (None, text)
    if found and not rest.startswith("/"):
        rest = f"/{rest}"
    if not rest.startswith("/") or "#" in rest or host == "":
        raise BadRequest("The request asks for neither a path nor a URL of this site.")
    path, _, query = rest.partition("?")
    return Target(path, query, host)


def host_of_request(target: Target, host_headers: list[str]) -> str | None:
    """Return the host that a request is for; None if it names none, as HTTP/1.0 may.

    `BadRequest` for several Host headers, be they the same. Whether it is a host, and one of the
    site's, is said by `timApp.auth.precheck.check_host`.
    """
    if len(host_headers) > 1:
        raise BadRequest("The request has several Host headers.")
    if target.host is not None:
        return target.host
    return host_headers[0] if host_headers else None
