"""What the gate says to each kind of proxy."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import sqlalchemy as sa
import time_machine
from werkzeug.test import TestResponse, run_wsgi_app

from tests.conftest import MakeApp
from tests.site import PASSWORD, Browser, Site
from timApp.auth.site import db
from timApp.guard.exams.browser import BrowserPlan, have_file
from timApp.guard.exams.plan import ExamPlan, add_exam
from timApp.guard.exams.sebfile import SebSite
from timApp.guard.rules.exambrowser import BrowserRule, KeyState, hash_of
from timApp.guard.tables.session import UserSession
from timApp.serve.gateway import Gateway
from timApp.serve.http.message import Request
from timApp.user.user import create_user
from timApp.util.clock import now

SITE = "https://exam.example.org"
LAB, WIKI, HALL = "https://lab.example.org", "http://wiki.example.org:8080", "https://hall.test"
HOSTS: dict[str, Any] = {
    LAB: {"groups": ["Students"], "open": ["/public/*"], "open_to_blocked": ["/help"]},
    WIKI: {},
    HALL: {"exam": "Algebra"},
}
FAMILIES = ("nginx", "forward", "envoy")
PAGE = {"Sec-Fetch-Mode": "navigate", "Accept": "text/html"}
FETCH = {"Sec-Fetch-Mode": "cors", "Accept": "*/*"}
REMOTE = ("Remote-User", "Remote-Name", "Remote-Groups", "Remote-Email")


@pytest.fixture
def gate(database_url: str, make_app: MakeApp) -> Site:
    """A site that guards three hosts, with alice and bob, who is no student."""
    app = make_app(database_url, GUARDED_HOSTS=HOSTS, SITE_URL=SITE, TRUSTED_PROXIES=1)
    site = Site(app)
    with app.app_context():
        create_user(
            db,
            "alice",
            PASSWORD,
            real_name="Älice, Å",
            email="a@example.org",
            groups=["Students", "A, b"],
        )
        create_user(db, "bob", PASSWORD)
        db.session.commit()
    site.add_admin()
    return site


def ask(
    browser: Browser,
    family: str,
    address: str = f"{LAB}/tree",
    how: dict[str, str] = PAGE,
    method: str = "GET",
) -> TestResponse:
    """Ask the gate about a request as that kind of proxy does."""
    parts = urlsplit(address)
    uri = parts.path + (f"?{parts.query}" if parts.query else "")
    headers = dict(how)
    path = f"/gate/{family}"
    if family == "nginx":
        headers |= {"X-Original-URL": address, "X-Original-Method": method}
        method = "GET"
    elif family == "forward":
        headers |= {
            "X-Forwarded-Proto": parts.scheme,
            "X-Forwarded-Host": parts.netloc,
            "X-Forwarded-Uri": uri,
            "X-Forwarded-Method": method,
        }
        method = "GET"
    else:
        path += uri
        headers |= {"Host": parts.netloc, "X-Forwarded-Proto": parts.scheme}
    # As the proxy passes them on, whatever the host's name is here.
    cookie = browser.client.get_cookie("timapp")
    if cookie is not None:
        headers["Cookie"] = f"timapp={cookie.value}"
    client = browser.client.application.test_client(use_cookies=False)
    return client.open(path, method=method, headers=headers)


def blocked(site: Site, name: str = "alice") -> Browser:
    """Return a browser whose login is blocked."""
    site.logged_in(name)
    return site.logged_in(name)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("how", [PAGE, FETCH], ids=["page", "fetch"])
def test_whoever_has_a_valid_session_passes_with_their_identity(
    gate: Site, family: str, how: dict[str, str]
) -> None:
    """200 with all four headers, percent-encoded in UTF-8, groups between commas; no cookie."""
    answer = ask(gate.logged_in("alice"), family, how=how)
    assert answer.status_code == 200
    assert [answer.headers[name] for name in REMOTE] == [
        "alice",
        "%C3%84lice%2C %C3%85",
        "A%2C b,Students",
        "a@example.org",
    ]
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.data == b""


@pytest.mark.parametrize("family", FAMILIES)
def test_nobody_is_led_to_the_login(gate: Site, family: str) -> None:
    """With the address asked for; a script gets 401."""
    browser = gate.browser()
    address = f"{LAB}/tree?a=1&b=2"
    answer = ask(browser, family, address)
    assert answer.status_code == (401 if family == "nginx" else 302)
    place = urlsplit(answer.headers["Location"])
    assert f"{place.scheme}://{place.netloc}{place.path}" == f"{SITE}/login"
    assert parse_qs(place.query) == {"next": [address]}
    fetched = ask(browser, family, address, FETCH)
    assert fetched.status_code == 401
    if family != "nginx":
        assert fetched.json
        assert fetched.json["error"] == "Log in first."


@pytest.mark.parametrize("family", FAMILIES)
def test_whoever_is_blocked_is_led_to_the_page_that_says_why(gate: Site, family: str) -> None:
    """A script gets 490 (403 where a proxy knows no other); after the verification they pass."""
    browser = blocked(gate)
    answer = ask(browser, family)
    assert answer.status_code == (403 if family == "nginx" else 302)
    place = answer.headers["Location"]
    assert place.startswith(f"{SITE}/gate/blocked?to=")
    fetched = ask(browser, family, how=FETCH)
    assert fetched.status_code == (403 if family == "nginx" else 490)
    page = browser.get_page(place.removeprefix(SITE))
    assert page.status_code == 490
    assert f'data-leads-to="{LAB}/tree"' in page.text
    gate.add_supervisor()
    form = {"user": "alice", "session_id": browser.session_id}
    gate.logged_in("supervisor").decide("/supervise/verify", data=form)
    assert ask(browser, family).status_code == 200
    onward = browser.get_page(place.removeprefix(SITE))
    assert (onward.status_code, onward.location) == (302, f"{LAB}/tree")


@pytest.mark.parametrize("family", FAMILIES)
def test_what_a_host_opens_is_open_and_nothing_else(gate: Site, family: str) -> None:
    """Some paths to everybody, some to whoever is blocked; identity is told of valid ones alone."""
    nobody, stopped = gate.browser(), blocked(gate)
    for browser in (nobody, stopped):
        answer = ask(browser, family, f"{LAB}/public/a.css")
        assert answer.status_code == 200
        assert [answer.headers[name] for name in REMOTE] == [""] * 4
        assert ask(browser, family, f"{LAB}/public/../tree", FETCH).status_code != 200
    assert ask(stopped, family, f"{LAB}/help").status_code == 200
    assert ask(gate.logged_in("bob"), family, f"{LAB}/help").status_code == 200
    assert ask(nobody, family, f"{LAB}/help", FETCH).status_code == 401
    assert ask(stopped, family, f"{WIKI}/help", FETCH).status_code != 200


@pytest.mark.parametrize("family", FAMILIES)
def test_without_the_right_there_is_a_403_that_says_what_to_do(gate: Site, family: str) -> None:
    """Who is in no group of the host is refused; a host without groups is for everybody."""
    browser = gate.logged_in("bob")
    answer = ask(browser, family)
    assert answer.status_code == 403
    assert "Location" not in answer.headers
    if family != "nginx":
        assert "You have no right to this address." in answer.text
        to = urlencode({"next": f"{LAB}/tree"})
        assert f'<a href="{SITE}/login?{to}">Log in as somebody else</a>' in answer.text
        assert "<a" not in ask(browser, family, "https://evil.example/").text
    assert ask(browser, family, f"{WIKI}/").status_code == 200
    assert ask(gate.logged_in("admin"), family).status_code == 200


@pytest.mark.parametrize("family", FAMILIES)
def test_a_host_of_an_exam_is_open_while_it_runs_to_who_sits_it(gate: Site, family: str) -> None:
    """Others, and everybody before and after, are refused; without the exam nobody passes."""
    alice, bob = gate.logged_in("alice"), gate.logged_in("bob")
    address = f"{HALL}/"
    assert ask(alice, family, address).status_code == 403
    with gate.app.app_context():
        moment, hour = now(), timedelta(hours=1)
        exam = add_exam(db, ExamPlan("Algebra", moment + hour, moment + 2 * hour, ["Students"]))
        db.session.commit()
        assert ask(alice, family, address).status_code == 403
        exam.begun_at = moment - hour
        db.session.commit()
    assert ask(alice, family, address).status_code == 200
    assert ask(bob, family, address).status_code == 403
    assert ask(gate.logged_in("admin"), family, address).status_code == 200


@pytest.mark.parametrize("family", FAMILIES)
def test_an_address_that_is_not_guarded_is_closed(gate: Site, family: str) -> None:
    """Another host, port or scheme, and whatever looks like one of them."""
    browser = gate.logged_in("alice")
    for address in ("https://evil.example/", f"{LAB}:8443/", "http://lab.example.org/"):
        assert ask(browser, family, address, FETCH).status_code == 403


def test_an_address_with_a_fragment_is_unclear(gate: Site) -> None:
    """What proxies pass on of it, programs read as a part of the path."""
    browser = gate.browser()
    asked = {"X-Original-URL": f"{LAB}/public/x#/../../tree"} | FETCH
    assert browser.client.get("/gate/nginx", headers=asked).status_code == 400
    asked = {
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "lab.example.org",
        "X-Forwarded-Uri": "/public/x#/../../tree",
    }
    assert browser.client.get("/gate/forward", headers=asked | FETCH).status_code == 400


def test_each_address_believes_the_headers_of_its_own_kind_alone(gate: Site) -> None:
    """A client sends the others', and no proxy takes them away."""
    browser = gate.logged_in("bob")
    forged = {"X-Original-URL": f"{WIKI}/", "X-Forwarded-Uri": "/public/a", **FETCH}
    assert ask(browser, "forward", how={"X-Original-URL": f"{WIKI}/", **FETCH}).status_code == 403
    assert ask(browser, "envoy", how=forged).status_code == 403
    forwarded = {
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Host": "wiki.example.org:8080",
        "X-Forwarded-Uri": "/",
    }
    assert ask(browser, "nginx", how=forwarded | FETCH).status_code == 403
    for family in ("nginx", "forward"):
        unsaid = browser.client.get(f"/gate/{family}", headers=FETCH)
        assert unsaid.status_code == 400
        assert "docs/gate.md" in unsaid.text


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "PROPFIND", "X"]
)
def test_any_method_is_asked_about_and_changes_nothing(gate: Site, method: str) -> None:
    """Some proxies ask with the method itself, without a token of ours, and with any query."""
    browser, nobody = gate.logged_in("alice"), gate.browser()
    address = f"{LAB}/api?user=x&user=y"
    assert ask(browser, "envoy", address, FETCH, method).status_code == 200
    assert ask(nobody, "envoy", address, FETCH, method).status_code == 401
    for asked in ("/gate/nginx", "/gate/forward"):
        headers = {"X-Original-URL": address, "X-Forwarded-Proto": "https", **FETCH}
        headers |= {"X-Forwarded-Host": "lab.example.org", "X-Forwarded-Uri": "/api"}
        assert browser.client.open(asked, method=method, headers=headers).status_code == 200
        assert nobody.client.open(asked, method=method, headers=headers).status_code == 401


