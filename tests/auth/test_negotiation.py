"""Who gets a page, and who gets JSON."""

import pytest
from flask import Flask

from timApp.request.negotiation import wants_json

FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, True),
        ("", True),
        ("*/*", True),
        ("application/json", True),
        ("application/json, text/plain, */*", True),
        ("text/*", True),
        ("text/html;q=0", True),
        ("text/html;q=0.5, application/json", True),
        ("text/html;q=0.5, */*", True),
        ("nonsense", True),
        (FIREFOX, False),
        ("text/html", False),
        ("TEXT/HTML;charset=utf-8", False),
        ("application/xhtml+xml", False),
        ("text/html, application/json", False),
        ("application/json;q=0.9, text/html;q=0.9", False),
    ],
)
def test_a_page_is_for_those_who_name_html(accept: str | None, expected: bool) -> None:
    """JSON is the answer unless HTML is asked for by name, and liked no less than JSON."""
    headers = {} if accept is None else {"Accept": accept}
    with Flask("test").test_request_context(headers=headers):
        assert wants_json() is expected
