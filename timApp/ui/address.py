"""Addresses of this site."""

from urllib.parse import quote

from flask import request

_SAFE_IN_QUERY = "%/:?@!$&'()*+,;=~"


def address_of_request() -> str:
    """Return path and query of the request, as they stand in an address of this site."""
    path = quote(request.root_path.rstrip("/") + request.path)
    query = quote(request.query_string, safe=_SAFE_IN_QUERY)
    return f"{path}?{query}" if query else path
