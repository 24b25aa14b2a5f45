"""Clocks that differ, and clocks that are set back."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from tests.conftest import MakeApp
from tests.site import Site
from timApp.auth.session.util import add_user_session, verify_session_for
from timApp.auth.site import current_site, db
from timApp.database.work import Work
from timApp.guard import Cookies, Guard, Identity
from timApp.guard.cookie import Claims
from timApp.guard.logins.begin import Beginning, Started, _transact
from timApp.guard.reading.sessions import latest_session_id
from timApp.guard.rules.validity import SEEN_INTERVAL_ACTIVE, SEEN_INTERVAL_EXPIRED, is_seen_due
from timApp.guard.vocabulary import Actor, ActorKind, State
from timApp.guard.waiting.codes import PATIENCE, waiting_sessions
from timApp.guard.waiting.link import ExpiredLink, LinkedSession, Links
from timApp.net.wrongsecret import record_wrong_secret, seconds_to_wait
from timApp.user.user import require_user
from timApp.util.clock import CLOCK_LEEWAY, now

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """The clock, which stands at noon."""
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


# Two servers on one database


@pytest.mark.parametrize("ahead", [SECOND, CLOCK_LEEWAY, -SECOND, -CLOCK_LEEWAY], ids=str)
def test_a_login_at_a_server_counts_at_another_whose_clock_differs(
    database_url: str, make_app: MakeApp, clock: time_machine.Traveller, ahead: timedelta
) -> None:
    """Up to a minute, ahead or behind: the cookie is somebody's at once, and so is the next."""
    one, other = Site(make_app(database_url)), Site(make_app(database_url))
    one.add_exam_hall()
    for _ in range(3):
        clock.move_to(NOON + ahead)
        browser = one.logged_in("alice")
        cookie = browser.client.get_cookie("timapp")
        assert cookie
        clock.move_to(NOON)
        there = other.browser()
        there.client.set_cookie("timapp", cookie.value)
        answer = there.get("/user/sessions/current")
        assert answer.status_code == 200
        assert answer.json
        assert answer.json["sessionId"] == browser.session_id


def test_a_cookie_of_a_clock_that_is_further_ahead_is_nobodys(
    clock: time_machine.Traveller,
) -> None:
    """A minute is the leeway."""
    cookies = Cookies(["key"])
    cookie = cookies.issue(Claims(1, "one"))
    clock.shift(-CLOCK_LEEWAY)
    assert cookies.claims(cookie) is not None
    clock.shift(-SECOND)
    assert cookies.claims(cookie) is None


def test_a_fresh_link_is_good_at_a_server_whose_clock_is_behind(
    clock: time_machine.Traveller,
) -> None:
    """A minute is the leeway; one of a time that is still to come is as one that is too old."""
    links = Links("key")
    token = links.sign("alice", "one")
    clock.shift(-CLOCK_LEEWAY)
    assert links.read(token) == LinkedSession("alice", "one")
    clock.shift(-SECOND)
    with pytest.raises(ExpiredLink):
        links.read(token)


@pytest.mark.parametrize("ahead", [CLOCK_LEEWAY, -CLOCK_LEEWAY], ids=str)
def test_who_waits_is_seen_by_a_server_whose_clock_differs(
    hall: Site, clock: time_machine.Traveller, ahead: timedelta
) -> None:
    """They wait there as long as their page asks here."""
    hall.blocked()
    clock.shift(ahead)
    with hall.app.app_context():
        assert [one.user_name for one in waiting_sessions(db)] == ["alice"]
    clock.shift(PATIENCE + CLOCK_LEEWAY + SECOND)
    with hall.app.app_context():
        assert waiting_sessions(db) == []


# A clock that is set back


def test_a_page_that_was_closed_before_a_clock_was_set_back_waits_no_more(
    hall: Site, clock: time_machine.Traveller
) -> None:
    """Nor does one that is open stop waiting: it is seen anew."""
    browser = hall.blocked()
    clock.shift(-HOUR)
    with hall.app.app_context():
        assert waiting_sessions(db) == []
    browser.get("/user/sessions/current")  # nobody: the cookie's time has not come
    blocked = hall.blocked()
    with hall.app.app_context():
        assert [one.session_id for one in waiting_sessions(db)] == [blocked.session_id]


