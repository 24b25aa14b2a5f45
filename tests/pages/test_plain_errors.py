"""Errors that are met before Flask has a request."""

from functools import partial
from html import escape

from flask import Flask

from timApp.request.plain import PlainErrors, bare_page
from timApp.ui.errors import plain_page


def test_a_message_stands_in_the_page_as_it_is(app: Flask) -> None:
    """Whoever is refused may have made it up: it is text, each time another one, and no markup."""
    for errors in (PlainErrors(partial(plain_page, app)), PlainErrors(bare_page)):
        for message in ("<b>one</b>", 'two & "three"', "%the-message%"):
            kind, body = errors.body("text/html", 400, message)
            assert kind == "text/html; charset=utf-8"
            page = body.decode()
            assert "400" in page
            assert page.count(f">{escape(message)}</") == 1
            assert "<b>" not in page


def test_programs_get_json() -> None:
    """Whoever does not ask for a page gets what other errors of the site look like."""
    errors = PlainErrors(bare_page)
    assert errors.body("*/*", 400, 'a "b"') == ("application/json", b'{"error": "a \\"b\\""}\n')
