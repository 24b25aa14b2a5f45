"""What a page says of the login that it was made for, for its script to watch over."""

from dataclasses import dataclass

from flask import Flask, request, url_for

from timApp.auth.visitor import current_standing, current_visitor
from timApp.request.application import home_of_application, offers_logout
from timApp.ui.address import address_before, address_of_request


@dataclass(frozen=True)
class Watched:
    """The login that a page was made for."""

    user_name: str
    #: As the state of the session says it.
    standing: str
    #: Where the page is to be had again.
    address: str


def add_watch(app: Flask) -> None:
    """Let templates ask what their page is made for: the login, and the application around."""
    app.jinja_env.globals.update(offers_logout=offers_logout, home=home_of_application)
    # Not as global ones: pages that are made because the database fails must not ask it.
    app.context_processor(lambda: {"watched": watched, "page_address": page_address})


def page_address() -> str:
    """Return where the page is to be had again.

    A page that answers a change is not: the page from which that was sent stands for it, or the
    site's first one.
    """
    if request.method in {"GET", "HEAD"}:
        return address_of_request()
    return address_before() or url_for("documents.index")


def watched() -> Watched | None:
    """Return the login that the page is made for; None for nobody's."""
    visitor = current_visitor()
    if visitor is None:
        return None
    return Watched(visitor.name, current_standing().value, page_address())
