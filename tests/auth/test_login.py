"""Logging in and out."""

import logging
import re
from datetime import timedelta
from html import unescape
from urllib.parse import quote

import pytest
import sqlalchemy as sa
import time_machine
from argon2 import PasswordHasher
from flask import Request
from flask.sessions import SecureCookieSessionInterface
from werkzeug.test import EnvironBuilder, TestResponse

from tests.conftest import MakeApp
from tests.site import PASSWORD, Browser, Site
from timApp.auth.site import db
from timApp.user.user import User
from timApp.util.clock import CLOCK_LEEWAY, now

TOKEN = re.compile(r'name="csrf_token" type="hidden" value="([^"]+)"')
PAGE = {"Accept": "text/html"}


@pytest.fixture
def alone(sqlite_url: str, make_app: MakeApp) -> Site:
    """A site with one person, for promises that have nothing to do with the database."""
    site = Site(make_app(sqlite_url))
    site.add_user("alice")
    return site


def token_in(response: TestResponse) -> str:
    """Return the CSRF token of a page's form."""
    found = TOKEN.search(response.text)
    assert found is not None
    return unescape(found[1])


def log_in_with_form(
    browser: Browser, username: str = "alice", password: str = PASSWORD, **fields: str
) -> TestResponse:
    """Log in as a person does: open the page and send its form."""
    token = token_in(browser.get_page("/login"))
    content = {"csrf_token": token, "username": username, "password": password, **fields}
    return browser.client.post("/login", data=content, headers=PAGE)


def stored(site: Site) -> tuple[int, int]:
    """Return how many sessions and changes there are."""
    return len(site.sessions("alice")), len(site.changes())


# Two ways in


def test_a_json_login_answers_with_name_session_validity_and_token(site: Site) -> None:
    """The answer holds exactly what is laid down; over the limit the session is not valid."""
    site.add_user("alice")
    for is_valid in (True, False):
        browser = site.browser()
        answer = browser.log_in("alice")
        assert answer.status_code == 200
        assert answer.json
        assert set(answer.json) == {"username", "sessionId", "valid", "csrfToken"}
        assert (answer.json["username"], answer.json["valid"]) == ("alice", is_valid)
        assert answer.json["sessionId"] in site.sessions("alice")
        assert answer.headers["Cache-Control"] == "no-store"


def test_a_form_login_leads_to_the_documents(site: Site) -> None:
    """The right name and password open a session and lead to the start page."""
    site.add_user("alice")
    browser = site.browser()
    answer = log_in_with_form(browser)
    assert (answer.status_code, answer.location) == (302, "/")
    assert browser.get_page("/").status_code == 200
    assert len(site.active("alice")) == 1


def test_a_json_login_needs_no_token_and_gives_one_that_works(alone: Site) -> None:
    """The token of the answer is good for changes with the new cookie, here the logout."""
    browser = alone.logged_in("alice")
    assert browser.client.post("/logout").status_code == 400
    assert alone.active("alice") == {browser.session_id}
    assert browser.log_out().status_code == 200
    assert alone.active("alice") == set()


def test_the_token_of_one_browser_does_not_work_in_another(alone: Site) -> None:
    """A token belongs to the cookie that it was given with."""
    mine, other = alone.logged_in("alice"), alone.logged_in("alice")
    headers = {"X-CSRFToken": other.csrf_token}
    assert mine.client.post("/logout", headers=headers).status_code == 400
    assert alone.sessions("alice")[mine.session_id].logged_out_at is None


def test_a_form_login_needs_the_token_of_its_page(alone: Site) -> None:
    """A form from another site, without the page's token, logs nobody in."""
    credentials = {"username": "alice", "password": PASSWORD}
    for content in (credentials, {**credentials, "csrf_token": "guessed"}):
        for headers in (PAGE, {}):
            browser = alone.browser()
            browser.get_page("/login")
            answer = browser.client.post("/login", data=content, headers=headers)
            assert answer.status_code == 422
    assert stored(alone) == (0, 0)


