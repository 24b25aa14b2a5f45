"""Errors that are met before Flask has a request, in the form that the caller can read."""

import json
from collections.abc import Callable
from html import escape

#: Makes the page for people of a status code and a message.
Page = Callable[[int, str], str]

#: Stands for the message in a page that is made once, and in no page for anything else.
_MESSAGE = "%the-message%"


def bare_page(status: int, message: str) -> str:
    """Return a page that is made without Flask, and looks like that."""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{status}</title><h1>{status}</h1><p>{escape(message)}</p>"
    )


class PlainErrors:
    """Makes the bodies of such errors."""

    def __init__(self, page: Page) -> None:
        """Take what makes a page, which is asked once for each status."""
        self._page = page
        # By status: who is refused may have made up the message, and as many as they like.
        self._pages: dict[int, str] = {}

    def body(self, accept: str, status: int, message: str) -> tuple[str, bytes]:
        """Return content type and body: JSON, unless the Accept header asks for a page.

        The header is not parsed, which may take long.
        """
        if "text/html" not in accept:
            return "application/json", json.dumps({"error": message}).encode() + b"\n"
        page = self._pages.get(status)
        if page is None:
            page = self._pages[status] = self._page(status, _MESSAGE)
        return "text/html; charset=utf-8", page.replace(_MESSAGE, escape(message)).encode()
