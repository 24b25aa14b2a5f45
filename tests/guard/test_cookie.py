"""The cookie that says who is logged in."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from itsdangerous import BadSignature

from tests.conftest import MakeApp
from tests.site import Site
from timApp.guard import Claims, Cookies, Guard, GuardOptions, Identity, Standing
from timApp.user.user import ID_MAX

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)

ALICE = Claims(1, "one")


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """The clock, which stands at noon."""
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


# Who the bearer is


@pytest.mark.parametrize("claims", [ALICE, Claims(ID_MAX, "x" * 255), Claims(7, None)])
def test_a_cookie_says_what_it_was_issued_for(claims: Claims) -> None:
    """Person and session come back as they were, also where there was no session."""
    cookies = Cookies(["key"])
    assert cookies.claims(cookies.issue(claims)) == claims


def test_cookies_of_each_key_are_taken_and_the_last_key_signs() -> None:
    """After a change of keys the former cookies are good as long as their key is named."""
    former, other = Cookies(["former"]), Cookies(["other"])
    now = Cookies(["former", "new"])
    assert now.claims(former.issue(ALICE)) == ALICE
    assert Cookies(["new"]).claims(now.issue(ALICE)) == ALICE
    assert former.claims(now.issue(ALICE)) is None
    assert now.claims(other.issue(ALICE)) is None


def test_a_cookie_that_was_changed_is_nobodys() -> None:
    """Whatever of it was: the content, the time or the signature, and whatever came with it."""
    cookies = Cookies(["key"])
    cookie = cookies.issue(ALICE)
    content, time, signature = cookie.split(".")
    bobs, _, _ = cookies.issue(Claims(2, "one")).split(".")
    for changed in (
        f"{bobs}.{time}.{signature}",
        f"{content}.{time[:-1]}.{signature}",
        f"{content}.{time}.{signature[:-2]}",
        f"{content}.{time}",
        f"x{cookie}",
        f"{cookie}x",
        cookie.upper(),
        "a.b.c",
        "..",
        "",
        "\0",
        "ä.ö.ü",
        "x" * 100_000,
    ):
        assert cookies.claims(changed) is None
        with pytest.raises(BadSignature):
            cookies.read(changed)


def test_a_cookie_is_good_for_its_time(clock: time_machine.Traveller) -> None:
    """It is nobody's when it is too old, and before it was signed, however often it was good."""
    cookies = Cookies(["key"], HOUR)
    cookie = cookies.issue(ALICE)
    for shift, claims in ((HOUR, ALICE), (SECOND, None), (-HOUR, ALICE), (-HOUR, None)):
        clock.shift(shift)
        assert cookies.claims(cookie) == claims
    with pytest.raises(BadSignature):
        cookies.read(cookie)


ODD_IDS = [
    "²",
    "\N{ARABIC-INDIC DIGIT ONE}",
    "-1",
    "+1",
    "0",
    " 1",
    "1 ",
    "1.0",
    "1e3",
    "0x1",
    "1_0",
    "",
    "alice",
    "\0",
    str(ID_MAX + 1),
    str(2**63),
    str(2**64),
    "9" * 10_000,
    1,
    1.0,
    True,
    None,
    ["1"],
    {"id": "1"},
]


@pytest.mark.parametrize("user_id", ODD_IDS, ids=lambda value: ascii(value)[:12])
def test_a_signed_cookie_of_an_id_that_nobody_has_is_nobodys(user_id: object) -> None:
    """Only digits that a database can hold, in a text, are the id of a person."""
    cookies = Cookies(["key"])
    cookie = cookies.sign({"_user_id": user_id, "session_id": "one"})
    assert cookies.claims(cookie) is None


@pytest.mark.parametrize("session_id", [1, None, ["one"], "a\0b", "\ud800"])
def test_a_signed_cookie_of_an_odd_session_has_none(session_id: object) -> None:
    """What could not be a session's id is none, and the bearer has to log in again."""
    cookies = Cookies(["key"])
    cookie = cookies.sign({"_user_id": "1", "session_id": session_id})
    assert cookies.claims(cookie) == Claims(1, None)


def test_a_signed_cookie_of_nobody_is_nobodys() -> None:
    """Visitors who are not logged in have cookies too, with a token for forms."""
    cookies = Cookies(["key"])
    cookie = cookies.sign({"csrf_token": "x"})
    assert cookies.claims(cookie) is None
    assert cookies.read(cookie).content == '{"csrf_token":"x"}'


