"""One browser is one device: logins that are repeated, overlap, or lose their answers."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from html import unescape

import pytest
import time_machine
from flask import Flask
from werkzeug.test import TestResponse

from tests.conftest import MakeApp
from tests.site import PASSWORD, Browser, Site
from timApp.util.clock import now

PAGE = {"Accept": "text/html"}
HOLD = {"SESSIONS_AFTER_END": "hold", "SESSIONS_DEVICE": "same"}


@pytest.fixture
def hall(database_url: str, make_app: MakeApp) -> Site:
    """An exam hall where blocks hold."""
    site = Site(make_app(database_url, **HOLD))
    site.add_exam_hall()
    return site


def token_of(page: str) -> str:
    """Return the CSRF token of a page's form."""
    found = re.search(r'name="csrf_token" type="hidden" value="([^"]+)"', page)
    assert found
    return unescape(found[1])


def send(browser: Browser, token: str, username: str = "alice", **fields: str) -> TestResponse:
    """Send the login form with a token."""
    content = {"csrf_token": token, "username": username, "password": PASSWORD, **fields}
    return browser.client.post("/login", data=content, headers=PAGE)


def forget_login(browser: Browser) -> None:
    """Let the browser lose the login cookie, and nothing else: its answer never came."""
    browser.client.delete_cookie("timapp")


def test_a_login_whose_answer_is_lost_blocks_nobody(hall: Site) -> None:
    """Whoever tries again, now or later, is in, with one active session."""
    browser = hall.browser()
    browser.get_page("/login")
    with time_machine.travel(now(), tick=False) as clock:
        for minutes in (0, 0, 1, 5, 20, 300):
            clock.shift(timedelta(minutes=minutes))
            forget_login(browser)
            answer = browser.log_in("alice")
            assert answer.json
            assert answer.json["valid"]
            assert hall.active("alice") == {browser.session_id}
            assert browser.get("/view/exam").status_code == 200
    assert hall.logged_in("alice").get("/view/exam").status_code == 490


def test_logins_of_one_browser_that_overlap_are_one(hall: Site) -> None:
    """Whichever answer comes last, its cookie is good, and there is one active session."""
    browser = hall.browser()
    browser.get_page("/login")
    name = browser.client.get_cookie("timapp_browser")
    assert name is not None

    def log_in(_: int) -> Browser:
        other = hall.browser()
        other.client.set_cookie("timapp_browser", name.value)
        other.log_in("alice")
        return other

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(log_in, range(16)))
    assert len(hall.active("alice")) == 1
    for answer in answers:
        assert answer.get("/view/exam").status_code == 200


def test_the_second_of_two_tabs_goes_on(hall: Site) -> None:
    """Whoever has logged in meanwhile in another tab lands where this one was to go."""
    browser = hall.browser()
    first, second = (token_of(browser.get_page("/login").text) for _ in range(2))
    assert send(browser, first, next="/view/exam").location == "/view/exam"
    answer = send(browser, second, next="/view/exam?again")
    assert (answer.status_code, answer.location) == (302, "/view/exam?again")
    assert len(hall.active("alice")) == 1
    # Not for somebody else, and not out of the site.
    assert send(browser, second, username="supervisor").status_code == 422
    assert send(browser, second, next="//evil.example").location == "/"


def test_somebody_else_sees_who_is_logged_in(hall: Site) -> None:
    """The form says whose login it would end, and does so when it is sent."""
    browser = hall.browser()
    assert "You are logged in as" not in browser.get_page("/login").text
    browser.log_in("alice")
    page = browser.get_page("/login?next=/view/exam").text
    assert "You are logged in as <bdi>Alice</bdi>." in page
    assert 'href="/view/exam"' in page
    assert send(browser, token_of(page), username="supervisor").status_code == 302
    assert hall.active("alice") == set()
    assert len(hall.active("supervisor")) == 1


def test_the_browsers_name_says_nothing_and_cannot_be_made_up(hall: Site) -> None:
    """It is given before anybody logs in, kept from scripts, kept, and believed if it is ours."""
    browser = hall.browser()
    header = browser.get_page("/login").headers.getlist("Set-Cookie")[-1]
    assert header.startswith("timapp_browser=")
    for part in ("HttpOnly", "SameSite=Lax", "Path=/", "Expires="):
        assert part in header
    assert "timapp_browser" not in str(browser.get_page("/login").headers)
    assert browser.log_in("alice").status_code == 200
    browser.log_out()
    stranger = hall.browser()
    stranger.client.set_cookie("timapp_browser", "made-up.name")
    assert stranger.log_in("alice").json["valid"] is False  # type: ignore[index]
    given = stranger.client.get_cookie("timapp_browser")
    assert given is not None
    assert given.value != "made-up.name"