@pytest.mark.parametrize("name", ["x-forwarded-uri", "x-forwarded-host", "x-original-url"])
def test_what_is_said_twice_is_unclear(gate: Site, name: str) -> None:
    """Of two addresses nobody knows which one the program would be asked for."""
    said = {
        "x-original-url": [f"{LAB}/public/a", f"{LAB}/secret"],
        "x-forwarded-proto": ["https"],
        "x-forwarded-host": ["lab.example.org", "wiki.example.org"],
        "x-forwarded-uri": ["/public/a", "/secret"],
    }
    headers = [(b"host", b"localhost"), (b"sec-fetch-mode", b"cors")]
    for one, values in said.items():
        twice = values if one == name else values[:1]
        headers += [(one.encode(), value.encode()) for value in twice]
    target = b"/gate/nginx" if name == "x-original-url" else b"/gate/forward"
    request = Request(b"GET", target, "1.1", headers, ("192.0.2.1", 4711))
    environ = Gateway(gate.app, "localhost", 80).environ(request)
    (_, status, _) = run_wsgi_app(gate.app, environ)
    assert status.startswith("400")


def test_a_websocket_is_guarded_like_anything_else(gate: Site) -> None:
    """The handshake's own headers come to the gate, and are no matter to it."""
    headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-Fetch-Mode": "websocket"}
    alice, stopped = gate.logged_in("bob"), blocked(gate)
    for family in FAMILIES:
        assert ask(alice, family, f"{WIKI}/api/kernels", headers).status_code == 200
        refused = ask(stopped, family, f"{WIKI}/api/kernels", headers)
        assert refused.status_code == (403 if family == "nginx" else 490)


