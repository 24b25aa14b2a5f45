"""Passkeys: made, asked for after the password, and nothing but the right one is taken."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from werkzeug.test import TestResponse

from tests.authenticator import Authenticator, bytes_of, text_of
from tests.commandline import CommandLine
from tests.conftest import MakeApp
from tests.site import PASSWORD, Browser, Site
from timApp.auth.site import db
from timApp.user.attempts.failed import FailedLogin
from timApp.user.factor.passkey import Passkey
from timApp.user.user import User
from timApp.user.usergroup import ADMIN_GROUP
from timApp.util.clock import now

MINUTE = timedelta(minutes=1)
PAGE = {"Accept": "text/html"}
KEYS, LOGIN, CONFIRM = "/account/passkeys", "/login/passkey", "/confirm"
CURRENT = "/user/sessions/current"
EXPORT = "/administer/sessions/export"


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """The clock, which stands still."""
    with time_machine.travel(now(), tick=False) as clock:
        yield clock


def options(browser: Browser, path: str) -> dict[str, Any]:
    """Return what a page is told to ask an authenticator for."""
    answer = browser.post(f"{path}/options")
    assert answer.status_code == 200, answer.text
    assert answer.json is not None
    found: dict[str, Any] = answer.json
    return found


def send(browser: Browser, path: str, **fields: str) -> TestResponse:
    """Send a form as a person's browser does."""
    data = {"csrf_token": browser.csrf_token, **fields}
    return browser.client.post(path, data=data, headers=PAGE)


def add(browser: Browser, name: str = "my phone", **more: Any) -> Authenticator:
    """Let the person of the browser have a passkey made; return what has it."""
    made = Authenticator(**more)
    assert browser.post(CONFIRM, json={"password": PASSWORD}).status_code == 200
    credential = made.make(options(browser, KEYS))
    answer = send(browser, KEYS, credential=credential, name=name)
    assert (answer.status_code, answer.location) == (303, KEYS), answer.text
    return made


def give_password(site: Site, name: str, next_page: str = "") -> tuple[Browser, str]:
    """Return a new browser in which the password was given, and where that leads."""
    browser = site.browser()
    token = browser.get_page("/login").text.partition('name="csrf_token" type="hidden" value="')[2]
    browser.csrf_token = token.partition('"')[0]
    fields = {"username": name, "password": PASSWORD, "next": next_page}
    answer = send(browser, "/login", **fields)
    return browser, answer.location or answer.text


def log_in(site: Site, name: str, made: Authenticator) -> Browser:
    """Return a new browser in which the person has logged in with password and passkey."""
    browser, leads_to = give_password(site, name)
    assert leads_to == LOGIN
    answer = send(browser, LOGIN, credential=made.use(options(browser, LOGIN)))
    assert answer.status_code == 303, answer.text
    page = browser.get_page(KEYS).text
    browser.csrf_token = page.partition('name="csrf_token" value="')[2].partition('"')[0]
    return browser


@pytest.fixture
def admin(hall: Site) -> Browser:
    """A browser in which an administrator is logged in, who has no passkey."""
    hall.add_admin()
    return hall.logged_in("admin")


def failures(site: Site) -> list[int | None]:
    """Return whose failed logins are on record."""
    with site.app.app_context():
        return list(db.session.scalars(sa.select(FailedLogin.user_id)))


def test_whoever_has_a_passkey_is_asked_for_it_and_has_no_session_before(
    hall: Site, clock: time_machine.Traveller
) -> None:
    """Between the two nothing is open, no limit counts it and nobody is blocked by it."""
    first = hall.logged_in("alice")
    made = add(first)
    assert "my phone" in first.get_page(KEYS).text
    browser, leads_to = give_password(hall, "alice", "/view/exam")
    assert leads_to == f"{LOGIN}?next=/view/exam"
    assert "The password of" in browser.get_page(leads_to).text
    assert browser.get(CURRENT).status_code == 403
    assert browser.get_page("/view/exam").status_code == 302
    assert len(hall.sessions("alice")) == 1
    assert first.get_page("/view/exam").status_code == 200
    answer = send(browser, LOGIN, credential=made.use(options(browser, LOGIN)), next="/view/exam")
    assert (answer.status_code, answer.location) == (303, "/view/exam")
    assert browser.get_page("/view/exam").status_code == 490  # she is logged in elsewhere
    assert len(hall.sessions("alice")) == 2
    assert browser.get_page(LOGIN).location == "/login?next=/login/passkey"
    with hall.app.app_context():
        (kept,) = db.session.scalars(sa.select(Passkey))
        assert (kept.sign_count, kept.used_at, kept.transports) == (1, now(), "internal,hybrid")


