"""Over HTTPS cookies have names that nobody else can set, and whoever was logged in stays so."""

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.conftest import MakeApp
from tests.site import PASSWORD, Browser, Site

HTTPS = "https://localhost"
LOGIN = {"username": "alice", "password": PASSWORD}


@pytest.fixture
def app(sqlite_url: str, make_app: MakeApp) -> Flask:
    """A site behind a proxy, which tells of HTTPS and of a prefix."""
    return make_app(sqlite_url)


def set_by(answer: TestResponse) -> dict[str, str]:
    """Return the attributes of the cookies that an answer sets, by name."""
    lines = answer.headers.getlist("Set-Cookie")
    return {line.partition("=")[0]: line.partition(";")[2] for line in lines}


def cookie_of(answer: TestResponse, name: str) -> str:
    """Return the cookie of that name as a header of a request."""
    lines = answer.headers.getlist("Set-Cookie")
    return next(line.partition(";")[0] for line in lines if line.startswith(f"{name}="))


def asks(site: Site, cookie: str, path: str = "/view/exam") -> TestResponse:
    """Ask over HTTPS with that header."""
    client = site.app.test_client(use_cookies=False)
    return client.get(path, base_url=HTTPS, headers={"Cookie": cookie})


def test_below_a_prefix_the_name_is_for_https_alone(hall: Site) -> None:
    """A cookie for a path cannot be one of the host, whose path is the root."""
    answer = hall.browser().client.post("/login", json=LOGIN, base_url=f"{HTTPS}/tim")
    assert set(set_by(answer)) == {"__Secure-timapp", "__Secure-timapp_browser"}
    assert "Path=/tim" in set_by(answer)["__Secure-timapp"]
    assert asks(hall, cookie_of(answer, "__Secure-timapp")).status_code == 200


def test_a_name_of_the_options_that_has_a_prefix_keeps_it(
    sqlite_url: str, make_app: MakeApp
) -> None:
    """Whoever has given the cookie such a name by hand gets no other one."""
    site = Site(make_app(sqlite_url, SESSION_COOKIE_NAME="__Host-hall", SESSION_COOKIE_SECURE=True))
    site.add_exam_hall()
    answer = site.browser().client.post("/login", json=LOGIN, base_url=HTTPS)
    assert set(set_by(answer)) == {"__Host-hall", "__Host-hall_browser"}
    assert asks(site, cookie_of(answer, "__Host-hall")).status_code == 200


def test_who_was_logged_in_before_the_upgrade_stays_so_and_moves(hall: Site) -> None:
    """A cookie with the bare name counts; once it is renewed it has the new one, and goes."""
    answer = hall.browser().client.post("/login", json=LOGIN)  # over HTTP, as it was called before
    bare = cookie_of(answer, "timapp")
    assert asks(hall, bare).status_code == 200
    again = hall.app.test_client(use_cookies=False).post(
        "/login", json=LOGIN, base_url=HTTPS, headers={"Cookie": bare}
    )
    set_now = set_by(again)
    assert "__Host-timapp" in set_now
    assert "Expires=Thu, 01 Jan 1970" in set_now["timapp"]
    both = f"{cookie_of(again, '__Host-timapp')}; {bare}"
    state = asks(hall, both, "/user/sessions/state").json
    assert state is not None
    assert again.json is not None
    assert state["sessionId"] == again.json["sessionId"]


def test_the_name_that_others_cannot_set_counts(hall: Site) -> None:
    """Beside it, what somebody has put there under another name is not looked at."""
    hall.add_user("mallory")
    own = hall.browser().client.post("/login", json=LOGIN, base_url=HTTPS)
    others = hall.browser().client.post("/login", json=LOGIN | {"username": "mallory"})
    planted = cookie_of(others, "timapp")
    for cookies in (
        f"{cookie_of(own, '__Host-timapp')}; {planted}",
        f"{planted}; __Secure-{planted}; {cookie_of(own, '__Host-timapp')}",
    ):
        answer = asks(hall, cookies, "/user/sessions/state")
        assert answer.json is not None
        assert answer.json["username"] == "alice"


def test_logging_out_leaves_no_cookie_of_any_name(hall: Site) -> None:
    """Neither the cookie of now nor that of before stays in the browser."""
    browser = Browser(hall.app.test_client(use_cookies=False))
    first = hall.browser().client.post("/login", json=LOGIN)
    second = hall.browser().client.post("/login", json=LOGIN, base_url=HTTPS)
    assert second.json is not None
    cookies = f"{cookie_of(second, '__Host-timapp')}; {cookie_of(first, 'timapp')}"
    answer = browser.client.post(
        "/logout",
        base_url=HTTPS,
        headers={"Cookie": cookies, "X-CSRFToken": second.json["csrfToken"]},
    )
    assert answer.status_code == 200
    for name in ("__Host-timapp", "timapp"):
        assert "Expires=Thu, 01 Jan 1970" in set_by(answer)[name]