@pytest.mark.parametrize("interval", [SEEN_INTERVAL_ACTIVE, SEEN_INTERVAL_EXPIRED])
def test_it_is_time_to_write_down_who_was_seen_in_the_future(interval: float) -> None:
    """Only beyond the leeway of clocks."""
    noon, leeway = NOON.timestamp(), CLOCK_LEEWAY.total_seconds()
    assert not is_seen_due(noon + leeway, noon, interval)
    assert is_seen_due(noon + leeway + 1, noon, interval)


def begin(app: Flask, session_id: str) -> None:
    """Let a session of alice begin in a transaction of its own."""
    with app.app_context():
        user = require_user(db, "alice")
        add_user_session(user, session_id, "test")
        db.session.commit()


def test_the_latest_session_is_the_one_that_began_last(
    hall: Site, clock: time_machine.Traveller
) -> None:
    """Whatever was done to the clock: each begins after the one before, and is what is verified."""
    ids = ["z", "y", "x", "w"]
    for session_id, shift in zip(ids, (HOUR, -HOUR, -HOUR, SECOND), strict=True):
        begin(hall.app, session_id)
        with hall.app.app_context():
            assert latest_session_id(db, hall.user_id("alice")) == session_id
            verify_session_for("alice")
            db.session.commit()
        assert hall.active("alice") == {session_id}
        clock.shift(shift)
    began = [hall.sessions("alice")[one].logged_in_at for one in ids]
    assert began == sorted(set(began))
    assert began[2] - began[1] == timedelta(microseconds=1)
    clock.move_to(NOON + 2 * HOUR)
    begin(hall.app, "a")
    assert hall.sessions("alice")["a"].logged_in_at == NOON + 2 * HOUR


def test_verifying_everybodys_latest_sessions_means_those_that_began_last(
    hall: Site, clock: time_machine.Traveller
) -> None:
    """Also for whom the clock was set back in between."""
    admin = hall.app
    begin(admin, "z")
    clock.shift(-HOUR)
    begin(admin, "a")
    hall.add_admin()
    assert hall.logged_in("admin").post("/user/sessions/verifyAll").status_code == 200
    assert hall.active("alice") == {"a"}


def test_sessions_that_begin_together_follow_one_another(
    engine: sa.Engine, clock: time_machine.Traveller
) -> None:
    """In one transaction for several people, each person's come after that person's latest."""
    guard = Guard(engine, Cookies(["key"]))
    guard.upgrade_database()
    people = [guard.begin(Identity(name), "here").person for name in ("alice", "bob")]
    clock.shift(-HOUR)
    actor = Actor(ActorKind.USER, "somebody")
    alice, bob = people
    logins = ((alice, "3"), (bob, "3"), (alice, "2"), (alice, "1"))
    started = _transact(
        engine,
        [
            Beginning(person.id, person.name, session_id, "here", None, actor)
            for person, session_id in logins
        ],
    )
    assert started == [Started(State.ACTIVE, session_id) for _, session_id in logins]
    with Work(engine) as work:
        assert latest_session_id(work, alice.id) == "1"
        assert latest_session_id(work, bob.id) == "3"


def test_the_history_of_somebody_whose_clock_was_set_back_is_shown(
    hall: Site, clock: time_machine.Traveller
) -> None:
    """Times that go backwards are no error in the record and in the drawing of it."""
    begin(hall.app, "one")
    clock.shift(-HOUR)
    begin(hall.app, "two")
    with hall.app.app_context():
        verify_session_for("alice", "two")
        db.session.commit()
    hall.add_admin()
    admin = hall.logged_in("admin")
    assert "/administer/person" in admin.get_page("/administer/sessions").text
    for page in ("/administer/person?user=alice", "/administer"):
        assert admin.get_page(page).status_code == 200


def test_wrong_secrets_of_a_time_to_come_make_nobody_wait_longer(
    app: Flask, clock: time_machine.Traveller
) -> None:
    """A clock that was set back does not add to the wait."""
    with app.app_context():
        engine = current_site().guard.engine
        for _ in range(30):
            record_wrong_secret(engine, "192.0.2.1", "/")
        wait = seconds_to_wait(db, "192.0.2.1")
        clock.shift(-HOUR)
        assert 0 < seconds_to_wait(db, "192.0.2.1") == wait
        assert now() < NOON
