"""Headers that tell browsers what a page of this site may do."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flask import Response

from timApp.request.inputs import current_request, is_for_static_file

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# Scripts and styles come from this site's files only, so that text which slips into a page as
# HTML stays harmless. Images: documents may show some of other sites, Bootstrap has its own in
# its style sheet (data:).
_CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data: https:",
        "style-src 'self'",
        "object-src 'none'",
        "frame-ancestors 'none'",
        "base-uri 'self'",
        "form-action 'self'",
    )
)

#: What each answer has; no view has these of its own.
SECURITY_HEADERS = (
    ("Content-Security-Policy", _CONTENT_SECURITY_POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
)


def keep_out_of_caches(response: Response) -> Response:
    """Mark everything but static files ``no-store``, unless its view says otherwise.

    For `Flask.after_request`. On a shared computer the next person must not find it in the
    browser, and after an invalidation nobody must find it in a cache.
    """
    headers = response.headers
    if "Cache-Control" not in headers and not is_for_static_file(current_request()):
        headers.add("Cache-Control", "no-store")
    return response


class SecurityHeaders:
    """A WSGI application that adds the security headers to each answer of another.

    Here, where an answer is a list already: as headers of a response they would be checked and
    copied one by one for each request.
    """

    def __init__(self, application: "WSGIApplication") -> None:
        self._application = application

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Let the request be answered."""

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            return start_response(status, [*headers, *SECURITY_HEADERS], exc_info)

        return self._application(environ, start)
