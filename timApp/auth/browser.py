"""The cookie that names the browser: one browser is one device, whoever logs in with it."""

from flask import current_app, request, session

from timApp.auth.cookie import browser_cookie_name
from timApp.auth.site import current_guard


def current_device() -> str | None:
    """Return what the browser of the request is known by; None if it has no name yet."""
    cookie = request.cookies.get(browser_cookie_name(current_app))
    return current_guard().cookies.device(cookie) if cookie else None


def name_browser() -> None:
    """Give the browser a name if it has none, so that its next login is known to be its own."""
    if current_device() is None:
        session.browser_cookie = current_guard().cookies.name_browser()  # type: ignore[attr-defined]