@pytest.mark.parametrize(
    ("address", "is_kept"),
    [("http://lab.localhost/tree?a=1", True), ("http://evil.localhost/", False), ("//evil", False)],
)
def test_the_passkey_leads_on_to_a_guarded_host(
    sqlite_url: str, make_app: MakeApp, address: str, is_kept: bool
) -> None:
    """To the address that was asked for, and to no other site."""
    hosts: dict[str, object] = {"http://lab.localhost": {}}
    site = Site(make_app(sqlite_url, SITE_URL="http://localhost", GUARDED_HOSTS=hosts))
    site.add_exam_hall()
    made = add(site.logged_in("alice"))
    browser, leads_to = give_password(site, "alice", address)
    page = browser.get_page(leads_to).text
    assert (f'name="next" value="{address}"' in page) == is_kept
    signed = made.use(options(browser, LOGIN))
    assert (send(browser, LOGIN, credential=signed, next=address).location == address) == is_kept


def test_a_program_is_told_that_the_account_logs_in_with_a_browser(hall: Site) -> None:
    """Who gives the right password, that is; a wrong one tells nothing of passkeys."""
    made = add(hall.logged_in("alice"))
    answer = hall.browser().log_in("alice")
    assert (answer.status_code, "with a browser" in answer.text) == (403, True)
    assert "browser" not in hall.browser().log_in("alice", "a wrong one").text
    assert len(hall.sessions("alice")) == 1
    assert log_in(hall, "alice", made).get(CURRENT).status_code == 200


@dataclass(frozen=True)
class Wrong:
    """What is wrong with an answer to a login."""

    #: Makes the answer out of the passkey, what was asked, and one of somebody else.
    answer: Callable[[Authenticator, dict[str, Any], Authenticator], str]
    words: str = "This is not the answer of a passkey to this site."


def _changed(answer: str, part: str) -> str:
    """Return an answer of which a bit of that part is another one."""
    content = json.loads(answer)
    found = bytearray(bytes_of(content["response"][part]))
    found[-1] ^= 1
    content["response"][part] = text_of(bytes(found))
    return json.dumps(content)


_LATE = "This came too late, or for the second time."
WRONG = {
    "signed by another key": Wrong(
        lambda own, asked, other: replace(own, key=other.key).use(asked),
    ),
    "another signature": Wrong(lambda own, asked, _: _changed(own.use(asked), "signature")),
    "other authenticator data": Wrong(
        lambda own, asked, _: _changed(own.use(asked), "authenticatorData")
    ),
    "another person's": Wrong(lambda _, asked, other: other.use(asked), "no passkey of yours"),
    "another origin": Wrong(
        lambda own, asked, _: replace(own, origin="http://localhost.example").use(asked)
    ),
    "another site": Wrong(lambda own, asked, _: replace(own, rp_id="example.org").use(asked)),
    "nobody there": Wrong(lambda own, asked, _: own.use(asked, flags=0)),
    "what makes one": Wrong(lambda own, asked, _: own.use(asked, type="webauthn.create")),
    "in a frame of another site": Wrong(
        lambda own, asked, _: own.use(asked, crossOrigin=True), _LATE
    ),
    "a challenge of its own": Wrong(
        lambda own, _, __: own.use({"challenge": text_of(b"x" * 32)}), _LATE
    ),
    "no challenge": Wrong(lambda own, _, __: own.use({"challenge": 5})),
    "a counter that stands": Wrong(
        lambda own, asked, _: replace(own, count=0).use(asked), "There seem to be two"
    ),
    "a counter that is gone": Wrong(
        lambda own, asked, _: replace(own, count=None).use(asked), "There seem to be two"
    ),
    "nothing": Wrong(lambda *_: ""),
    "no JSON": Wrong(lambda *_: "{"),
    "a list": Wrong(lambda *_: "[]"),
    "deep": Wrong(lambda *_: "[" * 5000),
    "an odd id": Wrong(
        lambda own, asked, _: json.dumps(json.loads(own.use(asked)) | {"id": "\0", "rawId": "AA"}),
        "no passkey of yours",
    ),
}


