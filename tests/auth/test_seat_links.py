"""Links that tell a browser at which seat it stands."""

import pytest

from tests.conftest import MakeApp
from tests.site import PASSWORD, Browser, Site
from timApp.auth.site import current_site, db
from timApp.guard.rules.seating import NOWHERE, Seating
from timApp.guard.seats.listing import replace_seats
from timApp.guard.seats.network import read_network

SEAT_COOKIE = "timapp_seat"


def link(site: Site, seat: str) -> str:
    """Return the path of the link to a seat."""
    with site.app.app_context():
        return current_site().seat_links.address("", seat)


def kiosk(site: Site, seat: str) -> Browser:
    """Return a browser that has opened the link to a seat."""
    browser = site.browser()
    answer = browser.get_page(link(site, seat))
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    return browser


def seating(site: Site, name: str) -> Seating:
    """Return where the latest session of somebody began."""
    return max(site.sessions(name).values(), key=lambda one: one.logged_in_at).seating


def list_here(site: Site, network: str, seat: str) -> None:
    """Let that be the only seat in the list."""
    with site.app.app_context():
        replace_seats(db, {read_network(network): seat})
        db.session.commit()


def test_a_kiosk_says_where_it_stands(site: Site) -> None:
    """Whoever logs in in a browser that has opened the link sits there; it is kept and shown."""
    site.add_user("alice")
    browser = kiosk(site, "Rivi 1, Ö 4")
    cookie = browser.client.get_cookie(SEAT_COOKIE)
    assert cookie is not None
    assert (cookie.http_only, cookie.same_site, cookie.path) == (True, "Lax", "/")
    assert cookie.max_age == 400 * 24 * 3600
    assert "Rivi 1, Ö 4" in browser.get_page("/login").text
    browser.log_in("alice")
    assert seating(site, "alice") == Seating("Rivi 1, Ö 4")
    browser.log_out()
    browser.log_in("alice")
    assert seating(site, "alice") == Seating("Rivi 1, Ö 4")


def test_the_form_takes_the_seat_too(site: Site) -> None:
    """Whoever logs in with the page sits where the browser stands; another link moves that."""
    site.app.config["WTF_CSRF_ENABLED"] = False
    site.add_user("alice")
    browser = kiosk(site, "B-14")
    browser.get_page(link(site, "B-15"))
    form = {"username": "alice", "password": PASSWORD}
    assert browser.client.post("/login", data=form).status_code == 302
    assert seating(site, "alice") == Seating("B-15")


@pytest.mark.parametrize(
    ("network", "listed", "expected"),
    [
        ("127.0.0.1", "B-14", Seating("B-14")),
        ("127.0.0.1", "C-3", Seating("B-14", "C-3")),
        ("10.1.0.0/16", "C-3", Seating("B-14", "")),
    ],
)
def test_what_the_list_says_of_the_address_is_kept_beside(
    site: Site, network: str, listed: str, expected: Seating
) -> None:
    """The browser's seat wins, and a list that says otherwise of its address is noted."""
    list_here(site, network, listed)
    site.add_user("alice")
    kiosk(site, "B-14").log_in("alice")
    assert seating(site, "alice") == expected


@pytest.mark.parametrize(
    "change",
    [
        ("seat=B-14", "seat=B-15"),
        ("seat=B-14", "seat=b-14"),
        ("seat=B-14", "seat="),
        ("seat=B-14&", ""),
        ("signature=", "signature=A"),
        ("signature=", "signature=%FF%00"),
        ("&signature=", "&signature=&"),
    ],
)
def test_a_link_that_was_altered_sets_nothing(site: Site, change: tuple[str, str]) -> None:
    """Whatever is changed of a link, the answer is 422 with the reason, and no cookie."""
    browser = site.browser()
    answer = browser.get_page(link(site, "B-14").replace(*change))
    assert answer.status_code == 422
    assert "Set-Cookie" not in answer.headers or SEAT_COOKIE not in answer.headers["Set-Cookie"]
    assert browser.client.get_cookie(SEAT_COOKIE) is None


def test_a_seat_that_another_key_has_signed_is_none(
    database_url: str, site: Site, make_app: MakeApp
) -> None:
    """A link and a cookie of another site are refused, and those of a former key are taken."""
    address = link(site, "B-14")
    cookie = kiosk(site, "B-14").client.get_cookie(SEAT_COOKIE)
    assert cookie is not None
    site.add_user("alice")
    other = Site(make_app(database_url, SECRET_KEY="quite another key"))
    assert other.browser().get_page(address).status_code == 422
    browser = other.browser()
    browser.client.set_cookie(SEAT_COOKIE, cookie.value)
    browser.log_in("alice")
    assert seating(other, "alice") == NOWHERE
    renewed = Site(
        make_app(
            database_url,
            SECRET_KEY="quite another key",
            SECRET_KEY_FALLBACKS=["a key for the tests"],
        )
    )
    assert renewed.browser().get_page(address).status_code == 302
    browser.log_out()
    browser = renewed.browser()
    browser.client.set_cookie(SEAT_COOKIE, cookie.value)
    browser.log_in("alice")
    assert seating(renewed, "alice") == Seating("B-14")


def test_a_kiosk_is_told_its_seat_whoever_is_blocked_there(hall: Site) -> None:
    """The link works in a browser whose session is expired; the list of documents stays closed."""
    browser = hall.blocked()
    assert browser.get_page(link(hall, "B-14")).status_code == 302
    assert browser.client.get_cookie(SEAT_COOKIE) is not None
    assert browser.get_page("/").status_code == 490
    assert seating(hall, "alice") == NOWHERE
    hall.logged_in("supervisor")


def test_two_sites_on_one_host_have_each_their_seat(database_url: str, make_app: MakeApp) -> None:
    """The cookie's name is that of the login cookie, and its path that of the site."""
    site = Site(make_app(database_url, SESSION_COOKIE_NAME="hall", SESSION_COOKIE_SECURE=True))
    answer = site.browser().get_page(link(site, "B-14"), base_url="https://localhost/tim")
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Secure-hall_seat=")
    assert "; Secure; HttpOnly; Path=/tim; SameSite=Lax" in cookie
    assert answer.headers["Location"] == "/tim/"
