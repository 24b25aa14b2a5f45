"""Headers that tell browsers what a page of this site may do."""

from flask import Response, request

# Scripts and styles come from this site's files only, so that text which slips into a page as
# HTML stays harmless. Images: documents may show some from elsewhere, Bootstrap has its own in
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


def add_security_headers(response: Response) -> Response:
    """Add the security headers to a response; for `Flask.after_request`.

    Everything but static files is marked ``no-store``, unless its view says otherwise: on a
    shared computer the next person must not find it in the browser, and after an invalidation
    nobody must find it in a cache.
    """
    response.headers["Content-Security-Policy"] = _CONTENT_SECURITY_POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    if not _is_static_file():
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def _is_static_file() -> bool:
    endpoint = request.endpoint or ""
    return endpoint == "static" or endpoint.endswith(".static")
