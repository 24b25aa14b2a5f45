"""The cookie that says at which seat the browser stands; a kiosk gets it by a signed link."""

from flask import current_app, request, session

from timApp.auth.cookie import seat_cookie_name, sent_cookie
from timApp.auth.site import current_guard, current_site


def current_seat() -> str | None:
    """Return the seat that the browser of the request was told; None if it was told none."""
    cookie = sent_cookie(request, seat_cookie_name(current_app))
    return current_guard().cookies.seat(cookie) if cookie else None


def take_seat(seat: str, signature: str) -> None:
    """Tell the browser at which seat it stands, in place of any other that it was told.

    `ForgedSeat` unless a server of this site has signed that; then it is told nothing.
    """
    name = current_site().seat_links.read(seat, signature)
    session.seat_cookie = current_guard().cookies.give_seat(name)  # type: ignore[attr-defined]
