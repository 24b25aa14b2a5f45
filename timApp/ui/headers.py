"""Headers that tell browsers what a page of this site may do."""

from flask import Response, request

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


def add_security_headers(response: Response) -> Response:
    """Add the security headers to a response; for `Flask.after_request`.

    Everything but static files is marked ``no-store``, unless its view says otherwise: on a
    shared computer the next person must not find it in the browser, and after an invalidation
    nobody must find it in a cache.
    """
    headers = response.headers
    for name, value in SECURITY_HEADERS:
        headers.add(name, value)
    if "Cache-Control" not in headers and not _is_static_file():
        headers.add("Cache-Control", "no-store")
    return response


def _is_static_file() -> bool:
    endpoint = request.endpoint or ""
    return endpoint == "static" or endpoint.endswith(".static")