def test_json_as_a_form_could_send_it_logs_nobody_in(alone: Site) -> None:
    """JSON that does not say it is JSON, which another site's form could send, is refused."""
    body = f'{{"username": "alice", "password": "{PASSWORD}"}}'
    for content_type in ("text/plain", "application/x-www-form-urlencoded", None):
        answer = alone.browser().client.post("/login", data=body, content_type=content_type)
        assert 400 <= answer.status_code < 500
    assert stored(alone) == (0, 0)


def test_logging_out_by_form_leads_to_the_login(alone: Site) -> None:
    """A person's logout ends at the login page; when nobody is logged in, it does so as well."""
    browser = alone.browser()
    log_in_with_form(browser)
    for _ in range(2):
        token = token_in(browser.get_page("/login"))
        answer = browser.client.post("/logout", data={"csrf_token": token}, headers=PAGE)
        assert (answer.status_code, answer.location) == (302, "/login")
    assert alone.active("alice") == set()
    assert stored(alone) == (1, 2)


# What is wrong


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(site: Site) -> None:
    """Neither program nor person can tell from the answer which names exist."""
    site.add_user("alice")
    for password in ("wrong", PASSWORD + " ", PASSWORD.upper()):
        known = site.browser().log_in("alice", password)
        unknown = site.browser().log_in("malory", password)
        assert known.status_code == unknown.status_code == 403
        assert known.json == unknown.json == {"error": "Wrong user name or password."}
    pages = []
    for name in ("alice", "malory"):
        answer = log_in_with_form(site.browser(), name, "wrong")
        assert answer.status_code == 403
        pages.append(TOKEN.sub("", answer.text).replace(f'value="{name}"', ""))
    assert pages[0] == pages[1]
    assert "Wrong user name or password." in pages[0]
    assert stored(site) == (0, 0)


def test_a_name_is_the_same_in_capitals_and_with_blanks_around_it(alone: Site) -> None:
    """Whoever logs in so is called as they were added; another name is nobody's."""
    for number, name in enumerate(("Alice", " alice", "alice\u3000", "\uff41lice"), 1):
        answer = alone.browser().log_in(name)
        assert (answer.status_code, (answer.json or {})["username"]) == (200, "alice")
        assert stored(alone) == (number, number)
    for name in ("alicé", "alic_", "%", "alice\u200b"):
        assert alone.browser().log_in(name).status_code == 403
    assert stored(alone) == (4, 4)


def test_a_form_without_name_or_password_is_shown_again_with_what_is_missing(alone: Site) -> None:
    """Empty and overlong fields are 422, on the page beside the field, or naming it in JSON."""
    for name, password, field in (
        ("", PASSWORD, "username"),
        ("alice", "", "password"),
        ("x" * 256, PASSWORD, "username"),
        ("alice", "x" * 1025, "password"),
    ):
        browser = alone.browser()
        answer = log_in_with_form(browser, name, password)
        assert answer.status_code == 422
        assert f'id="{field}-errors"' in answer.text
        content = {"csrf_token": token_in(answer), "username": name, "password": password}
        problem = browser.client.post("/login", data=content)
        assert problem.status_code == 422
        assert problem.json
        assert problem.json["field"] == field
    assert stored(alone) == (0, 0)


def test_a_malformed_hash_lets_nobody_in(alone: Site) -> None:
    """An account whose hash is none cannot be logged in to, with any password."""
    with alone.app.app_context():
        db.session.add_all(User(name=f"u{n}", password_hash=h) for n, h in enumerate(("", "-")))
        db.session.commit()
    for name in ("u0", "u1"):
        for password in ("-", PASSWORD, "nobody's password"):
            assert alone.browser().log_in(name, password).status_code == 403


