"""The rules of sessions, as people, supervisors and other hosts meet them."""

import csv
import getpass
import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from werkzeug.test import TestResponse

from tests.changes import invalidate_all_sessions, log_out_session, verify_all_sessions
from tests.conftest import MakeApp
from tests.site import Browser, Site
from tests.statements import noted_statements
from timApp.auth.session.util import (
    expire_user_session,
    invalidate_sessions_for,
    verify_session_for,
)
from timApp.auth.site import db
from timApp.guard.tables.change import SessionChange
from timApp.guard.tables.session import UserSession
from timApp.guard.vocabulary import Action, ActorKind
from timApp.user.user import User, require_user

SECRET = "known to our hosts"
MORNING = datetime(2026, 5, 4, 9, 0, 0, 123456, tzinfo=UTC)
HOUR = timedelta(hours=1)

#: Views that an expired session reaches, but for static files and the documents, which have
#: exceptions of their own. The two for hosts ask for a secret or an administrator.
OPEN_ENDPOINTS = {
    "health.alive",
    "health.ready",
    "login.login_page",
    "login.log_in",
    "login.log_out",
    "passkey_login.show",
    "passkey_login.options",
    "passkey_login.log_in",
    "oidc.log_in",
    "oidc.callback",
    "oidc.end",
    "header_login.show",
    "header_login.log_in",
    "lti.begin",
    "lti.begin_with_form",
    "lti.launch",
    "saml.log_in",
    "saml.finish",
    "saml.describe",
    "signals.configuration",
    "signals.keys",
    "signals.poll",
    "openapi.openapi_document",
    "sessions.get_current_session",
    "sessions.get_state",
    "language.choose",
    "hand_in.show_receipt",
    "sessions.validate_remote_session",
    "sessions.invalidate_remote_session",
    "exam_browser.show",
    "exam_browser.send_file",
    "exam_browser.end",
    "exam_browser.tell",
    "gate.ask_for_nginx",
    "gate.ask_for_forward",
    "gate.ask_for_envoy",
    "gate.refuse",
    "gate.show_blocked",
}


@pytest.fixture
def app(database_url: str, make_app: MakeApp) -> Flask:
    """The application, which other hosts may talk to."""
    return make_app(database_url, DIST_RIGHTS_RECEIVE_SECRET=SECRET)


def tell(site: Site, action: str, **content: str) -> TestResponse:
    """Verify or invalidate as another host does."""
    response = site.browser().client.post(
        f"/user/sessions/{action}", json={"secret": SECRET, **content}
    )
    assert response.status_code == 200
    return response


def sees_exam(browser: Browser) -> int:
    """Return the status that the browser is answered with when it opens the exam."""
    return browser.get("/view/exam").status_code


def with_cookie(site: Site, value: str) -> Browser:
    """Return a new browser that has this cookie."""
    browser = site.browser()
    browser.client.set_cookie("timapp", value)
    return browser


def cookie_of(browser: Browser) -> str:
    """Return the value of the browser's cookie."""
    cookie = browser.client.get_cookie("timapp")
    assert cookie is not None
    return cookie.value


# The loop


def test_the_loop_from_a_second_login_to_the_administrators_export(hall: Site) -> None:
    """A second login is blocked, a verification moves access to it, and the export shows both."""
    hall.add_admin()
    first, second = hall.logged_in("alice", "Desk"), hall.logged_in("alice", "Phone")
    assert (sees_exam(first), sees_exam(second)) == (200, 490)

    page = second.get_page("/view/exam")
    assert page.status == "490 Session Expired"
    assert "<svg" in page.text
    assert "/supervise/link/" in page.text

    admin = hall.logged_in("admin")
    verify = {"session_id": second.session_id}
    assert admin.post("/user/sessions/alice/verify", json=verify).json == {"status": "ok"}
    assert (sees_exam(first), sees_exam(second)) == (490, 200)
    assert second.get("/user/sessions/current").json == {
        "sessionId": second.session_id,
        "valid": True,
    }

    rows = list(csv.DictReader(admin.get("/user/sessions/all?user=alice").text.splitlines()))
    assert [(row["session_id"], row["origin"], not row["expired_at"]) for row in rows] == [
        (first.session_id, "[127.0.0.1] Desk", False),
        (second.session_id, "[127.0.0.1] Phone", True),
    ]
    assert (hall.changes()[-1].actor, hall.changes()[-1].session_id) == (
        "admin",
        second.session_id,
    )


