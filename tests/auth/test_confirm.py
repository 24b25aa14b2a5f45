"""Administrators prove again who they are before they do what changes much."""

import html
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
import time_machine
from werkzeug.routing import Rule

from tests.conftest import MakeApp
from tests.site import PASSWORD, Browser, Site
from timApp.auth.factor.proof import is_marked
from timApp.auth.site import db
from timApp.user.attempts.failed import FailedLogin
from timApp.user.factor.proof import SessionProof
from timApp.user.user import User
from timApp.util.clock import CLOCK_LEEWAY, now

A_QUARTER = timedelta(minutes=15)
A_SECOND = timedelta(seconds=1)
PAGE = {"Accept": "text/html"}
INVALIDATE_ALL = "/administer/sessions/invalidate-all"
EXPORT = "/administer/sessions/export"
CONFIRM = "/confirm"

#: What changes something below /administer and asks nobody, and why.
UNASKED = {
    "roster.send": "keeps a file for whoever sends it; carrying it out asks",
    "session_list.verify": "of sessions that are picked one by one, as supervisors do in the hall",
    "session_list.invalidate": "likewise",
    "session_list.end": "likewise",
}
#: What asks elsewhere: programs do the same there, and passkeys are as good as their person.
ASKED_ELSEWHERE = {"sessions.get_all_sessions", "sessions.validate_all", "sessions.invalidate_all"}
ASKED_ELSEWHERE |= {f"passkeys.{act}" for act in ("options", "add", "rename", "remove")}


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """The clock, which stands still."""
    with time_machine.travel(now(), tick=False) as clock:
        yield clock


@pytest.fixture
def admin(hall: Site, clock: time_machine.Traveller) -> Browser:
    """An administrator who has logged in a quarter of an hour ago, and a second."""
    hall.add_admin()
    browser = hall.logged_in("admin")
    clock.shift(A_QUARTER + A_SECOND)
    return browser


def send(browser: Browser, path: str, **fields: str) -> tuple[int, str]:
    """Send a form as a person's browser does; return the status and the page or where it leads."""
    data = {"csrf_token": browser.csrf_token, **fields}
    answer = browser.client.post(path, data=data, headers=PAGE)
    return answer.status_code, answer.location or answer.text


def filled_in(page: str) -> tuple[str, dict[str, str]]:
    """Return where the form of a page goes, and its fields but for the token."""
    form = page.partition('<form action="/administer')[2].partition("</form>")[0]
    found = re.findall(r'<input[^>]* name="([^"]*)"(?: value="([^"]*)")?', form)
    fields = {name: html.unescape(value) for name, value in found if name != "csrf_token"}
    return "/administer" + html.unescape(form.partition('"')[0]), fields


def rules_of(site: Site) -> dict[str, Rule]:
    """Return the rules by endpoint."""
    return {rule.endpoint: rule for rule in site.app.url_map.iter_rules()}


def test_whatever_changes_much_asks_and_the_rest_says_why_not(site: Site) -> None:
    """Each view below /administer that changes something, and each export, of all that there is."""
    views = site.app.view_functions
    below = {
        name: one for name, one in rules_of(site).items() if one.rule.startswith("/administer")
    }
    changing = {name for name, one in below.items() if "POST" in (one.methods or set())}
    exporting = {name for name, one in below.items() if one.rule.endswith("/export")}
    asking = {name for name in views if is_marked(views[name])}
    assert changing - asking == UNASKED.keys()
    assert changing | exporting | ASKED_ELSEWHERE >= asking >= exporting | ASKED_ELSEWHERE


def test_who_has_logged_in_long_ago_is_asked_by_each_of_them(admin: Browser, hall: Site) -> None:
    """A program is told where to prove it, a person is led there; nothing changes."""
    before = hall.states("admin")
    views, rules = hall.app.view_functions, rules_of(hall)
    asking = [name for name in views if is_marked(views[name])]
    for name in asking:
        method = "POST" if "POST" in (rules[name].methods or set()) else "GET"
        answer = admin.client.open(
            rules[name].rule, method=method, headers={"X-CSRFToken": admin.csrf_token}
        )
        assert (answer.status_code, answer.json and answer.json["confirm"]) == (403, CONFIRM), name
    assert hall.states("admin") == before


def test_it_counts_for_a_quarter_of_an_hour_from_the_login_and_from_each_proof(
    admin: Browser, hall: Site, clock: time_machine.Traveller
) -> None:
    """To the second; in JSON, as programs do it."""
    clock.shift(-A_SECOND)
    assert admin.get(EXPORT).status_code == 200
    clock.shift(A_SECOND)
    assert admin.get(EXPORT).status_code == 403
    answer = admin.post(CONFIRM, json={"password": PASSWORD})
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})
    clock.shift(A_QUARTER)
    assert admin.get(EXPORT).status_code == 200
    clock.shift(A_SECOND)
    assert admin.get(EXPORT).status_code == 403
    with hall.app.app_context():  # by a clock that is far ahead
        to_come = now() + CLOCK_LEEWAY + A_SECOND
        db.session.execute(sa.update(SessionProof).values(proved_at=to_come))
        db.session.commit()
    assert admin.get(EXPORT).status_code == 403


