"""Somebody opens a link in a course: the platform says who it is, for this browser, once."""

import hashlib
import hmac
import json
import re
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import time_machine
from werkzeug.test import TestResponse

from tests.conftest import MakeApp
from tests.databases import SQLiteDatabases
from tests.live import PATIENCE, live_server
from tests.site import Browser, Site
from tests.ways.platform import (
    CLIENT,
    SITE,
    PlatformServer,
    claims_of,
    new_key,
    platform_server,
    signed,
)
from timApp.auth.site import db
from timApp.user.people import find_person
from timApp.util.errors import ConfigError

_PAGE = {"Accept": "text/html"}
_COOKIE = "__Host-timapp_errand"


@pytest.fixture(scope="module")
def platform() -> Iterator[PlatformServer]:
    """A platform that runs."""
    with platform_server() as server:
        yield server


@pytest.fixture
def house(database_url: str, make_app: MakeApp, platform: PlatformServer) -> Site:
    """A site that is part of it."""
    return Site(make_app(database_url, SITE_URL=SITE, LTI_PLATFORMS=[platform.option]))


def begin(browser: Browser, platform: PlatformServer, **changed: str) -> TestResponse:
    """Open a link, up to where the site leads to the platform."""
    said = {
        "iss": platform.issuer,
        "login_hint": "42",
        "target_link_uri": f"{SITE}/my-sessions",
        "client_id": CLIENT,
        "lti_message_hint": "5",
    }
    query = {name: value for name, value in (said | changed).items() if value}
    return browser.client.get("/lti/login", query_string=query, headers=_PAGE, base_url=SITE)


def begun(browser: Browser, platform: PlatformServer) -> tuple[str, str]:
    """Open a link; return the state and the nonce with which the platform is asked."""
    answer = begin(browser, platform)
    assert answer.status_code == 303
    asked = parse_qs(urlsplit(answer.location).query)
    return asked["state"][0], asked["nonce"][0]


def launch(browser: Browser, state: str, token: str, **more: str) -> TestResponse:
    """Come back from the platform, with its form."""
    form = {"state": state, "id_token": token, "again": "yes", **more}
    return browser.client.post("/lti/launch", data=form, headers=_PAGE, base_url=SITE)


def standing(browser: Browser) -> str:
    """Return how it stands with whoever is logged in there."""
    state: Any = browser.client.get("/user/sessions/state", base_url=SITE).json
    return str(state["standing"])


def test_a_link_in_a_course_logs_in(house: Site, platform: PlatformServer) -> None:
    """Who the platform says it is, with no rights of what they are there; and leads to the link."""
    browser = house.browser()
    state, nonce = begun(browser, platform)
    claims = claims_of("ann", platform.issuer, nonce)
    answer = launch(browser, state, signed(claims, platform.key))
    assert (answer.status_code, answer.location) == (303, "/my-sessions")
    assert standing(browser) == "valid"
    with house.app.app_context():
        person = find_person(db, "ann")
        assert person is not None
        assert (person.real_name, person.email) == ("Ann", "ann@x.example")
        assert person.groups == frozenset()
    second = house.browser()
    state, nonce = begun(second, platform)
    claims = claims_of("ann", platform.issuer, nonce)
    assert launch(second, state, signed(claims, platform.key)).status_code == 303
    assert standing(second) != "valid"


def test_a_launch_counts_once(house: Site, platform: PlatformServer) -> None:
    """Also in another browser that has the cookie, and by a second server on the same database."""
    browser, thief = house.browser(), house.browser()
    state, nonce = begun(browser, platform)
    cookie = browser.client.get_cookie(_COOKIE, "exam.example.org")
    assert cookie is not None
    assert cookie.secure
    assert cookie.http_only
    assert cookie.same_site == "Lax"
    token = signed(claims_of("ann", platform.issuer, nonce), platform.key)
    assert launch(browser, state, token).status_code == 303
    assert browser.client.get_cookie(_COOKIE, "exam.example.org") is None
    assert launch(browser, state, token).status_code == 403
    thief.client.set_cookie(_COOKIE, cookie.value, domain="exam.example.org", secure=True)
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=4)):
        assert launch(thief, state, token).status_code == 403
    assert standing(thief) == "anonymous"
    assert len(house.sessions("ann")) == 1


