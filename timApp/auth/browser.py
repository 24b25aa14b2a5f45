"""The cookie that names the browser: one browser is one device, whoever logs in with it."""

from flask import current_app, request, session

from timApp.auth.cookie import browser_cookie_name, sent_cookie
from timApp.auth.site import current_guard
from timApp.guard.vocabulary import Place
from timApp.util.text import header_text


def current_device() -> str | None:
    """Return what the browser of the request is known by; None if it has no name yet.

    A name that it is given in this request counts already: so who logs in without one, as a program
    does, is bound to the one that they are given.
    """
    given = session.browser_cookie  # type: ignore[attr-defined]
    cookie = given or sent_cookie(request, browser_cookie_name(current_app))
    return current_guard().cookies.device(cookie) if cookie else None


def name_browser() -> None:
    """Give the browser a name if it has none, so that its next login is known to be its own."""
    if current_device() is None:
        session.browser_cookie = current_guard().cookies.name_browser()  # type: ignore[attr-defined]


def current_place() -> Place:
    """Return where the request comes from."""
    origin = f"[{request.remote_addr}] {header_text(request.user_agent.string)}"
    return Place(origin, request.remote_addr, current_device())