@pytest.mark.parametrize("content", [[], ["_user_id"], "text", 1, 1.5, None, True])
def test_a_signed_content_that_is_no_object_is_nobodys(content: Any) -> None:
    """Whoever has signed it, it is no cookie of this kind."""
    cookies = Cookies(["key"])
    cookie = cookies._serializer.dumps(content)
    assert isinstance(cookie, str)
    assert cookies.claims(cookie) is None
    with pytest.raises(BadSignature):
        cookies.read(cookie)


def test_a_signed_content_that_is_no_json_is_nobodys() -> None:
    """As is one that only looks as if it were compressed."""
    cookies = Cookies(["key"])
    signer = cookies._serializer.make_signer(cookies._serializer.salt)
    for payload in (b"nonsense", b"", b".nonsense", b".eJyrVg"):
        cookie = signer.sign(payload).decode()
        assert cookies.claims(cookie) is None
        with pytest.raises(BadSignature):
            cookies.read(cookie)


# At the doors


@pytest.mark.parametrize("user_id", ODD_IDS, ids=lambda value: ascii(value)[:12])
def test_the_guard_and_a_page_take_an_odd_cookie_for_nobodys(
    user_id: object, sqlite_url: str, make_app: MakeApp
) -> None:
    """Neither asks the database for what it could not have."""
    app = make_app(sqlite_url)
    cookies = Cookies([app.config["SECRET_KEY"]])
    cookie = cookies.sign({"_user_id": user_id, "session_id": "one"})
    assert Guard.at(sqlite_url, [app.config["SECRET_KEY"]]).check(cookie).standing is (
        Standing.ANONYMOUS
    )
    browser = Site(app).browser()
    browser.client.set_cookie("timapp", cookie)
    assert browser.get("/user/sessions/current").status_code == 403
    assert browser.get_page("/login").status_code == 200


def test_the_guard_and_a_page_take_a_cookie_that_holds_no_object_for_nobodys(
    app_of_alice: Site,
) -> None:
    """Flask's own notation for tuples and times included, which begins as an object does."""
    cookies = Cookies([app_of_alice.app.config["SECRET_KEY"]])
    for content in ([], ["x"], 1, None, {" t": ["x"]}, {" b": "eA=="}):
        cookie = cookies._serializer.dumps(content)
        assert isinstance(cookie, str)
        browser = app_of_alice.browser()
        browser.client.set_cookie("timapp", cookie)
        assert browser.get("/user/sessions/current").status_code == 403
        assert browser.get_page("/login").status_code == 200
        assert browser.log_in("alice").status_code == 200


@pytest.fixture
def app_of_alice(site: Site) -> Site:
    """A site with one person."""
    site.add_user("alice")
    return site


@pytest.mark.parametrize("session_id", ["a\0b", "\ud800", 1, ["one"], None])
def test_a_page_takes_an_odd_session_for_none(app_of_alice: Site, session_id: object) -> None:
    """The bearer is blocked, on each database, and can log in again."""
    cookies = Cookies([app_of_alice.app.config["SECRET_KEY"]])
    user_id = str(app_of_alice.user_id("alice"))
    browser = app_of_alice.browser()
    cookie = cookies.sign({"_user_id": user_id, "session_id": session_id})
    browser.client.set_cookie("timapp", cookie)
    answer = browser.get("/user/sessions/current")
    assert answer.status_code == 200
    assert answer.json == {"sessionId": None, "valid": False}
    assert browser.log_in("alice").status_code == 200


def test_the_guard_takes_its_own_cookies(engine: sa.Engine) -> None:
    """What `begin` gives is what `check` takes, as valid or as blocked, until the logout."""
    guard = Guard(engine, Cookies(["key"]), GuardOptions(limit=1))
    first = guard.begin(Identity("alice"), "Firefox")
    second = guard.begin(Identity("alice"), "Chromium")
    for begun, standing in ((first, Standing.VALID), (second, Standing.BLOCKED)):
        verdict = guard.check(begun.cookie)
        assert verdict.standing is standing
        assert verdict.visitor is not None
        assert (verdict.visitor.name, verdict.visitor.session_id) == ("alice", begun.session_id)
    guard.begin(Identity("bob"), "Firefox", former=guard.cookies.claims(first.cookie))
    assert guard.check(first.cookie).standing is Standing.ANONYMOUS
    for nobodys in (None, "", "a.b.c"):
        assert guard.check(nobodys).standing is Standing.ANONYMOUS