def test_the_platforms_own_form_is_sent_again(house: Site, platform: PlatformServer) -> None:
    """By a page of ours, as browsers show no cookies with it; it changes nothing by itself."""
    browser = house.browser()
    state, nonce = begun(browser, platform)
    token = signed(claims_of("ann", platform.issuer, nonce), platform.key)
    page = launch(browser, state, token, again="", error="<b>")
    assert page.status_code == 200
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text))
    sent = {"state": state, "id_token": token, "error": "&lt;b&gt;", "again": "yes"}
    assert fields.items() >= sent.items()
    assert house.changes() == []


def shared(claims: dict[str, Any], secret: bytes) -> str:
    """Return a token that is signed with a secret, as the library itself refuses to with these."""
    parts = [{"alg": "HS256", "typ": "JWT", "kid": "one"}, claims]
    content = b".".join(urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=") for one in parts)
    signature = hmac.new(secret, content, hashlib.sha256).digest()
    return (content + b"." + urlsafe_b64encode(signature).rstrip(b"=")).decode()


def _forged(platform: PlatformServer, nonce: str) -> Iterator[tuple[str, str]]:
    """Yield tokens that are none of the platform's for this launch, and why."""
    right = claims_of("ann", platform.issuer, nonce)
    yield "another key of that name", signed(right, new_key())
    public = json.dumps(platform.key.as_dict(private=False)).encode()
    for secret in (public, platform.key.as_pem(private=False), b""):
        yield "the public key as a secret", shared(right, secret)
    header, payload, signature = signed(right, platform.key).split(".")
    _, content, _ = shared(right, b"").split(".")
    none = urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    yield "nobody's", f"{none}.{content}."
    yield "without a signature", f"{header}.{payload}."
    other = signed(claims_of("eve", platform.issuer, nonce), platform.key).split(".")[1]
    yield "another one's content", f"{header}.{other}.{signature}"
    yield "nothing", ""
    yield "no token", "a.b.c"
    yield "long", "." * 100_000
    moment = time.time()
    for name, value in (
        ("iss", "https://evil.example"),
        ("aud", "other"),
        ("aud", []),
        ("aud", [CLIENT, "other"]),
        ("azp", "other"),
        ("exp", moment - 3600),
        ("exp", None),
        ("exp", "never"),
        ("iat", moment + 3600),
        ("iat", None),
        ("nonce", "another"),
        ("nonce", None),
        ("nonce", ["x"]),
        ("sub", None),
        ("sub", ""),
        ("sub", 7),
        ("sub", "x" * 600),
        ("sub", "x\0"),
        ("lti_message_type", "LtiDeepLinkingRequest"),
        ("lti_message_type", None),
        ("lti_version", "1.1"),
        ("lti_deployment_id", "8"),
        ("lti_deployment_id", None),
        ("lti_deployment_id", ["7"]),
        ("lti_resource_link", None),
        ("lti_resource_link", "1"),
        ("lti_target_link_uri", None),
        ("lti_custom", None),
        ("lti_custom", ["ann"]),
        ("lti_custom", {"username": "$User.username"}),
        ("lti_custom", {"username": 7}),
    ):
        yield (
            f"{name} {value}",
            signed(claims_of("ann", platform.issuer, nonce, **{name: value}), platform.key),
        )


def test_nothing_else_is_a_launch(house: Site, platform: PlatformServer) -> None:
    """Each is refused, and nobody is logged in or made; the right one counts after all of them."""
    browser = house.browser()
    state, nonce = begun(browser, platform)
    for why, token in _forged(platform, nonce):
        assert launch(browser, state, token).status_code == 403, why
    assert launch(browser, state, "", error="login_required").status_code == 403
    assert house.changes() == []
    with house.app.app_context():
        assert find_person(db, "ann") is None
    token = signed(claims_of("ann", platform.issuer, nonce, aud=[CLIENT]), platform.key)
    assert launch(browser, state, token).status_code == 303


def test_a_launch_is_that_of_the_browser_that_has_begun_it(
    house: Site, platform: PlatformServer
) -> None:
    """Nobody is logged in as another one who has sent them their own launch, or an old one."""
    mallory, victim = house.browser(), house.browser()
    state, nonce = begun(mallory, platform)
    token = signed(claims_of("mallory", platform.issuer, nonce), platform.key)
    assert launch(victim, state, token).status_code == 403
    begun(victim, platform)
    assert launch(victim, state, token).status_code == 403
    victim.client.set_cookie(_COOKIE, "x.y", domain="exam.example.org", secure=True)
    assert launch(victim, state, token).status_code == 403
    assert standing(victim) == "anonymous"
    assert launch(mallory, "", token).status_code == 403
    assert launch(mallory, "é", token).status_code == 403
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=16)):
        late = signed(claims_of("mallory", platform.issuer, nonce), platform.key)
        assert launch(mallory, state, late).status_code == 403
    assert house.changes() == []


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"iss": "https://evil.example"}, 403),
        ({"iss": ""}, 403),
        ({"client_id": "other"}, 403),
        ({"client_id": ""}, 303),
        ({"login_hint": ""}, 400),
        ({"target_link_uri": ""}, 400),
        ({"target_link_uri": "https://evil.example/"}, 400),
        ({"target_link_uri": "https://exam.example.org.evil.example/"}, 400),
        ({"target_link_uri": "https://exam.example.org@evil.example/"}, 400),
        ({"target_link_uri": "https://exam.example.org//evil.example/"}, 400),
        ({"target_link_uri": "/view/exam"}, 400),
        ({"target_link_uri": "javascript:alert(1)"}, 400),
        ({"target_link_uri": "http://exam.example.org/view/exam"}, 400),
        ({"target_link_uri": f"{SITE}/lti/launch"}, 303),
        ({"target_link_uri": SITE}, 303),
        ({"unknown": "x"}, 422),
    ],
)
def test_only_what_is_configured_begins(
    sqlite_url: str,
    make_app: MakeApp,
    platform: PlatformServer,
    changed: dict[str, str],
    status: int,
) -> None:
    """A platform that is not leads nowhere, and so does a link to another site."""
    site = Site(make_app(sqlite_url, SITE_URL=SITE, LTI_PLATFORMS=[platform.option]))
    browser = site.browser()
    answer = begin(browser, platform, **changed)
    assert answer.status_code == status
    assert (browser.client.get_cookie(_COOKIE, "exam.example.org") is None) == (status != 303)


