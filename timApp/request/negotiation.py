"""In which form the caller of a request wants its answer."""

from flask import request

_PAGE_TYPES = frozenset({"text/html", "application/xhtml+xml"})


def wants_json() -> bool:
    """Tell whether the current request is to be answered with JSON rather than with a page.

    A page is for those who ask for one: whose Accept header names HTML, and does not like JSON
    better. Everybody else (no header, ``*/*``) is a program. Needs a request context.
    """
    accepted = request.accept_mimetypes
    page_quality = max(
        (quality for name, quality in accepted if _bare(name) in _PAGE_TYPES), default=0.0
    )
    return page_quality == 0 or page_quality < accepted.quality("application/json")


def _bare(mime_type: str) -> str:
    return mime_type.partition(";")[0].strip().lower()
