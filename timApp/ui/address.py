"""Addresses of this site."""

from urllib.parse import quote, urlsplit

from flask import request

from timApp.request.local import local_address

_SAFE_IN_QUERY = "%/:?@!$&'()*+,;=~"


def address_of_request() -> str:
    """Return path and query of the request, as they stand in an address of this site."""
    path = quote(request.root_path.rstrip("/") + request.path)
    query = quote(request.query_string, safe=_SAFE_IN_QUERY)
    return f"{path}?{query}" if query else path


def address_before() -> str | None:
    """Return path and query of the page of this site from which the request came, if it says so."""
    before = urlsplit(request.referrer or "")
    if before.netloc != request.host:
        return None
    return local_address(before._replace(scheme="", netloc="", fragment="").geturl())