def test_what_nginx_was_told_not_to_let_pass_is_answered_in_its_place(gate: Site) -> None:
    """At an address of its own: a page is led on, a script gets the status itself."""

    def refused(browser: Browser, how: dict[str, str]) -> TestResponse:
        headers = {**how, "X-Original-URL": f"{LAB}/tree"}
        return browser.client.get("/gate/refused", headers=headers)

    assert refused(gate.browser(), PAGE).status_code == 302
    assert refused(gate.browser(), FETCH).status_code == 401
    stopped = blocked(gate)
    assert refused(stopped, PAGE).location.startswith(f"{SITE}/gate/blocked?to=")
    assert refused(stopped, FETCH).status_code == 490
    assert "You have no right" in refused(gate.logged_in("bob"), PAGE).text


def test_the_login_leads_back_to_a_guarded_host_and_to_no_other(gate: Site) -> None:
    """Whoever was sent there goes on where they wanted to go."""
    for wanted, place in (
        (f"{LAB}/tree?a=1", f"{LAB}/tree?a=1"),
        ("https://evil.example/", "/"),
        (f"{LAB}@evil.example/", "/"),
    ):
        browser = gate.browser()
        page = browser.get_page("/login", query_string={"next": wanted})
        token = page.text.partition('name="csrf_token" type="hidden" value="')[2].partition('"')[0]
        form = {"username": "alice", "password": PASSWORD, "next": wanted, "csrf_token": token}
        answer = browser.client.post("/login", data=form, headers={"Accept": "text/html"})
        assert answer.location == place
        browser.log_out()