def test_the_link_that_is_signed_counts(house: Site, platform: PlatformServer) -> None:
    """Not the one with which it began; one to another site is refused, and nobody is logged in."""
    for target, leads_to in (
        (f"{SITE}/lti/launch", "/"),
        (f"{SITE}/hand-in?exam=1", "/hand-in?exam=1"),
        ("https://evil.example/", None),
    ):
        browser = house.browser()
        state, nonce = begun(browser, platform)
        claims = claims_of("ann", platform.issuer, nonce, lti_target_link_uri=target)
        answer = launch(browser, state, signed(claims, platform.key))
        assert answer.status_code == (400 if leads_to is None else 303)
        assert answer.location == leads_to
    assert len(house.sessions("ann")) == 2


def test_new_keys_are_asked_for(house: Site, platform: PlatformServer) -> None:
    """Once, and not at once for each key that somebody makes up; and old ones count no more."""
    now, old = datetime.now(UTC), platform.key
    browser = house.browser()
    state, nonce = begun(browser, platform)
    right = claims_of("ann", platform.issuer, nonce)
    assert launch(browser, state, signed(right, new_key())).status_code == 403
    platform.key = new_key("two")
    with time_machine.travel(now + timedelta(seconds=30), tick=False):
        token = signed(right, platform.key, kid="two")
        assert launch(browser, state, token).status_code == 303
        browser = house.browser()
        state, nonce = begun(browser, platform)
        before = platform.asked
        made_up = signed(claims_of("ann", platform.issuer, nonce), new_key("three"), kid="three")
        for token in (made_up, made_up, signed(claims_of("ann", platform.issuer, nonce), old)):
            assert launch(browser, state, token).status_code == 403
        assert platform.asked == before
    platform.key = old


def test_a_platform_that_is_away_is_told(sqlite_url: str, make_app: MakeApp) -> None:
    """In a sentence; nobody is logged in."""
    with platform_server() as gone:
        site = Site(make_app(sqlite_url, SITE_URL=SITE, LTI_PLATFORMS=[gone.option]))
        browser = site.browser()
        state, nonce = begun(browser, gone)
    answer = launch(browser, state, signed(claims_of("ann", gone.issuer, nonce), gone.key))
    assert answer.status_code == 503
    assert "does not answer" in answer.text
    assert site.changes() == []