def test_whoever_was_invalidated_does_not_read_on(hall: Site) -> None:
    """With `hold`, logging in again in any browser, as often as one likes, opens nothing."""
    browser = hall.logged_in("alice")
    supervisor = hall.logged_in("supervisor")
    form = {"user": "alice", "session_id": browser.session_id}
    assert supervisor.decide("/supervise/invalidate", data=form).status_code == 200
    for one in (browser, browser, hall.browser(), hall.browser()):
        assert one.log_in("alice").json["valid"] is False  # type: ignore[index]
        page = one.get_page("/view/exam")
        assert page.status_code == 490
        assert "Your login is blocked" in page.text
        assert "no supervisor has verified you since" in page.text
    form = {"user": "alice", "session_id": one.session_id}
    assert supervisor.decide("/supervise/verify", data=form).status_code == 200
    assert one.get_page("/view/exam").status_code == 200


@pytest.mark.parametrize("name", ["timapp", "exam_2-b"])
def test_the_login_cookie_is_called_as_the_site_says(
    sqlite_url: str, make_app: MakeApp, name: str
) -> None:
    """Two sites at two ports of one host have each their own login."""
    site = Site(make_app(sqlite_url, SESSION_COOKIE_NAME=name))
    site.add_user("alice")
    browser = site.logged_in("alice")
    assert browser.client.get_cookie(name) is not None
    assert browser.client.get_cookie(f"{name}_browser") is not None
    assert browser.get("/user/sessions/current").json["valid"] is True  # type: ignore[index]


def test_sites_below_prefixes_have_each_their_own_cookie(
    sqlite_url: str, make_app: MakeApp
) -> None:
    """The cookies of a site below a prefix are sent to that site alone."""
    app: Flask = make_app(sqlite_url, TRUSTED_PROXIES=1)
    Site(app).add_user("alice")
    headers = {"X-Forwarded-Prefix": "/hall", "X-Forwarded-For": "192.0.2.1"}
    body = {"username": "alice", "password": PASSWORD}
    answer = app.test_client().post("/login", json=body, headers=headers)
    cookies = answer.headers.getlist("Set-Cookie")
    assert len(cookies) == 2
    for cookie in cookies:
        assert "Path=/hall" in cookie


def test_whoever_is_idle_is_told_to_log_in_again(database_url: str, make_app: MakeApp) -> None:
    """A page of a login that a clock has ended asks for no supervisor, and shows no code."""
    site = Site(make_app(database_url, SESSIONS_IDLE_END=600, **HOLD))
    site.add_exam_hall()
    with time_machine.travel(now(), tick=False) as clock:
        browser = site.logged_in("alice")
        clock.shift(timedelta(seconds=601))
        page = browser.get_page("/view/exam")
        assert page.status_code == 490
        assert "You have not used this login for a long time" in page.text
        assert 'href="/login?next=/view/exam"' in page.text
        assert "short-code" not in page.text
        assert browser.log_in("alice").json["valid"] is True  # type: ignore[index]


def test_a_program_is_bound_to_the_browser_that_its_first_login_names(hall: Site) -> None:
    """Without a look at the page before, the slot is not to be passed on either."""
    first, second = hall.browser(), hall.browser()
    assert (first.log_in("alice").json or {})["valid"]
    first.log_out()
    assert not (second.log_in("alice").json or {})["valid"]


def test_the_login_cookie_of_another_browser_moves_no_slot(hall: Site) -> None:
    """Whoever has a name of their own, and a copy of somebody's cookie, is a second browser."""
    own, friend = hall.browser(), hall.browser()
    for browser in (own, friend):
        browser.get_page("/login")
    own.log_in("alice")
    cookie = own.client.get_cookie("timapp")
    assert cookie is not None
    friend.client.set_cookie("timapp", cookie.value)
    assert not (friend.log_in("alice").json or {})["valid"]
    assert own.get("/view/exam").status_code == 200
