"""What tests read of pages and answers of a real server."""

import re

import httpx


def token_of(page: httpx.Response) -> str:
    """Return the CSRF token of a page."""
    found = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', page.text)
    assert found is not None
    return found[1]


def standing(browser: httpx.Client) -> tuple[str | None, str]:
    """Return whose login a browser has, and how it stands."""
    state = browser.get("/user/sessions/state").json()
    return state["username"], state["standing"]
