"""Headers that tell browsers what a page of this site may do."""

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from flask import Response

from timApp.request.guarded import BLOCKED_PATH
from timApp.request.inputs import current_request, is_for_static_file

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

#: Where browsers report what a page was kept from, below the prefix of the site.
REPORT_PATH = "/csp-report"

# Scripts, styles and images come from this site's files only, so that text which slips into a page
# as HTML stays harmless, and no other site learns who reads what. Bootstrap has images of its own
# in its style sheet (data:).
_CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "style-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
    )
)

#: The same file answers for HTTP and HTTPS, and says nothing of either.
_STATIC = "/static/"
_HSTS = "Strict-Transport-Security"


@lru_cache(16)
def security_headers(
    prefix: str = "", *, is_framed: bool = False, led_to: tuple[str, ...] = ()
) -> tuple[tuple[str, str], ...]:
    """Return what each answer has of a site below that prefix; no view has these of its own.

    A page that `is_framed` may stand in a page of the same host. Forms may be `led_to` these
    origins, beside the own one.
    """
    framed_by = "'self'" if is_framed else "'none'"
    targets = " ".join(("form-action 'self'", *led_to))
    policy = f"{_CONTENT_SECURITY_POLICY}; frame-ancestors {framed_by}; {targets}"
    # Browsers that know `report-to` would look at nothing else, and report over HTTPS alone.
    report = f"report-uri {quote(prefix, safe='/')}{REPORT_PATH}"
    return (
        ("Content-Security-Policy", f"{policy}; {report}"),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "same-origin"),
    )


def keep_out_of_caches(response: Response) -> Response:
    """Mark everything but static files ``no-store``, unless its view says otherwise.

    For `Flask.after_request`. On a shared computer the next person must not find it in the
    browser, and after an invalidation nobody must find it in a cache.
    """
    headers = response.headers
    # As a list: for one that is missing, `in` makes an error, which takes longer than all the rest.
    if not headers.getlist("Cache-Control") and not is_for_static_file(current_request()):
        headers.add("Cache-Control", "no-store")
    return response


class SecurityHeaders:
    """A WSGI application that adds the security headers to each answer of another.

    Here, where an answer is a list already: as headers of a response they would be checked and
    copied one by one for each request.
    """

    def __init__(
        self,
        application: "WSGIApplication",
        hsts_seconds: int | None = None,
        led_to: Iterable[str] = (),
    ) -> None:
        """Take the application, and for how long browsers are to come over HTTPS alone, if at all.

        They are told so over HTTPS. `led_to` are the origins of the hosts to which somebody goes on
        from a form of this site, after the login.
        """
        self._application = application
        self._led_to = tuple(led_to)
        self._hsts = [] if hsts_seconds is None else [(_HSTS, f"max-age={hsts_seconds}")]

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Let the request be answered."""

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            is_framed = environ["PATH_INFO"] == BLOCKED_PATH
            prefix = environ.get("SCRIPT_NAME", "")
            headers = [
                *headers,
                *security_headers(prefix, is_framed=is_framed, led_to=self._led_to),
            ]
            if environ["wsgi.url_scheme"] == "https" and _STATIC not in environ["PATH_INFO"]:
                headers += self._hsts
            return start_response(status, headers, exc_info)

        return self._application(environ, start)