def test_an_outdated_hash_is_replaced_at_login(site: Site) -> None:
    """A hash with weaker parameters is made anew once the password is known, and not before."""
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)

    def current_hash() -> str:
        with site.app.app_context():
            found = db.session.scalars(sa.select(User.password_hash)).one()
            assert found is not None
            return found

    with site.app.app_context():
        db.session.add(User(name="alice", password_hash=weak))
        db.session.commit()
    assert site.browser().log_in("alice", "wrong").status_code == 403
    assert current_hash() == weak
    site.logged_in("alice")
    strong = current_hash()
    assert strong.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    site.logged_in("alice")
    assert current_hash() == strong


# Where to go after it


@pytest.mark.parametrize("address", ["/view/exam", "/view/exam?a=b%20c", "/view/%C3%A4", "/?x=//y"])
def test_next_leads_back_to_where_one_wanted_to_go(alone: Site, address: str) -> None:
    """The page keeps the address and the login leads there."""
    browser = alone.browser()
    page = browser.get_page(f"/login?next={quote(address)}")
    kept = re.search(r'name="next" type="hidden" value="([^"]*)"', page.text)
    assert kept
    assert unescape(kept[1]) == address
    assert log_in_with_form(browser, next=unescape(kept[1])).location == address


@pytest.mark.parametrize("wanted", ["", "/", "//example.org/"])
def test_whoever_wants_to_go_nowhere_goes_where_their_work_is(site: Site, wanted: str) -> None:
    """Supervisors land on the console, administrators on the overview, others on the documents."""
    site.add_user("alice")
    site.add_supervisor()
    site.add_admin()
    for name, place in (("alice", "/"), ("supervisor", "/supervise"), ("admin", "/administer")):
        browser = site.browser()
        assert log_in_with_form(browser, name, next=wanted).location == place
        # And so does whoever is logged in already.
        assert f'href="{place}">Go on as' in browser.get_page("/login").text


def test_the_logout_says_so(site: Site) -> None:
    """The page after it says that nobody is logged in any more, once; a program needs no words."""
    site.add_user("alice")
    browser = site.logged_in("alice")
    page = browser.get_page("/my-sessions").text
    token = page.partition('name="csrf_token" value="')[2].partition('"')[0]
    headers = {"Accept": "text/html"}
    answer = browser.client.post("/logout", data={"csrf_token": token}, headers=headers)
    assert (answer.status_code, answer.location) == (302, "/login")
    assert answer.headers["Clear-Site-Data"] == '"cache"'
    assert "You are logged out." in browser.get_page("/login").text
    assert "You are logged out." not in browser.get_page("/login").text


def test_next_leads_to_addresses_of_this_site_only(alone: Site) -> None:
    """Whatever else is asked for, the login leads to the start page."""
    for address in (
        "https://example.org/",
        "//example.org/",
        "///example.org/",
        "/\\example.org/",
        "\\\\example.org/",
        "/\t/example.org/",
        "\t//example.org/",
        " //example.org/",
        "/\n/example.org",
        "javascript:alert(1)",
        "view/exam",
        "?next",
        "",
    ):
        answer = log_in_with_form(alone.browser(), next=address)
        assert (answer.status_code, answer.location) == (302, "/"), address


def test_an_anonymous_browser_comes_back_to_its_document_by_logging_in(site: Site) -> None:
    """From the document, or a page with a query, to the login and back again, query and all."""
    site.add_admin("alice")
    site.add_document("week 1/ä", ["alice"])
    for address in (
        "/view/week%201/%C3%A4",
        "/administer/sessions?origin=a%26b&sort=name",
    ):
        browser = site.browser()
        answer = browser.get_page(address)
        assert answer.status_code == 302
        assert answer.location.startswith("/login?next=")
        kept = re.search(
            r'name="next" type="hidden" value="([^"]*)"', browser.get(answer.location).text
        )
        assert kept
        answer = log_in_with_form(browser, next=unescape(kept[1]))
        assert answer.location == address
        assert browser.get_page(answer.location).status_code == 200


# GET