def test_somebody_elses_name_opens_nothing_unless_the_site_says_so(
    database_url: str, make_app: MakeApp, platform: PlatformServer
) -> None:
    """A person of two ways is one person by LINK_BY_NAME alone."""
    for ways, status in (([], 403), (["header", "oidc", "saml"], 403), (["lti"], 303)):
        site = Site(
            make_app(
                database_url, SITE_URL=SITE, LTI_PLATFORMS=[platform.option], LINK_BY_NAME=ways
            )
        )
        if not ways:
            site.add_user("dora")
        browser = site.browser()
        state, nonce = begun(browser, platform)
        token = signed(claims_of("dora", platform.issuer, nonce), platform.key)
        assert launch(browser, state, token).status_code == status


def test_another_claim_may_be_the_name(
    sqlite_url: str, make_app: MakeApp, platform: PlatformServer
) -> None:
    """As with Moodle, which has it in a table of its own; or the one with the e-mail address."""
    for name, user in (("ext.user_username", "mo"), ("email", "ann@x.example")):
        option = platform.option | {"name_claim": name}
        site = Site(make_app(sqlite_url, SITE_URL=SITE, LTI_PLATFORMS=[option]))
        browser = site.browser()
        state, nonce = begun(browser, platform)
        claims = claims_of("ann", platform.issuer, nonce, lti_ext={"user_username": "mo"}, sub=name)
        assert launch(browser, state, signed(claims, platform.key)).status_code == 303
        assert len(site.sessions(user)) == 1


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"SITE_URL": None}, "SITE_URL"),
        ({"SITE_URL": "http://exam.example.org"}, "https"),
        ({"LTI_PLATFORMS": [{"issuer": "x"}]}, "LTI_PLATFORMS"),
    ],
)
def test_half_a_platform_is_refused(
    sqlite_url: str, make_app: MakeApp, platform: PlatformServer, changed: dict[str, Any], said: str
) -> None:
    """At the start, with what is wrong; also two that cannot be told apart."""
    options = {"SITE_URL": SITE, "LTI_PLATFORMS": [platform.option]}
    with pytest.raises(ConfigError, match=said):
        make_app(sqlite_url, **(options | changed))
    for wrong in ([platform.option] * 2, [platform.option | {"deployments": []}]):
        with pytest.raises(ConfigError, match="LTI_PLATFORMS"):
            make_app(sqlite_url, **(options | {"LTI_PLATFORMS": wrong}))


def test_the_real_server_takes_a_launch(
    sqlite_databases: SQLiteDatabases, tmp_path: Path, platform: PlatformServer
) -> None:
    """Behind a proxy that ends HTTPS, by the form with which Moodle begins, once in all workers."""
    through = {
        **_PAGE,
        "User-Agent": "Firefox",
        "Host": "exam.example.org",
        "X-Forwarded-For": "192.0.2.1",
        "X-Forwarded-Proto": "https",
    }
    options: Any = {
        "SITE_URL": SITE,
        "TRUSTED_PROXIES": 1,
        "LTI_PLATFORMS": [platform.option],
        "workers": 2,
    }
    with (
        sqlite_databases.fresh() as url,
        live_server(url, tmp_path, **options) as server,
        httpx.Client(base_url=server.url, headers=through, timeout=PATIENCE) as browser,
    ):
        form = {
            "iss": platform.issuer,
            "target_link_uri": f"{SITE}/my-sessions",
            "login_hint": "42",
            "lti_message_hint": "5",
            "client_id": CLIENT,
            "lti_deployment_id": "7",
        }
        led = browser.post("/lti/login", data=form)
        assert led.status_code == 303
        page = httpx.get(led.headers["Location"]).text
        fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page))
        sent = fields | {"again": "yes"}
        kept = {"Cookie": led.headers["Set-Cookie"].partition(";")[0]}
        statuses = [
            browser.post("/lti/launch", data=sent, headers=kept).status_code for _ in range(6)
        ]
        assert sorted(statuses) == [303, 403, 403, 403, 403, 403]
