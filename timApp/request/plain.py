"""Errors that are met before Flask has a request, in the form that the caller can read."""

import json
import secrets
from collections.abc import Callable
from html import escape

#: Makes the page for people of a status code and a message, in a language; empty for English.
Page = Callable[[int, str, str], str]

#: What a page says that could not be had just now, and for which the browser asks again.
ASKS_AGAIN = "This page asks again by itself in a few seconds."
#: Seconds over which those spread who do so.
_SPREAD = 6
#: Stands for the message in a page that is made once, and in no page for anything else.
_MESSAGE = "%the-message%"


def refresh_after(seconds: int) -> str:
    """Return the header Refresh of a page that may be asked for again after so many seconds.

    A hall that has met the same does not ask in step.
    """
    return str(seconds + secrets.randbelow(_SPREAD))


def bare_page(status: int, message: str, _language: str) -> str:
    """Return a page that is made without Flask, and looks like that, in English."""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{status}</title><h1>{status}</h1><p>{escape(message)}</p>"
    )


def wants_page(accept: str) -> bool:
    """Tell whether an Accept header asks for a page, without parsing it, which may take long."""
    return "text/html" in accept


class PlainErrors:
    """Makes the bodies of such errors."""

    def __init__(self, page: Page) -> None:
        """Take what makes a page, which is asked once for each status and language."""
        self._page = page
        # Who is refused may have made up the message, and as many as they like.
        self._pages: dict[tuple[int, str], str] = {}

    def body(self, accept: str, status: int, message: str, language: str = "") -> tuple[str, bytes]:
        """Return content type and body: JSON, unless the Accept header asks for a page."""
        if not wants_page(accept):
            return "application/json", json.dumps({"error": message}).encode() + b"\n"
        page = self._pages.get((status, language))
        if page is None:
            page = self._page(status, _MESSAGE, language)
            self._pages[status, language] = page
        return "text/html; charset=utf-8", page.replace(_MESSAGE, escape(message)).encode()