# The limit


@pytest.mark.parametrize(("limit", "active"), [(1, 1), (2, 2), (None, 3)])
def test_of_three_logins_as_many_are_active_as_the_limit_allows(
    database_url: str, make_app: MakeApp, limit: int | None, active: int
) -> None:
    """The logins within the limit are active, the ones over it are expired, and all succeed."""
    site = Site(make_app(database_url, SESSIONS_MAX_CONCURRENT_SESSIONS_PER_USER=limit))
    site.add_user("alice")
    answers = [site.browser().log_in("alice") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    ids = [answer.json["sessionId"] for answer in answers if answer.json]
    valid = [answer.json["valid"] for answer in answers if answer.json]
    assert valid == [number < active for number in range(3)]
    assert site.active("alice") == set(ids[:active])


def test_the_limit_is_one_session_unless_the_site_says_otherwise(hall: Site) -> None:
    """Without configuration a person has one active session."""
    hall.logged_in("alice")
    hall.logged_in("alice")
    assert len(hall.active("alice")) == 1


def test_the_limit_is_for_each_person_by_themselves(hall: Site) -> None:
    """One person's sessions leave another's limit as it is."""
    hall.add_user("bob")
    hall.logged_in("alice")
    bob = hall.logged_in("bob")
    assert hall.active("bob") == {bob.session_id}


def test_an_expired_session_leaves_room_for_the_next_login(hall: Site) -> None:
    """Once the active session is invalidated or logged out, the next login is active."""
    first = hall.logged_in("alice")
    tell(hall, "invalidate", username="alice")
    second = hall.logged_in("alice")
    assert (sees_exam(first), sees_exam(second)) == (490, 200)
    second.log_out()
    third = hall.logged_in("alice")
    assert sees_exam(third) == 200


def test_a_session_over_the_limit_is_expired_from_birth(hall: Site) -> None:
    """A session over the limit expires at the very moment of its login."""
    hall.logged_in("alice")
    second = hall.logged_in("alice")
    session = hall.sessions("alice")[second.session_id]
    assert session.expired_at == session.logged_in_at
    assert session.logged_out_at is None


# Verify and invalidate


def test_an_invalidated_session_is_blocked_on_its_next_request_in_every_worker(
    hall: Site, database_url: str, make_app: MakeApp
) -> None:
    """What one worker invalidates is blocked by another at once, and open again once verified."""
    browser = hall.logged_in("alice")
    worker = Site(make_app(database_url, DIST_RIGHTS_RECEIVE_SECRET=SECRET))
    other = with_cookie(worker, cookie_of(browser))
    assert (sees_exam(browser), sees_exam(other)) == (200, 200)
    tell(hall, "invalidate", username="alice")
    assert (sees_exam(browser), sees_exam(other)) == (490, 490)
    assert other.get("/user/sessions/current").json == {
        "sessionId": browser.session_id,
        "valid": False,
    }
    tell(worker, "verify", username="alice", session_id=browser.session_id)
    assert (sees_exam(browser), sees_exam(other)) == (200, 200)


def test_verify_without_an_id_takes_the_latest_session_that_is_not_logged_out(hall: Site) -> None:
    """The latest login that is still there becomes active, and the others expire."""
    with time_machine.travel(MORNING, tick=False) as clock:
        browsers = []
        for _ in range(4):
            browsers.append(hall.logged_in("alice"))
            clock.shift(HOUR)
        browsers[3].log_out()
        tell(hall, "verify", username="alice")
    assert hall.active("alice") == {browsers[2].session_id}


def test_of_logins_at_the_same_moment_the_one_with_the_greatest_id_is_the_latest(
    hall: Site,
) -> None:
    """Ties in time are broken by the id, letter by letter and not by a language's alphabet."""
    with time_machine.travel(MORNING, tick=False):
        for session_id in ("B", "a", "-b", "Z", "_"):
            hall.add_session("alice", session_id)
        with hall.app.app_context():
            # The index happens to be in the right order: the promise must not rest on it.
            db.session.execute(sa.text("DROP INDEX ix_usersession_latest"))
            db.session.commit()
        tell(hall, "invalidate", username="alice")
        tell(hall, "verify", username="alice")
    assert hall.active("alice") == {"a"}
    with hall.app.app_context():
        invalidate_all_sessions()
        verify_all_sessions()
        db.session.commit()
    assert hall.active("alice") == {"a"}


def test_time_goes_before_the_id_in_which_session_is_the_latest(hall: Site) -> None:
    """A later login is the latest one even if its id is smaller, by a microsecond too."""
    with time_machine.travel(MORNING, tick=False) as clock:
        hall.add_session("alice", "z")
        clock.shift(timedelta(microseconds=1))
        hall.add_session("alice", "a")
    tell(hall, "verify", username="alice")
    assert hall.active("alice") == {"a"}


def test_verify_with_an_id_makes_that_session_active_and_expires_the_others(hall: Site) -> None:
    """Whichever session is named is active afterwards, and no other."""
    browsers = [hall.logged_in("alice") for _ in range(3)]
    tell(hall, "verify", username="alice", session_id=browsers[1].session_id)
    assert [sees_exam(browser) for browser in browsers] == [490, 200, 490]


def test_verify_leaves_other_people_alone(hall: Site) -> None:
    """Neither verify nor invalidate touches the sessions of anybody else."""
    hall.add_user("bob")
    hall.logged_in("bob")
    before = hall.states("bob")
    hall.logged_in("alice")
    tell(hall, "verify", username="alice")
    tell(hall, "invalidate", username="alice")
    assert hall.states("bob") == before


def test_verify_of_a_session_unknown_here_expires_all_sessions_here(hall: Site) -> None:
    """The verified session lives on another host, so those of this host expire."""
    browser = hall.logged_in("alice")
    tell(hall, "verify", username="alice", session_id="lives elsewhere")
    assert hall.active("alice") == set()
    assert set(hall.sessions("alice")) == {browser.session_id}


def test_a_logged_out_session_is_never_active_again(hall: Site) -> None:
    """No verify, by id, of the latest or of everybody, revives what is logged out."""
    with time_machine.travel(MORNING, tick=False) as clock:
        browser = hall.logged_in("alice")
        clock.shift(HOUR)
        browser.log_out()
        before = hall.states("alice")
        clock.shift(HOUR)
        tell(hall, "verify", username="alice", session_id=browser.session_id)
        tell(hall, "verify", username="alice")
        with hall.app.app_context():
            assert verify_all_sessions() == 0
            db.session.commit()
    assert hall.states("alice") == before
    assert before[browser.session_id][1:3] == (MORNING + HOUR, MORNING + HOUR)


def test_an_earlier_time_of_expiry_is_never_rewritten(hall: Site) -> None:
    """Whatever else expires a session, the time when it first expired stays."""
    with time_machine.travel(MORNING, tick=False) as clock:
        for session_id in ("first", "second"):
            hall.add_session("alice", session_id)
        clock.shift(HOUR)
        tell(hall, "invalidate", username="alice")
        expected = {"first": MORNING + HOUR, "second": MORNING}

        def expiries() -> dict[str, object]:
            return {id_: session.expired_at for id_, session in hall.sessions("alice").items()}

        assert expiries() == expected
        clock.shift(HOUR)
        with hall.app.app_context():
            alice = require_user(db, "alice")
            for session_id in ("first", "second"):
                invalidate_sessions_for("alice", session_id)
                expire_user_session(alice, session_id)
            invalidate_sessions_for("alice")
            invalidate_all_sessions()
            verify_session_for("alice", "lives elsewhere")
            db.session.commit()
        assert expiries() == expected
        with hall.app.app_context():
            log_out_session(require_user(db, "alice").id, "second")
            db.session.commit()
        assert expiries() == expected


# Everybody at once


def _add_people(site: Site, numbers: range) -> None:
    """Add people with an expired, a later active and a logged-out session each."""
    with site.app.app_context():
        for number in numbers:
            user = User(name=f"student{number}", password_hash="-")
            db.session.add(user)
            for hours, session_id in enumerate(("old", "new", "gone")):
                at = MORNING + hours * HOUR
                is_gone = session_id == "gone"
                db.session.add(
                    UserSession(
                        user=user,
                        session_id=f"{session_id}{number}",
                        logged_in_at=at,
                        expired_at=at if session_id == "new" or is_gone else None,
                        logged_out_at=at if is_gone else None,
                    )
                )
        db.session.commit()


@pytest.mark.parametrize("path", ["/user/sessions/verifyAll", "/user/sessions/invalidateAll"])
def test_changes_of_all_sessions_take_as_many_statements_for_3_people_as_for_30(
    site: Site, path: str
) -> None:
    """The number of statements does not depend on how many people there are."""
    site.add_admin()
    admin = site.logged_in("admin")
    admin.get("/user/sessions/current")  # so that no first sight of the session is written below
    counts = []
    for people in (range(3), range(3, 30)):
        _add_people(site, people)
        with noted_statements(site) as statements:
            assert admin.post(path).json == {"status": "ok"}
        counts.append(len(statements))
    assert counts[0] == counts[1]
    is_verify = path.endswith("verifyAll")
    for number in range(30):
        assert site.active(f"student{number}") == ({f"new{number}"} if is_verify else set())


def test_a_second_change_of_all_sessions_changes_and_records_nothing(site: Site) -> None:
    """Both say how many sessions they changed, and change none when they are repeated."""
    _add_people(site, range(3))
    with site.app.app_context():
        assert (verify_all_sessions(), verify_all_sessions()) == (6, 0)
        assert (invalidate_all_sessions(), invalidate_all_sessions()) == (3, 0)
        db.session.commit()
    assert [(c.action, c.session_count, c.user_id, c.session_id) for c in site.changes()] == [
        (Action.VERIFY_ALL, 6, None, None),
        (Action.INVALIDATE_ALL, 3, None, None),
    ]


# Documents


def test_allowed_documents_are_readable_with_an_expired_session_by_exact_path_only(
    database_url: str, make_app: MakeApp
) -> None:
    """The configured path is open; paths below, above or almost like it are not."""
    app = make_app(database_url, SESSION_BLOCK_IGNORE_DOCUMENTS=["exam/help"])
    site = Site(app)
    site.add_user("alice")
    for path in ("exam", "exam/help", "exam/help/more", "exam/Help", "exam/helpers"):
        site.add_document(path, ["alice"])
    site.logged_in("alice")
    expired = site.logged_in("alice")
    assert expired.get("/view/exam/help").status_code == 200
    closed = (
        "exam",
        "exam/help/more",
        "exam/Help",
        "exam/helpers",
        "exam/hel",
        "exam/help/",
        "exam/help%20",
        "exam/help%00",
        "exam/./help",
        "exam%2Fhelp%2F",
        "no/such/document",
    )
    for path in closed:
        assert expired.get(f"/view/{path}").status_code == 490, path


def test_an_allowed_document_still_needs_the_right_to_it(
    database_url: str, make_app: MakeApp
) -> None:
    """A person without the right is refused an allowed document, expired or not."""
    site = Site(make_app(database_url, SESSION_BLOCK_IGNORE_DOCUMENTS=["help"]))
    site.add_user("alice")
    site.add_document("help")
    browsers = [site.logged_in("alice"), site.logged_in("alice")]
    assert [browser.get("/view/help").status_code for browser in browsers] == [403, 403]
    assert site.browser().get("/view/help").status_code == 403


# Blocked means blocked


def test_every_page_but_the_open_ones_is_closed_to_an_expired_session(hall: Site) -> None:
    """Each registered address that is not expressly open answers 490 to an expired session."""
    hall.logged_in("alice")
    expired = hall.logged_in("alice")
    before = hall.states("alice")
    closed = set()
    for rule in hall.app.url_map.iter_rules():
        if rule.endpoint in OPEN_ENDPOINTS or rule.endpoint.endswith("static"):
            continue
        with hall.app.test_request_context():
            values: dict[str, Any] = dict.fromkeys(rule.arguments, "x")
            address = hall.app.url_for(rule.endpoint, **values)
        for method in (rule.methods or set()) - {"OPTIONS"}:
            response = expired.client.open(
                address, method=method, headers={"X-CSRFToken": expired.csrf_token}
            )
            assert response.status_code == 490, (method, address)
        closed.add(rule.endpoint)
    assert closed >= {
        "documents.index",
        "documents.view_document",
        "sessions.get_all_sessions",
        "sessions.validate_session",
        "sessions.invalidate_session",
        "sessions.validate_all",
        "sessions.invalidate_all",
    }
    assert hall.states("alice") == before


def test_the_routes_for_hosts_refuse_an_expired_session_without_the_secret(hall: Site) -> None:
    """The two routes that know a secret are no way around for somebody without it."""
    hall.logged_in("alice")
    expired = hall.logged_in("alice")
    before = hall.states("alice")
    for action in ("verify", "invalidate"):
        answer = expired.post(f"/user/sessions/{action}", json={"username": "alice"})
        assert answer.status_code == 403
    assert hall.states("alice") == before


def test_a_new_page_is_closed_to_expired_sessions_by_default(hall: Site) -> None:
    """A page that somebody adds without a word about sessions is closed to expired ones."""
    hall.app.add_url_rule("/new", "new", lambda: "news", methods=["GET", "POST"])
    active, expired = hall.logged_in("alice"), hall.logged_in("alice")
    assert active.get("/new").text == "news"
    assert expired.get("/new").status_code == 490
    assert expired.post("/new").status_code == 490


def test_an_expired_session_reaches_its_status_logout_and_static_files(hall: Site) -> None:
    """Status, static files, the form to log in, and logging out stay open."""
    hall.logged_in("alice")
    expired = hall.logged_in("alice")
    assert expired.get("/user/sessions/current").json == {
        "sessionId": expired.session_id,
        "valid": False,
    }
    with hall.app.test_request_context():
        static = hall.app.url_for("ui.static", filename="ui.css")
        bootstrap = hall.app.url_for("bootstrap.static", filename="css/bootstrap.min.css")
    for address in (static, bootstrap, "/login"):
        with expired.get(address) as response:
            assert response.status_code == 200
    assert expired.log_out().status_code == 200
    assert hall.sessions("alice")[expired.session_id].logged_out_at is not None


def test_an_administrator_is_never_blocked(site: Site) -> None:
    """An administrator works on with an expired session, and is told that it is valid."""
    site.add_admin()
    site.logged_in("admin")
    second = site.logged_in("admin")
    assert len(site.active("admin")) == 1
    assert second.get("/").status_code == 200
    assert second.get("/user/sessions/current").json == {
        "sessionId": second.session_id,
        "valid": True,
    }


# Ids and cookies


def test_ids_are_new_at_every_login_and_uuid7(hall: Site) -> None:
    """No login gets an id that was given before, and each is a version 7 UUID."""
    browser = hall.browser()
    ids = []
    for _ in range(4):
        browser.log_in("alice")
        ids.append(browser.session_id)
    assert len(set(ids)) == 4
    assert {uuid.UUID(session_id).version for session_id in ids} == {7}


def test_the_cookie_is_rotated_at_login_and_an_old_copy_of_it_is_dead(hall: Site) -> None:
    """Logging in again gives the browser another cookie, and a copy of the old one is nobody's."""
    browser = hall.logged_in("alice")
    copy = with_cookie(hall, cookie_of(browser))
    assert copy.get("/user/sessions/current").status_code == 200
    browser.log_in("alice")
    assert cookie_of(browser) != cookie_of(copy)
    assert copy.get("/user/sessions/current").status_code == 403
    assert sees_exam(copy) == 403
    assert sees_exam(browser) == 200


def test_nothing_that_was_in_the_cookie_before_the_login_stays(hall: Site) -> None:
    """A token given to somebody anonymous does not work for the one who logged in after."""
    browser = hall.browser()
    with browser.client.session_transaction() as cookie:
        cookie["planted"] = "by somebody else"
    page = browser.get_page("/login").text
    token = page.partition('name="csrf_token" type="hidden" value="')[2].partition('"')[0]
    assert token
    browser.log_in("alice")
    with browser.client.session_transaction() as cookie:
        assert "planted" not in cookie
    assert browser.client.post("/logout", headers={"X-CSRFToken": token}).status_code == 400


def test_a_copy_of_the_cookie_is_dead_after_logout(hall: Site) -> None:
    """After a logout the cookie lets nobody in, even if somebody kept it."""
    browser = hall.logged_in("alice")
    copy = with_cookie(hall, cookie_of(browser))
    assert browser.log_out().json == {"status": "ok"}
    for each in (browser, copy):
        assert each.get("/user/sessions/current").status_code == 403
        assert sees_exam(each) == 403


def test_logging_in_again_in_the_same_browser_blocks_nobody(hall: Site) -> None:
    """The former session of the browser ends for good, and the new one is active."""
    browser = hall.logged_in("alice")
    former = browser.session_id
    answer = browser.log_in("alice")
    assert answer.json
    assert answer.json["valid"] is True
    assert sees_exam(browser) == 200
    assert hall.active("alice") == {browser.session_id}
    assert hall.sessions("alice")[former].logged_out_at is not None


def test_a_login_of_somebody_else_in_the_same_browser_ends_the_former_session(hall: Site) -> None:
    """When another person logs in with the same browser, the one before is logged out."""
    hall.add_user("bob")
    browser = hall.logged_in("alice")
    former = browser.session_id
    browser.log_in("bob")
    assert hall.sessions("alice")[former].logged_out_at is not None
    assert hall.active("bob") == {browser.session_id}
    assert sees_exam(browser) == 403
    assert [(change.action, change.actor, change.user_id) for change in hall.changes()[1:]] == [
        (Action.LOGOUT, "alice", hall.user_id("alice")),
        (Action.LOGIN, "bob", hall.user_id("bob")),
    ]


def test_a_failed_login_leaves_the_browsers_session_alone(hall: Site) -> None:
    """A wrong password in a browser that is logged in changes nothing."""
    browser = hall.logged_in("alice")
    before = hall.states("alice")
    assert browser.log_in("alice", "wrong").status_code == 403
    assert hall.states("alice") == before
    assert sees_exam(browser) == 200


def test_knowing_an_id_lets_nobody_in(hall: Site) -> None:
    """A cookie that was made with another key is nobody's, whatever ids are in it."""
    browser = hall.logged_in("alice")
    content = {"_user_id": str(hall.user_id("alice")), "_fresh": True}
    content |= {"session_id": browser.session_id, "_id": "x"}
    forger = Flask("forger")
    forger.secret_key = "a guess"
    serializer = SecureCookieSessionInterface().get_signing_serializer(forger)
    assert serializer is not None
    forged = with_cookie(hall, str(serializer.dumps(content)))
    for path in ("/user/sessions/current", "/view/exam", "/"):
        assert forged.get(path).status_code == 403, path
    in_the_address = forged.get(f"/view/exam?session_id={browser.session_id}")
    assert in_the_address.status_code == 422
    assert "Exam" not in in_the_address.text
    assert sees_exam(browser) == 200


def test_the_id_of_somebody_elses_session_makes_no_session_valid(hall: Site) -> None:
    """An active session counts for the person whose it is, and for nobody else."""
    hall.add_user("bob")
    alice, bob = hall.logged_in("alice"), hall.logged_in("bob")
    with bob.client.session_transaction() as cookie:
        cookie["session_id"] = alice.session_id
    assert bob.get("/").status_code == 490


# Time


def test_times_are_aware_utc_with_microseconds(site: Site) -> None:
    """The database gives back the very moment that was stored, aware and in UTC."""
    for microsecond in (0, 1, 123456, 999999):
        name = f"user{microsecond}"
        moment = MORNING.replace(microsecond=microsecond)
        with site.app.app_context():
            db.session.add(User(name=name, password_hash="-"))
            db.session.commit()
        with time_machine.travel(moment, tick=False):
            site.add_session(name, "first")
            site.add_session(name, "second")
        found = site.sessions(name)["second"]
        assert (found.logged_in_at, found.expired_at) == (moment, moment)
        assert found.logged_in_at.tzinfo is UTC
        assert found.logged_in_at.microsecond == microsecond
        assert [change.at for change in site.changes()[-2:]] == [moment, moment]


# The record of changes


def test_every_moment_is_spelt_alike_on_sqlite(sqlite_url: str, make_app: MakeApp) -> None:
    """Whichever door writes it, a moment is in ISO 8601 and says that it is UTC.

    SQLite orders and exports the text itself, and without a zone it would be read as local time.
    """
    hall = Site(make_app(sqlite_url))
    hall.add_user("alice")
    hall.logged_in("alice").log_out()
    hall.logged_in("alice")
    newest = hall.logged_in("alice")
    with hall.app.app_context():
        assert verify_all_sessions() == 2
        db.session.commit()
    newest.log_out()
    query = "SELECT expired_at FROM usersession"
    with hall.app.app_context():
        found = db.session.connection().exec_driver_sql(query).scalars().all()
    assert len(found) == 3
    for moment in found:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", moment)


def test_logins_and_logouts_are_recorded_with_who_from_where_and_which_session(hall: Site) -> None:
    """Login, login over the limit and logout each leave a record of their own."""
    with time_machine.travel(MORNING, tick=False):
        first = hall.logged_in("alice")
        second = hall.logged_in("alice")
        second.log_out()
    alice = hall.user_id("alice")
    found = [
        (c.actor_kind, c.actor, c.address, c.action, c.user_id, c.session_id, c.session_count, c.at)
        for c in hall.changes()
    ]
    who = (ActorKind.USER, "alice", "127.0.0.1")
    assert found == [
        (*who, Action.LOGIN, alice, first.session_id, 1, MORNING),
        (*who, Action.BLOCKED_LOGIN, alice, second.session_id, 1, MORNING),
        (*who, Action.LOGOUT, alice, second.session_id, 1, MORNING),
    ]


def test_an_administrators_changes_are_recorded_with_their_name(hall: Site) -> None:
    """Verify and invalidate, of one and of all, are recorded with who did what to how many."""
    hall.add_admin()
    first, second = hall.logged_in("alice"), hall.logged_in("alice")
    admin = hall.logged_in("admin")
    admin.client.environ_base["REMOTE_ADDR"] = "192.0.2.7"
    before = len(hall.changes())
    admin.post("/user/sessions/alice/verify", json={"session_id": second.session_id})
    admin.post("/user/sessions/alice/invalidate")
    admin.post("/user/sessions/alice/verify", json={"session_id": first.session_id})
    admin.post("/user/sessions/verifyAll")
    admin.post("/user/sessions/invalidateAll")
    changes = hall.changes()[before:]
    assert {(c.actor_kind, c.actor, c.address) for c in changes} == {
        (ActorKind.USER, "admin", "192.0.2.7")
    }
    alice = hall.user_id("alice")
    assert [(c.action, c.user_id, c.session_id, c.session_count) for c in changes] == [
        (Action.VERIFY, alice, second.session_id, 2),
        (Action.INVALIDATE, alice, None, 1),
        (Action.VERIFY, alice, first.session_id, 1),
        (Action.VERIFY_ALL, None, None, 2),
        (Action.INVALIDATE_ALL, None, None, 2),
    ]


def test_a_hosts_changes_are_recorded_as_the_hosts(hall: Site) -> None:
    """What a host does with the secret is its doing, also beside somebody's cookie."""
    browser = hall.logged_in("alice")
    content = {"username": "alice", "secret": SECRET, "session_id": browser.session_id}
    answer = browser.client.post(
        "/user/sessions/invalidate", json=content, environ_base={"REMOTE_ADDR": "192.0.2.9"}
    )
    assert answer.status_code == 200
    change = hall.changes()[-1]
    assert (change.actor_kind, change.actor, change.address) == (
        ActorKind.HOST,
        "192.0.2.9",
        "192.0.2.9",
    )
    assert (change.action, change.session_id, change.session_count) == (
        Action.INVALIDATE,
        browser.session_id,
        1,
    )


def test_changes_outside_a_request_are_those_of_the_command_line(hall: Site) -> None:
    """Who changes sessions outside a request is the operating system's user, without an address."""
    hall.add_session("alice", "one")
    with hall.app.app_context():
        invalidate_sessions_for("alice")
        verify_session_for("alice", "one")
        db.session.commit()
    assert [(c.actor_kind, c.actor, c.address, c.action) for c in hall.changes()] == [
        (ActorKind.COMMAND_LINE, getpass.getuser(), None, action)
        for action in (Action.LOGIN, Action.INVALIDATE, Action.VERIFY)
    ]


def test_expiring_one_session_is_recorded_like_every_other_change(hall: Site) -> None:
    """A session that is expired by itself leaves a record too, and only the first time."""
    hall.add_session("alice", "one")
    with hall.app.app_context():
        for _ in range(2):
            expire_user_session(require_user(db, "alice"), "one")
        db.session.commit()
    assert [(c.action, c.session_id, c.session_count) for c in hall.changes()[1:]] == [
        (Action.INVALIDATE, "one", 1)
    ]


def test_what_changes_nothing_is_not_recorded(hall: Site) -> None:
    """Repeated verifications, invalidations and logouts leave no second record."""
    browser = hall.logged_in("alice")
    tell(hall, "verify", username="alice", session_id=browser.session_id)
    tell(hall, "verify", username="alice")
    assert len(hall.changes()) == 1
    for _ in range(2):
        tell(hall, "invalidate", username="alice")
        tell(hall, "invalidate", username="alice", session_id="unknown")
        tell(hall, "verify", username="alice", session_id="unknown")
    assert len(hall.changes()) == 2
    with hall.app.app_context():
        for _ in range(2):
            log_out_session(require_user(db, "alice").id, browser.session_id)
        db.session.commit()
    assert len(hall.changes()) == 3


def test_a_failed_login_changes_and_records_nothing(hall: Site) -> None:
    """Wrong passwords and unknown names leave neither a session nor a record of changes."""
    assert hall.browser().log_in("alice", "wrong").status_code == 403
    assert hall.browser().log_in("nobody").status_code == 403
    assert hall.sessions("alice") == {}
    assert hall.changes() == []


def test_the_record_of_changes_can_only_be_added_to(site: Site) -> None:
    """The database itself refuses to change or delete what is recorded."""
    with site.app.app_context():
        db.session.add(User(name="alice", password_hash="-"))
        db.session.commit()
    site.add_session("alice", "one")
    for statement in (sa.update(SessionChange).values(actor="me"), sa.delete(SessionChange)):
        with site.app.app_context(), pytest.raises(sa.exc.DBAPIError):
            db.session.execute(statement)
    assert len(site.changes()) == 1


# Tracking off


def test_nobody_is_blocked_and_nothing_recorded_while_tracking_is_off(
    database_url: str, make_app: MakeApp
) -> None:
    """With SESSIONS_ENABLE off any number of logins works, and no session is recorded."""
    site = Site(make_app(database_url, SESSIONS_ENABLE=False))
    site.add_user("alice")
    site.add_document("exam", ["alice"])
    browsers = [site.logged_in("alice") for _ in range(3)]
    assert [sees_exam(browser) for browser in browsers] == [200] * 3
    assert site.sessions("alice") == {}
    assert site.changes() == []
    assert browsers[0].log_out().status_code == 200
    assert sees_exam(browsers[0]) == 403