def test_nothing_but_what_the_own_passkey_has_signed_now_logs_in(hall: Site) -> None:
    """Each kind of forgery is refused, recorded and logged, and spends the challenge."""
    made, other = add(hall.logged_in("alice")), add(hall.logged_in("supervisor"))
    first = hall.sessions("alice").keys()
    log_in(hall, "alice", made).log_out()  # so the counter has gone up once
    sessions = hall.sessions("alice").keys()
    assert len(sessions) == len(first) + 1
    browser, _ = give_password(hall, "alice")
    for what, wrong in WRONG.items():
        asked = options(browser, LOGIN)
        answer = send(browser, LOGIN, credential=wrong.answer(made, asked, other))
        assert (answer.status_code, wrong.words in answer.text) == (403, True), (what, answer.text)
        assert hall.sessions("alice").keys() == sessions, what
        assert browser.get(CURRENT).status_code == 403, what
    assert failures(hall) == [hall.user_id("alice")] * len(WRONG)
    made.count = 100
    assert send(browser, LOGIN, credential=made.use(options(browser, LOGIN))).status_code == 303


def test_a_challenge_is_good_once_where_it_was_given_and_for_five_minutes(
    hall: Site, clock: time_machine.Traveller
) -> None:
    """Not in another attempt, not for another purpose, not late; and nor is a login half done."""
    own = hall.logged_in("supervisor")
    made = add(own)
    browser, _ = give_password(hall, "supervisor")
    another, _ = give_password(hall, "supervisor")
    answer = made.use(options(browser, LOGIN))
    for where, path in ((another, LOGIN), (own, CONFIRM)):
        refused = send(where, path, credential=answer)
        assert (refused.status_code, _LATE in refused.text) == (403, True)
    assert send(own, CONFIRM, credential=made.use(options(own, CONFIRM))).status_code == 303
    of_session = made.use(options(own, CONFIRM))
    assert send(browser, LOGIN, credential=of_session).status_code == 403
    assert send(browser, LOGIN, credential=made.use(options(another, LOGIN))).status_code == 403
    asked = options(browser, LOGIN)
    clock.shift(4 * MINUTE)
    asked_later = options(browser, LOGIN)
    answer = made.use(asked)
    assert send(browser, LOGIN, credential=answer).status_code == 303
    fresh, _ = give_password(hall, "supervisor")
    assert send(fresh, LOGIN, credential=answer).status_code == 403  # for the second time
    assert send(fresh, LOGIN, credential=made.use(asked_later)).status_code == 403
    asked = options(fresh, LOGIN)
    clock.shift(5 * MINUTE + timedelta(seconds=1))
    refused = send(fresh, LOGIN, credential=made.use(asked))
    assert (refused.status_code, "Log in with your password first" in refused.text) == (403, True)


def test_a_password_that_is_changed_meanwhile_and_a_closed_account_let_nobody_in(
    hall: Site,
) -> None:
    """What was right when it was given is not enough."""
    made = add(hall.logged_in("alice"))
    browser, _ = give_password(hall, "alice")
    for change, words in (
        ({"disabled_at": now()}, "closed"),
        ({"disabled_at": None, "password_hash": "another"}, "was changed meanwhile"),
    ):
        with hall.app.app_context():
            db.session.execute(sa.update(User).filter_by(name="alice").values(change))
            db.session.commit()
        answer = send(browser, LOGIN, credential=made.use(options(browser, LOGIN)))
        assert (answer.status_code, words in answer.text) == (403, True)
    assert len(hall.sessions("alice")) == 1


