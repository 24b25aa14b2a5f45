"""What a proxy asks the gate about; each kind of proxy has headers of its own.

A client can send the headers of the others, and no proxy takes them away: so each address of the
gate believes those of its own kind alone, which that kind of proxy sets itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlsplit

#: Says what a header is, by its name in small letters; None if it is not there, or there twice.
Header = Callable[[str], str | None]

#: Where the gate is, by the kind of proxy.
NGINX_PATH, FORWARD_PATH, ENVOY_PATH = "/gate/nginx", "/gate/forward", "/gate/envoy"
_PAGE = "text/html"


class Kind(Enum):
    """How a request came about."""

    #: Somebody goes to a page: they can be led elsewhere.
    NAVIGATION = "navigation"
    #: A script, a picture, a program: a page in its place would be of no use.
    FETCH = "fetch"


@dataclass(frozen=True)
class Asked:
    """What somebody wants of a guarded host."""

    #: The whole address, as the proxy has it.
    address: str
    #: Its path, as it was sent, without the query.
    path: str
    kind: Kind


def read_nginx(header: Header) -> Asked | None:
    """Return what nginx asks about; None if it does not say."""
    return _asked(header("x-original-url"), header)


def read_forward(header: Header) -> Asked | None:
    """Return what Caddy or Traefik asks about; None if it does not say."""
    scheme, host = header("x-forwarded-proto"), header("x-forwarded-host")
    uri = header("x-forwarded-uri")
    if not scheme or not host or not uri or uri[:1] != "/":
        return None
    # A websocket is asked for at the address that its page has.
    scheme = {"ws": "http", "wss": "https"}.get(scheme, scheme)
    return _asked(f"{scheme}://{host}{uri}", header)


def read_envoy(header: Header, target: str, scheme: str) -> Asked | None:
    """Return what Envoy asks about: the target behind its prefix, at the host of the request.

    `scheme` is how the request came, as the site's trusted proxies say.
    """
    host = header("host")
    if not host or not target.startswith("/"):
        return None
    return _asked(f"{scheme}://{host}{target}", header)


def _asked(address: str | None, header: Header) -> Asked | None:
    # What comes behind a "#" is no part of an address for us, and a part of the path for others.
    if not address or "#" in address:
        return None
    try:
        path = urlsplit(address).path
    except ValueError:
        return None
    return Asked(address, path or "/", _kind(header))


def _kind(header: Header) -> Kind:
    """Return how the request came about, as browsers say it; as it looks, for others."""
    mode = header("sec-fetch-mode")
    if mode is None:
        is_page = _PAGE in (header("accept") or "").lower()
        is_upgrade = "websocket" in (header("upgrade") or "").lower()
        return Kind.NAVIGATION if is_page and not is_upgrade else Kind.FETCH
    return Kind.NAVIGATION if mode == "navigate" else Kind.FETCH