def test_get_changes_nothing(alone: Site) -> None:
    """Every address that changes something is 405 for GET, and the login page logs nobody in."""
    browser = alone.logged_in("alice")
    before = stored(alone)
    for path in (
        "/logout",
        "/user/sessions/verify?username=alice",
        "/user/sessions/invalidate?username=alice",
        "/user/sessions/alice/verify",
        "/user/sessions/alice/invalidate",
        "/user/sessions/verifyAll",
        "/user/sessions/invalidateAll",
    ):
        for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH"):
            headers = {"X-CSRFToken": browser.csrf_token}
            answer = browser.client.open(path, method=method, headers=headers)
            assert answer.status_code == 405, (method, path)
            assert "POST" in answer.headers["Allow"]
    query = {"username": "alice", "password": PASSWORD}
    assert alone.browser().get("/login", query_string=query).status_code == 422
    assert stored(alone) == before
    assert alone.active("alice") == {browser.session_id}


# The cookie


@pytest.mark.parametrize(
    ("option", "scheme", "secure"),
    [
        (None, "http", False),
        (None, "https", True),
        (True, "http", True),
        (False, "https", False),
    ],
)
def test_the_cookie_is_http_only_same_site_lax_and_secure_as_configured(
    sqlite_url: str, make_app: MakeApp, option: bool | None, scheme: str, secure: bool
) -> None:
    """No script reads it, other sites' forms do not send it, and HTTPS keeps it for HTTPS."""
    site = Site(make_app(sqlite_url, SESSION_COOKIE_SECURE=option))
    site.add_user("alice")
    answer = site.browser().client.post(
        "/login",
        json={"username": "alice", "password": PASSWORD},
        base_url=f"{scheme}://localhost",
    )
    cookies = answer.headers.getlist("Set-Cookie")
    prefix = "__Host-" if secure else ""
    names = [cookie.partition("=")[0] for cookie in cookies]
    assert names == [f"{prefix}timapp", f"{prefix}timapp_browser"]
    for cookie in cookies:
        flags = [part.strip() for part in cookie.split(";")[1:]]
        assert "HttpOnly" in flags
        assert "SameSite=Lax" in flags
        assert ("Secure" in flags) is secure
        assert not any(flag.startswith("Domain") for flag in flags)
        lasts = any(flag.startswith(("Expires", "Max-Age")) for flag in flags)
        assert lasts is ("timapp_browser=" in cookie)


# Secrets


def test_a_cookie_is_as_good_as_the_key_that_signed_it(
    alone: Site, sqlite_url: str, make_app: MakeApp
) -> None:
    """A new secret key logs everybody out, except those whose key is still a fallback."""
    former = alone.app.config["SECRET_KEY"]
    cookie = alone.logged_in("alice").client.get_cookie("timapp")
    assert cookie is not None
    for fallbacks, status in (([], 403), ([former], 200), (["another key of old", former], 200)):
        later = make_app(
            sqlite_url, SECRET_KEY="a new key, and a long one", SECRET_KEY_FALLBACKS=fallbacks
        )
        browser = Site(later).browser()
        browser.client.set_cookie("timapp", cookie.value)
        assert browser.get("/user/sessions/current").status_code == status


def test_a_cookie_is_good_for_its_time_and_as_it_was_signed(alone: Site) -> None:
    """A cookie that is too old, or was changed, is nobody's, however often it was good before."""
    with time_machine.travel(now(), tick=False) as clock:
        browser = alone.logged_in("alice")
        cookie = browser.client.get_cookie("timapp")
        assert cookie is not None
        lifetime = alone.app.permanent_session_lifetime
        clock.shift(lifetime)
        assert browser.get("/user/sessions/current").status_code == 200
        browser.client.set_cookie("timapp", cookie.value)  # and not the one it got since
        clock.shift(timedelta(seconds=1))
        assert browser.get("/user/sessions/current").status_code == 403
        before = CLOCK_LEEWAY + timedelta(seconds=2)
        clock.shift(-lifetime - before)  # before the login, by more than clocks may differ
        assert browser.get("/user/sessions/current").status_code == 403
        clock.shift(before)
        assert browser.get("/user/sessions/current").status_code == 200
        for changed in (f"x{cookie.value}", f"{cookie.value}x", cookie.value.upper(), "a.b.c", ""):
            browser.client.set_cookie("timapp", changed)
            assert browser.get("/user/sessions/current").status_code == 403