@pytest.mark.parametrize("to", ["", "https://evil.example/", "/view/exam", f"{LAB}@evil.example/"])
def test_the_blocked_page_leads_nowhere_else(gate: Site, to: str) -> None:
    """Whatever else is said is refused."""
    answer = gate.logged_in("alice").get_page("/gate/blocked", query_string={"to": to})
    assert answer.status_code == 422


def test_a_number_that_is_first_used_at_the_gate_is_noticed(gate: Site) -> None:
    """Whoever goes on with the number before it has a copy, and is not let through."""
    browser, thief = gate.logged_in("alice"), gate.browser()
    old = browser.client.get_cookie("timapp")
    assert old is not None
    thief.client.set_cookie("timapp", old.value)
    with time_machine.travel(now() + timedelta(seconds=61), tick=False) as clock:
        assert "Set-Cookie" in browser.get("/user/sessions/current").headers
        assert ask(browser, "forward").status_code == 200
        clock.shift(11)
        assert ask(browser, "forward").status_code == 200
        assert ask(thief, "forward", how=FETCH).status_code == 490


def test_the_gate_gives_no_new_number_to_a_cookie_that_it_cannot_send(gate: Site) -> None:
    """Asked for an hour, it writes nothing of numbers; the site itself renews as ever."""
    browser = gate.logged_in("alice")
    with time_machine.travel(now() + timedelta(seconds=61), tick=False) as clock:
        for _ in range(5):
            clock.shift(61)
            assert ask(browser, "forward").status_code == 200
        (session,) = gate.sessions("alice").values()
        assert session.token_issued == 0
        assert "Set-Cookie" in browser.get("/user/sessions/current").headers


