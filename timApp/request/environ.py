"""Headers as a WSGI environment has them. Source: PEP 3333."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from timApp.request.peer import REPEATED

#: Those that are between two neighbours, or that a server has dealt with. `Proxy` would become the
#: variable by which programs are told of a proxy.
_NOT_PASSED_ON = frozenset(
    (
        b"connection content-length expect keep-alive proxy proxy-authenticate proxy-authorization"
        b" proxy-connection te trailer transfer-encoding upgrade"
    ).split()
)
_CONTENT_TYPE = "CONTENT_TYPE"
#: Names of headers that are worked out once, and how many bytes those have: whoever asks may make
#: up as many and as long ones as they like.
_NAMES, _NAME_MAX = 1000, 64


def add_headers(environ: dict[str, Any], headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Add the headers of a request, whose names are in small letters.

    Those that come more than once are joined, and named under `REPEATED`.
    """
    for name, value in headers:
        key = _known_key(name) if len(name) <= _NAME_MAX else _key(name)
        if key is None:
            continue
        text = value.decode("latin-1")
        if key in environ and key != _CONTENT_TYPE:
            text = environ[key] + ("; " if name == b"cookie" else ",") + text
            environ.setdefault(REPEATED, set()).add(key)
        environ[key] = text


def environ_key(name: str) -> str:
    """Return by what a header is found in an environment."""
    return "HTTP_" + name.upper().replace("-", "_")


def _key(name: bytes) -> str | None:
    """Return how WSGI calls a header; None for one that is not passed on."""
    if name == b"content-type":
        return _CONTENT_TYPE
    if name in _NOT_PASSED_ON or b"_" in name:
        return None  # with an underscore it would pass for the one with a hyphen
    return environ_key(name.decode("latin-1"))


_known_key = lru_cache(_NAMES)(_key)