def test_requests_do_not_share_what_their_cookie_holds(alone: Site) -> None:
    """What one request does with its copy of the cookie's content is not seen by the next."""
    signer = SecureCookieSessionInterface().get_signing_serializer(alone.app)
    assert signer is not None
    value = signer.dumps({"list": ["one"]})
    interface = alone.app.session_interface
    headers = [("Cookie", f"timapp={value}")]
    for _ in range(2):
        request = Request(EnvironBuilder(headers=headers).get_environ())
        session = interface.open_session(alone.app, request)
        assert session is not None
        assert session["list"] == ["one"]
        session["list"].append("two")


def test_passwords_are_neither_logged_nor_answered(
    sqlite_url: str, make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    """No log record and no answer holds a password or its hash, right or wrong, JSON or form."""
    caplog.set_level(logging.DEBUG)
    wrong = "a wrong passw0rd"
    site = Site(make_app(sqlite_url))
    site.add_user("alice")
    answers = [
        site.browser().log_in("alice"),
        site.browser().log_in("alice", wrong),
        site.browser().log_in("nobody", wrong),
        site.browser().log_in("x" * 300, wrong),
        site.browser().client.post("/login", json={"password": wrong}),
        site.browser().client.post("/login", json={"username": wrong, "password": [wrong]}),
        site.browser().client.post("/login", json={"username": "alice", "pass": wrong}),
        site.browser().client.post(
            "/login", data=f'{{"password": "{wrong}"', content_type="application/json"
        ),
        log_in_with_form(site.browser()),
        log_in_with_form(site.browser(), password=wrong),
        log_in_with_form(site.browser(), username="", password=wrong),
        log_in_with_form(site.browser(), password=wrong + "x" * 1100),
    ]
    told = "\n".join([answer.text + str(answer.headers) for answer in answers])
    logged = "\n".join([*caplog.messages, caplog.text])
    for secret in (PASSWORD, wrong, "$argon2"):
        assert secret not in told
        assert secret not in logged


# Proxies


@pytest.mark.parametrize(
    ("proxies", "address", "secure"),
    [(0, "127.0.0.1", False), (1, "203.0.113.9", True), (2, "198.51.100.1", False)],
)
def test_forwarded_addresses_are_believed_from_as_many_proxies_as_configured(
    database_url: str, make_app: MakeApp, proxies: int, address: str, secure: bool
) -> None:
    """Only headers of proxies that the site says it has say where a visitor comes from, and how."""
    site = Site(make_app(database_url, TRUSTED_PROXIES=proxies))
    site.add_user("alice")
    answer = site.browser().client.post(
        "/login",
        json={"username": "alice", "password": PASSWORD},
        headers={
            "X-Forwarded-For": "192.0.2.66, 198.51.100.1, 203.0.113.9",
            "X-Forwarded-Proto": "http, https",
            "User-Agent": "Firefox",
        },
    )
    (session,) = site.sessions("alice").values()
    assert session.origin == f"[{address}] Firefox"
    assert site.changes()[0].address == address
    assert ("Secure" in answer.headers["Set-Cookie"]) is secure


def test_the_origin_is_address_and_user_agent_whatever_that_is(alone: Site) -> None:
    """A missing, long or strange user agent is recorded as far as it fits."""
    for agent, origin in (
        ("", "[127.0.0.1] "),
        ("x" * 5000, "[127.0.0.1] " + "x" * 988),
        ("' \" <b> =1 \u00e4", "[127.0.0.1] ' \" <b> =1 \u00e4"),
    ):
        browser = alone.browser(agent)
        browser.log_in("alice")
        assert alone.sessions("alice")[browser.session_id].origin == origin