def test_passkeys_are_made_by_their_own_rules_and_recorded(hall: Site) -> None:
    """Not of another origin, not twice, not without a name; and each change is in the record."""
    own, other = hall.logged_in("supervisor"), hall.logged_in("alice")
    assert other.post(CONFIRM, json={"password": PASSWORD}).status_code == 200
    made = add(own)
    again = made.make(options(own, KEYS))
    for status, who, credential, name in (
        (409, own, again, "again"),
        (409, other, made.make(options(other, KEYS)), "hers"),
        (403, own, again, "for the second time"),
        (403, own, Authenticator(origin="https://localhost").make(options(own, KEYS)), "x"),
        (403, own, Authenticator(rp_id="example.org").make(options(own, KEYS)), "x"),
        (403, own, Authenticator().use(options(own, KEYS)), "x"),
        (403, own, Authenticator().make(options(other, KEYS)), "x"),
        (422, own, Authenticator().make(options(own, KEYS)), " "),
        (422, own, Authenticator().make(options(own, KEYS)), "x" * 61),
    ):
        assert send(who, KEYS, credential=credential, name=name).status_code == status, name
    second = add(own, "key", count=None)
    excluded = {one["id"] for one in options(own, KEYS)["excludeCredentials"]}
    assert excluded == {made.id, second.id}
    assert send(other, f"{KEYS}/rename", passkey=made.id, name="x").status_code == 404
    assert send(other, f"{KEYS}/remove", passkey=made.id).status_code == 404
    assert send(own, f"{KEYS}/rename", passkey=made.id, name="old phone").status_code == 303
    assert send(own, f"{KEYS}/remove", passkey=made.id).status_code == 303
    page = own.get_page(KEYS).text
    assert ("key" in page, "<bdi>old phone</bdi>" in page) == (True, False)
    entries = [(one.action.value, one.actor, one.reason) for one in hall.changes()]
    assert [one for one in entries if "passkey" in one[0]] == [
        ("add passkey", "supervisor", "my phone"),
        ("add passkey", "supervisor", "key"),
        ("remove passkeys", "supervisor", "old phone"),
    ]
    assert log_in(hall, "supervisor", second).get(CURRENT).status_code == 200
    log_in(hall, "supervisor", second)  # whose counter does not count


def test_it_is_confirmed_with_a_passkey_too(
    admin: Browser, hall: Site, clock: time_machine.Traveller
) -> None:
    """At the page that leads back, and with a form that was sent; one's own passkeys ask, too."""
    made = add(admin)
    clock.shift(16 * MINUTE)
    assert admin.get(EXPORT).status_code == 403
    assert admin.post(f"{KEYS}/options").json["confirm"] == CONFIRM  # type: ignore[index]
    assert send(admin, f"{KEYS}/remove", passkey=made.id).status_code == 403
    credential = made.use(options(admin, CONFIRM))
    fields = {"passkey": made.id, "name": "renamed", "confirm_credential": credential}
    assert send(admin, f"{KEYS}/rename", **{**fields, "confirm_credential": "x"}).status_code == 403
    assert send(admin, f"{KEYS}/rename", **fields).status_code == 303
    assert admin.get(EXPORT).status_code == 200
    clock.shift(16 * MINUTE)
    answer = send(admin, CONFIRM, credential=made.use(options(admin, CONFIRM)), next=EXPORT)
    assert (answer.status_code, answer.location) == (303, EXPORT)
    assert admin.get(EXPORT).status_code == 200
    with hall.app.app_context():  # of whom another program says who they are
        db.session.execute(sa.update(User).values(password_hash=None))
        db.session.commit()
    clock.shift(16 * MINUTE)
    assert admin.get(EXPORT).status_code == 403
    assert 'name="password"' not in admin.get_page(CONFIRM).text