CONFIG = "X-SafeExamBrowser-ConfigKeyHash"


def exam_in_browser(gate: Site, rule: BrowserRule = BrowserRule.REQUIRED) -> tuple[int, str]:
    """Add an exam that runs and asks for Safe Exam Browser; return its number and its key."""
    with gate.app.app_context():
        plan = ExamPlan(
            "Algebra",
            now() - timedelta(hours=1),
            now() + timedelta(hours=1),
            ["Students"],
            browser=BrowserPlan(rule),
        )
        exam = add_exam(db, plan)
        have_file(exam, SebSite(f"{SITE}/", [HALL]))
        db.session.commit()
        return exam.id, exam.seb_key or ""


def key_state(gate: Site, name: str = "alice") -> KeyState | None:
    """Return what is written down of the exam browser of somebody's one session."""
    with gate.app.app_context():
        query = sa.select(UserSession.key_state).where(UserSession.user_id == gate.user_id(name))
        return db.session.scalars(query).one()


@pytest.mark.parametrize("family", FAMILIES)
def test_an_exam_may_want_safe_exam_browser(gate: Site, family: str) -> None:
    """The hash is for the address that the proxy is asked for; pages without are led to the way."""
    number, key = exam_in_browser(gate)
    alice, address = gate.logged_in("alice"), f"{HALL}/tree?a=%20&b=ä%2F".replace("ä", "%C3%A4")
    way = f"{SITE}/seb/exam/{number}"
    refused = ask(alice, family, address)
    assert refused.status_code == (403 if family == "nginx" else 302)
    assert refused.headers["Location"] == way
    assert "Timapp-Refused" not in refused.headers
    assert key_state(gate) is KeyState.NONE
    fetched = ask(alice, family, address, FETCH)
    assert fetched.status_code == 403
    if family != "nginx":
        assert (fetched.json or {})["location"] == way
    right = {CONFIG: hash_of(address, key)}
    assert ask(alice, family, address, PAGE | right).status_code == 200
    assert key_state(gate) is KeyState.RIGHT
    # Browsers put no headers of the page on a websocket, which its page has opened.
    assert ask(alice, family, address, FETCH).status_code == 200
    wrong = [
        hash_of(f"{SITE}/gate/{family}", key),
        hash_of(f"{HALL}/tree", key),
        hash_of(address.replace("https", "http"), key),
        hash_of(address, "0" * 64),
        f"{right[CONFIG]},{right[CONFIG]}",
        right[CONFIG] * 50,
    ]
    for text in wrong:
        for how in (PAGE, FETCH):
            assert ask(alice, family, address, how | {CONFIG: text}).status_code != 200
    assert key_state(gate) is KeyState.WRONG
    assert ask(alice, family, address, FETCH).status_code == 403
    assert ask(alice, family, address, PAGE | right).status_code == 200
    assert ask(alice, family, address).status_code != 200
    assert ask(gate.logged_in("admin"), family, address).status_code == 200


def test_the_gate_only_notes_what_an_exam_only_shows(gate: Site) -> None:
    """Nobody is kept out; what a script has told this site opens the guarded host, too."""
    number, key = exam_in_browser(gate, BrowserRule.SHOWN)
    alice = gate.logged_in("alice")
    assert ask(alice, "forward", f"{HALL}/").status_code == 200
    assert key_state(gate) is KeyState.NONE
    page = f"{SITE}/seb/exam/{number}"
    told = {"address": page, "config_key": hash_of(page, key)}
    assert alice.post("/seb/key", json=told).json == {"state": "right"}
    assert key_state(gate) is KeyState.TOLD
    assert ask(alice, "forward", f"{HALL}/").status_code == 200
    assert key_state(gate) is KeyState.TOLD