def test_what_was_filled_in_is_kept_and_carried_out_with_the_password(
    admin: Browser, hall: Site
) -> None:
    """A wrong one asks again with all that was sent; then it is done, and not asked soon again."""
    status, page = send(admin, INVALIDATE_ALL, reason='"Fire" <drill> & more')
    assert status == 403
    address, fields = filled_in(page)
    assert (address, fields) == (
        INVALIDATE_ALL,
        {"reason": '"Fire" <drill> & more', "confirm_password": ""},
    )
    status, page = send(admin, address, **{**fields, "confirm_password": "a wrong one"})
    assert (status, "This is not your password." in page) == (403, True)
    assert "a wrong one" not in page
    assert filled_in(page) == (address, fields)
    assert [one.action.value for one in hall.changes()] == ["login"]
    status, leads_to = send(admin, address, **{**fields, "confirm_password": PASSWORD})
    assert (status, leads_to) == (303, "/administer/sessions")
    assert hall.changes()[-1].reason == fields["reason"]
    assert send(admin, INVALIDATE_ALL, reason="again")[0] == 303


def test_an_address_that_is_only_read_is_led_back_to(admin: Browser) -> None:
    """With all that stands in it; and nobody is led to another site."""
    asked = admin.get_page(f"{EXPORT}?format=json&user=alice")
    assert asked.status_code == 302
    page = admin.get_page(asked.location).text
    main = page.partition("<main")[2]
    kept = html.unescape(main.partition('name="next" value="')[2].partition('"')[0])
    assert kept == f"{EXPORT}?format=json&user=alice"
    assert send(admin, CONFIRM, next=kept, password="")[0] == 422
    assert send(admin, CONFIRM, next=kept, password="a wrong one")[0] == 403
    assert send(admin, CONFIRM, next=kept, password=PASSWORD) == (303, kept)
    assert admin.get_page(kept).status_code == 200
    assert send(admin, CONFIRM, next="//elsewhere.example", password=PASSWORD) == (303, "/")


def test_a_proof_is_of_one_session_alone(admin: Browser, hall: Site) -> None:
    """Another browser of the same person is asked all the same, and whoever is made one later."""
    other = hall.logged_in("supervisor")
    with hall.app.app_context():
        boss = db.session.scalars(sa.select(User).filter_by(name="admin")).one()
        person = db.session.scalars(sa.select(User).filter_by(name="supervisor")).one()
        person.groups = [*person.groups, *(one for one in boss.groups if one.name != "admin")]
        db.session.commit()
    assert other.get(EXPORT).status_code == 403
    assert admin.post(CONFIRM, json={"password": PASSWORD}).status_code == 200
    assert (admin.get(EXPORT).status_code, other.get(EXPORT).status_code) == (200, 403)


def test_a_wrong_password_counts_as_one_at_the_login(admin: Browser, hall: Site) -> None:
    """It is recorded, and whoever guesses waits; the right one does, too, then."""
    answers = [admin.post(CONFIRM, json={"password": f"wrong {n}"}).status_code for n in range(7)]
    assert answers == [403] * 6 + [429]  # one from the address, the rest from the known browser
    assert admin.post(CONFIRM, json={"password": PASSWORD}).status_code == 429
    status, page = send(admin, INVALIDATE_ALL, reason="x", confirm_password=PASSWORD)
    assert (status, "Wait 1 s" in page) == (429, True)
    with hall.app.app_context():
        owners = db.session.scalars(sa.select(FailedLogin.user_id)).all()
    assert owners == [hall.user_id("admin")] * 6


def test_others_are_refused_and_not_asked(admin: Browser, hall: Site) -> None:
    """Who may not do it at all is told so, logged in or not; who verifies a person is not asked."""
    alice = hall.logged_in("alice")
    assert alice.get(EXPORT).json == {"error": "Only administrators may do this."}
    assert hall.browser().get(EXPORT).json == {"error": "Log in first."}
    assert hall.browser().post(CONFIRM, json={"password": PASSWORD}).status_code in {400, 403}
    done = admin.post("/supervise/verify", data={"user": "alice", "session_id": alice.session_id})
    assert done.status_code == 303


@pytest.mark.parametrize("tracks", [True, False])
def test_it_can_be_switched_off_and_does_not_need_tracked_sessions(
    sqlite_url: str, make_app: MakeApp, clock: time_machine.Traveller, tracks: bool
) -> None:
    """With none nobody is asked; and nobody who has no password to prove it with."""
    asking = Site(make_app(sqlite_url, SESSIONS_ENABLE=tracks))
    silent = Site(make_app(sqlite_url, SESSIONS_ENABLE=tracks, CONFIRM_SECONDS=None))
    asking.add_admin()
    one, other = asking.logged_in("admin"), silent.logged_in("admin")
    assert (one.get(EXPORT).status_code, other.get(EXPORT).status_code) == (200, 200)
    clock.shift(2 * A_QUARTER)
    assert (one.get(EXPORT).status_code, other.get(EXPORT).status_code) == (403, 200)
    assert one.post(CONFIRM, json={"password": PASSWORD}).status_code == 200
    assert one.get(EXPORT).status_code == 200
    clock.shift(2 * A_QUARTER)
    with asking.app.app_context():
        db.session.execute(sa.update(User).values(password_hash=None))
        db.session.commit()
    assert one.get(EXPORT).status_code == 200