def test_administrators_take_passkeys_away(admin: Browser, hall: Site, tmp_path: Path) -> None:
    """On a page or at the command line, recorded; then the password alone lets the person in."""
    own = hall.logged_in("alice")
    add(own)
    path = "/administer/person/passkeys"
    account = admin.get_page("/administer/people/account?user=alice").text
    assert f'<dd>1: <a href="{path}?user=alice">' in account
    assert "my phone" in admin.get_page(f"{path}?user=alice").text
    assert send(hall.logged_in("supervisor"), f"{path}/remove", user="alice").status_code == 403
    assert send(admin, f"{path}/remove", user="alice").status_code == 303
    assert "has no passkey" in admin.get_page(f"{path}?user=alice").text
    assert path not in admin.get_page("/administer/people/account?user=alice").text
    assert [hall.changes()[-1].action.value, hall.changes()[-1].actor] == [
        "remove passkeys",
        "admin",
    ]
    assert hall.logged_in("supervisor").get("/supervise").status_code == 200
    with hall.app.app_context():
        timapp = CommandLine(db.engine.url.render_as_string(hide_password=False), tmp_path)
    add(own, "a new one")
    assert timapp.done("user", "passkeys", "alice").split("\t")[0] == "a new one"
    assert timapp.done("user", "passkeys", "alice", "--remove") == "Removed 1 passkey of alice.\n"
    assert timapp.done("user", "passkeys", "alice", "--remove") == "Removed 0 passkeys of alice.\n"
    assert timapp.refused("user", "passkeys", "nobody")


def test_members_of_a_group_make_one_before_anything_else(
    database_url: str, make_app: MakeApp
) -> None:
    """Without one they may do nothing of what their groups may, in no session of theirs."""
    site = Site(make_app(database_url, SECOND_FACTOR_GROUPS=[ADMIN_GROUP, "Teachers"]))
    site.add_exam_hall()
    site.add_admin()
    site.add_user("teacher", ["Teachers"])
    admin, teacher = site.logged_in("admin"), site.logged_in("teacher")
    for browser in (admin, teacher):
        assert browser.get_page("/").location == f"{KEYS}?next=/"
        assert browser.get("/").status_code == 403
        assert "Everybody in your group has a passkey." in browser.get_page(KEYS).text
    assert admin.get_page("/administer").location == f"{KEYS}?next=/administer"
    for path in ("/user/sessions/invalidateAll", "/user/sessions/alice/invalidate"):
        assert admin.post(path).status_code == 403
    asked = {"username": "alice"}
    assert admin.post("/user/sessions/invalidate", json=asked).status_code == 403
    assert "Supervise" not in admin.get_page(KEYS).text
    assert site.logged_in("supervisor").get_page("/supervise").status_code == 200
    made = Authenticator()
    fields = {"credential": made.make(options(admin, KEYS)), "name": "x", "next": "/administer"}
    assert send(admin, KEYS, **fields).location == "/administer"
    assert admin.get_page("/administer").status_code == 200
    assert log_in(site, "admin", made).get_page("/administer").status_code == 200
    assert send(admin, f"{KEYS}/remove", passkey=made.id).status_code == 303
    assert admin.get("/administer").status_code == 403


def test_passkeys_are_bound_to_the_address_of_the_site(sqlite_url: str, make_app: MakeApp) -> None:
    """To `SITE_URL`, whatever a request says, or else to the name that was asked for."""
    known = Site(make_app(sqlite_url, SITE_URL="https://Exam.example.org:443/hall"))
    known.add_user("alice")
    known.add_admin("bob")
    browser = known.logged_in("alice")
    made = add(browser, origin="https://exam.example.org", rp_id="exam.example.org")
    refused = Authenticator(rp_id="exam.example.org").make(options(browser, KEYS))
    assert send(browser, KEYS, credential=refused, name="x").status_code == 403
    assert log_in(known, "alice", made).get(CURRENT).status_code == 200
    unknown = Site(make_app(sqlite_url)).app.test_client()
    for base in ("http://127.0.0.1:5000", "http://[::1]:5000"):
        person = {"username": "bob", "password": PASSWORD}
        token = unknown.post("/login", json=person, base_url=base).json["csrfToken"]  # type: ignore[index]
        headers = {"X-CSRFToken": token}
        proof = {"password": PASSWORD}
        assert unknown.post(CONFIRM, json=proof, base_url=base, headers=headers).status_code == 200
        answer = unknown.post(f"{KEYS}/options", base_url=base, headers=headers)
        assert (answer.status_code, "opened by an address" in answer.text) == (409, True)
