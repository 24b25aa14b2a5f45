"""Which views take more in a body than others: those to which files are sent.

A large body takes memory before anybody has looked who sent it. So a view says that it takes one
(`takes_large`), only whoever brings a cookie that the site has signed may send it, and whatever
reads bodies asks here: Flask for each request, and the front for its list of addresses.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from flask import Flask, Request

from timApp.request.inputs import current_view

_View = TypeVar("_View", bound=Callable[..., object])

_MARK = "_large_body"


@dataclass(frozen=True)
class LargeBody:
    """What a view takes at most."""

    #: Bytes of the body.
    size: int
    #: Fields and files in it.
    parts: int


def takes_large(size: int, parts: int) -> Callable[[_View], _View]:
    """Let a view take a body of so many bytes, a form with so many fields and files.

    Its address has no variables: the front knows it by heart.
    """

    def mark(view: _View) -> _View:
        setattr(view, _MARK, LargeBody(size, parts))
        return view

    return mark


def allow_large(asked: Request) -> None:
    """Let a request whose bearer is known be as large as its view takes."""
    large: LargeBody | None = getattr(current_view(), _MARK, None)
    if large is not None:
        asked.max_content_length = max(large.size, asked.max_content_length or 0)
        asked.max_form_parts = large.parts


def large_routes(app: Flask) -> Mapping[tuple[bytes, bytes], int]:
    """Return how many bytes are taken, by method and path, where that is more than elsewhere."""
    found: dict[tuple[bytes, bytes], int] = {}
    for rule in app.url_map.iter_rules():
        large: LargeBody | None = getattr(app.view_functions.get(rule.endpoint), _MARK, None)
        if large is not None and large.size > app.config["MAX_CONTENT_LENGTH"]:
            for method in (rule.methods or set()) - {"GET", "HEAD", "OPTIONS"}:
                found[method.encode(), rule.rule.encode()] = large.size
    return found
