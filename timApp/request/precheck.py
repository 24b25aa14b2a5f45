"""What is refused before any part of the application parses it, by whichever server it comes.

The middleware looks at the head of a request: how much it holds, what proxies say of it, and whom
it is for. It answers by itself, since Flask would already have parsed the cookies, and could make
no page without a host. The body is looked at by the first of what Flask calls before each request.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING

from werkzeug.sansio.utils import host_is_trusted
from yarl import URL

from timApp.request.inputs import current_request, may_have_body
from timApp.request.large import allow_large
from timApp.request.peer import PEER
from timApp.request.plain import PlainErrors, bare_page
from timApp.request.proxies import Proxies
from timApp.util.errors import BadRequest, TimError
from timApp.util.limits import check_address, check_body, check_headers
from timApp.util.text import quoted

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

#: By these names whoever sits at the machine asks, and what looks whether the site is alive.
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
#: Characters of a name of the DNS, and of a port.
_HOST_MAX = 253 + 6
#: Here reverse proxies ask about other hosts.
_GATE = ("/gate/nginx", "/gate/refused", "/gate/forward", "/gate/envoy/")
#: Where it does not matter by which name the site is asked. No link is made there: files are the
#: same for everybody, the state of a session is that of the cookie, what other servers ask is
#: signed for SITE_URL, whatever a proxy has made of the Host header, and the gate is asked about
#: other hosts. What watches the site asks by an address, mostly.
_ANY_HOST = (
    "/static/",
    "/bootstrap/static/",
    "/healthz",
    "/readyz",
    "/metrics",
    "/hosts/",
    "/user/sessions/current",
    "/user/sessions/state",
    "/user/sessions/verify",
    "/user/sessions/invalidate",
    *_GATE,
)


@dataclass(frozen=True)
class TrustedHosts:
    """The names by which a site may be asked."""

    #: In small letters and in ASCII, IPv6 addresses in brackets; None means any.
    names: frozenset[str] | None
    #: What comes after any name, each with a dot at its start.
    domains: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, option: Collection[str] | None, site_url: str | None, guarded: Iterable[str] = ()
    ) -> "TrustedHosts":
        """Return those of the option; without it that of SITE_URL, and the machine's for itself.

        And those that are `guarded`, by their origins: the site may stand below a path of them.
        """
        hosts = {URL(origin).host_subcomponent or "" for origin in guarded}
        if option is None:
            host = site_url and URL(site_url).host_subcomponent
            return cls(frozenset((host, *LOOPBACK, *hosts)) if host else None)
        names = [_ascii_name(name) for name in option if not name.startswith(".")]
        domains = [f".{_ascii_name(name[1:])}" for name in option if name.startswith(".")]
        return cls(frozenset((*names, *hosts)), tuple(domains))

    def has(self, host: str) -> bool:
        """Tell whether a well-formed Host header has one of the names, with whatever port.

        As with werkzeug's `host_is_trusted`, which knows no IPv6 addresses in its list, a domain
        stands for itself, too. A dot at the end changes nothing: so a name is written in full.
        """
        if self.names is None:
            return True
        end = host.find("]") + 1 or host.find(":")
        name = (host if end < 0 else host[:end]).lower().removesuffix(".")
        return name in self.names or f".{name}".endswith(self.domains)


def _ascii_name(name: str) -> str:
    name = name.removesuffix(".")
    return URL.build(scheme="http", host=name.strip("[]")).host_subcomponent or name


def check_host(environ: "WSGIEnvironment", trusted: TrustedHosts) -> None:
    """Raise `BadRequest` for a Host header that is none, and for a host that is not trusted."""
    host = environ.get("HTTP_HOST")
    if host is None:  # HTTP/1.0; then the server's own name is taken
        return
    # Two headers have become one with a comma, in which no host is.
    check_named_host(host)
    if not trusted.has(host) and not environ.get("PATH_INFO", "").startswith(_ANY_HOST):
        raise BadRequest(
            "This site is not called %(host)s. If it is, its option TRUSTED_HOSTS has to say so.",
            host=quoted(host),
        )


def check_named_host(host: str) -> None:
    """Raise `BadRequest` for a Host header that is none, whoever is trusted."""
    # What is longer is no name, and would take long to look at.
    if len(host) > _HOST_MAX or not _is_host(host):
        raise BadRequest("The Host header %(host)s names no host.", host=quoted(host))


def check_body_of_request(is_known: Callable[[], bool]) -> None:
    """Raise `timApp.util.limits.TooMuchContent` for a body that is not to be parsed.

    For `Flask.before_request`, before anything reads a form. `is_known` tells whether the sender
    has a cookie of the site: only those may send a large one.
    """
    asked = current_request()
    if may_have_body(asked):
        if is_known():
            allow_large(asked)
        check_body(asked.environ.get("CONTENT_TYPE", ""), asked.get_data(cache=True))


@lru_cache(1024)
def _is_host(host: str) -> bool:
    """Tell whether a Host header is well-formed, and no label is empty or too long.

    For one with such a label Flask could make no page.
    """
    try:
        return host_is_trusted(host) and bool(host.encode("idna"))
    except UnicodeError:
        return False


class Precheck:
    """A WSGI application that hands on what `prepare` lets pass, and refuses the rest.

    With JSON, or with a page for those who ask for one.
    """

    def __init__(
        self, application: "WSGIApplication", proxies: Proxies, trusted: TrustedHosts
    ) -> None:
        self._application = application
        self._proxies = proxies
        self._trusted = trusted
        self._errors = PlainErrors(bare_page)

    def prepare(self, environ: "WSGIEnvironment") -> None:
        """Check the head of a request, and let it be as the visitor has made it.

        Address, scheme, host and prefix are then what the trusted proxies tell. `HeadersTooLarge`
        and `AddressTooLong` of `timApp.util.limits`; `BadRequest` for the host. To do
        so twice finds the same.
        """
        check_headers(environ)
        environ.setdefault(PEER, environ.get("REMOTE_ADDR", ""))
        self._proxies.apply(environ)
        check_address(
            environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", ""),
            environ.get("QUERY_STRING", ""),
        )
        check_host(environ, self._trusted)
        if environ.get("PATH_INFO", "").startswith(_GATE):
            # It is the other host that somebody wants to speak another protocol with; Flask would
            # take the question itself for a websocket, and refuse it. And it is the other host that
            # is asked by some method, which a proxy may hand on: the question is the same by any.
            environ.pop("HTTP_UPGRADE", None)
            environ["REQUEST_METHOD"] = "GET"

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer the request, or let it be answered."""
        try:
            self.prepare(environ)
        except TimError as error:
            accept = environ.get("HTTP_ACCEPT", "")
            kind, body = self._errors.body(accept, error.status, error.message)
            status = HTTPStatus(error.status)
            start_response(
                f"{status.value} {status.phrase}",
                [
                    ("Content-Type", kind),
                    ("Content-Length", str(len(body))),
                    ("Cache-Control", "no-store"),
                ],
            )
            return [b"" if environ.get("REQUEST_METHOD") == "HEAD" else body]
        return self._application(environ, start_response)
