"""The routes of `timApp.auth.session.routes`: who may, what they do, what they answer."""

import csv
import inspect
import io
import json
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from enum import Enum
from itertools import product
from sqlite3 import Connection as SQLiteConnection
from typing import Any, get_type_hints

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask
from flask.wrappers import Response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import validate
from sqlalchemy.engine import make_url
from werkzeug.test import TestResponse

from tests.conftest import MakeApp
from tests.site import Browser, Site
from timApp.auth.session import routes
from timApp.auth.session.routes import ExportFormatOptions, SessionStateFilterOptions
from timApp.auth.site import db
from timApp.guard.export.cells import BLANKS, ENDS, SIGNS, escaped_cell
from timApp.guard.tables.session import UserSession
from timApp.user.user import User

SECRET = "known to our hosts"
MORNING = datetime(2026, 5, 4, 9, 0, 0, 123456, tzinfo=UTC)
COLUMNS = ["user", "session_id", "origin", "logged_in_at", "expired_at"]
REQUIRED = inspect.Parameter.empty

EXPORT = "/user/sessions/all"
CHANGES = [
    "/user/sessions/alice/verify",
    "/user/sessions/alice/invalidate",
    "/user/sessions/alice/end",
    "/user/sessions/alice/pause",
    "/user/sessions/verifyAll",
    "/user/sessions/invalidateAll",
]
REMOTE = ["/user/sessions/verify", "/user/sessions/invalidate"]


@pytest.fixture
def app(database_url: str, make_app: MakeApp) -> Flask:
    """The application, which other hosts may talk to."""
    return make_app(database_url, DIST_RIGHTS_RECEIVE_SECRET=SECRET)


@pytest.fixture
def hall(site: Site) -> Site:
    """A site with a person who has an active session `new` and an expired one `old`."""
    add_person(site, "alice", old=MORNING, new=None)
    return site


@pytest.fixture
def admin(hall: Site) -> Browser:
    """The browser of an administrator."""
    hall.add_admin()
    return hall.logged_in("admin")


def add_person(site: Site, name: str, **sessions: datetime | None) -> None:
    """Add somebody who cannot log in, with sessions of those ids and times of expiry."""
    with site.app.app_context():
        user = User(name=name, password_hash="-")
        for number, (session_id, expired_at) in enumerate(sessions.items()):
            at = MORNING + timedelta(hours=number)
            user.sessions.append(
                UserSession(session_id=session_id, logged_in_at=at, expired_at=expired_at)
            )
        db.session.add(user)
        db.session.commit()


def add_rows(site: Site, name: str, numbers: range) -> None:
    """Add a session for each number, all in one statement."""
    columns: Any = sa.select(sa.literal(numbers.start).label("n")).cte("numbers", recursive=True)
    following = sa.select(columns.c.n + 1).where(columns.c.n + 1 < numbers.stop)
    number = columns.union_all(following).c.n
    row = sa.select(
        sa.literal(site.user_id(name)),
        sa.cast(number, sa.Text),
        sa.literal("[192.0.2.1] Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0"),
        sa.literal(MORNING, UserSession.logged_in_at.type),
    )
    with site.app.app_context():
        db.session.execute(
            sa.insert(UserSession).from_select(
                ["user_id", "session_id", "origin", "logged_in_at"], row
            )
        )
        db.session.commit()


def snapshot(site: Site) -> tuple[object, ...]:
    """Return the person's sessions and how many changes are recorded."""
    found = {id_: (s.expired_at, s.logged_out_at) for id_, s in site.sessions("alice").items()}
    return found, len(site.changes())


def read_csv(response: TestResponse) -> list[list[str]]:
    """Return the rows of a CSV, without the header, which is checked."""
    assert response.status_code == 200
    header, *rows = csv.reader(io.StringIO(response.text, newline=""))
    assert header == COLUMNS
    return rows


def ids(response: TestResponse) -> list[str]:
    """Return the session ids of a CSV."""
    return [row[1] for row in read_csv(response)]


# The reference page's names


@pytest.mark.parametrize(
    ("kind", "members"),
    [
        (ExportFormatOptions, {"CSV": "csv", "JSON": "json"}),
        (SessionStateFilterOptions, {"ACTIVE": "active", "ALL": "all", "EXPIRED": "expired"}),
    ],
)
def test_options_are_those_of_the_reference_page(kind: type[Enum], members: dict[str, str]) -> None:
    """The options are enumerations with these names and values."""
    assert kind.__bases__ == (Enum,)
    assert {member.name: member.value for member in kind} == members


_ONE = {"user": (str, REQUIRED), "session_id": (str | None, None)}
_FROM_A_HOST = {
    "username": (str, REQUIRED),
    "session_id": (str | None, None),
    "secret": (str | None, None),
}


@pytest.mark.parametrize(
    ("view", "parameters"),
    [
        (
            routes.get_all_sessions,
            {
                "state": (SessionStateFilterOptions, SessionStateFilterOptions.ALL),
                "user": (str | None, None),
                "export_format": (ExportFormatOptions, ExportFormatOptions.CSV),
            },
        ),
        (routes.get_current_session, {}),
        (routes.invalidate_all, {}),
        (routes.invalidate_remote_session, _FROM_A_HOST),
        (routes.invalidate_session, _ONE),
        (routes.validate_all, {}),
        (routes.validate_remote_session, _FROM_A_HOST),
        (routes.validate_session, _ONE),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_signatures_are_those_of_the_reference_page(
    view: Callable[..., object], parameters: dict[str, tuple[object, object]]
) -> None:
    """Names, order, types and defaults of the parameters are laid down, and a response returned."""
    hints = get_type_hints(inspect.unwrap(view))
    found = {
        parameter.name: (hints[parameter.name], parameter.default)
        for parameter in inspect.signature(view).parameters.values()
    }
    assert list(found.items()) == list(parameters.items())
    assert hints["return"] is Response


# Who may


def test_get_current_session_tells_whoever_is_logged_in(site: Site) -> None:
    """A person learns their session's id and whether it is valid; anybody else gets 403."""
    site.add_user("alice")
    assert site.browser().get("/user/sessions/current").status_code == 403
    for is_valid in (True, False):
        browser = site.logged_in("alice")
        answer = browser.get("/user/sessions/current")
        assert answer.json == {"sessionId": browser.session_id, "valid": is_valid}


def test_the_state_is_told_whoever_asks(site: Site) -> None:
    """Open pages learn who is logged in and how it stands with them; nobody is an answer, too."""
    site.add_user("alice")
    answer = site.browser().get("/user/sessions/state")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    nobody = {"username": None, "sessionId": None, "standing": "anonymous"}
    nobody |= {"exams": "", "attemptedAt": None}
    assert answer.json == nobody
    for standing in ("valid", "blocked"):
        browser = site.logged_in("alice")
        answer = browser.get("/user/sessions/state")
        assert answer.json == {
            "username": "alice",
            "sessionId": browser.session_id,
            "standing": standing,
            "exams": "",
            "attemptedAt": None,
        }


def test_the_active_session_is_told_of_a_login_that_was_blocked(site: Site) -> None:
    """When the last one was stands in the state of the active session, and of no other."""
    site.add_user("alice")
    site.add_user("bob")
    active, stranger = site.logged_in("alice"), site.logged_in("bob")

    def told(browser: Browser) -> object:
        return (browser.get("/user/sessions/state").json or {})["attemptedAt"]

    assert told(active) is None
    for seconds in (100, 200):
        at = datetime.now(UTC) + timedelta(seconds=seconds)
        with time_machine.travel(at, tick=False):
            blocked = site.logged_in("alice")
            assert told(active) == int(at.timestamp())
            assert (told(blocked), told(stranger)) == (None, None)


def test_administrators_routes_are_for_administrators_only(hall: Site) -> None:
    """Anonymous visitors, people and supervisors get 403 and change nothing."""
    hall.add_user("bob")
    hall.add_supervisor()
    before = None
    for browser in (hall.browser(), hall.logged_in("bob"), hall.logged_in("supervisor")):
        if not browser.csrf_token:  # anonymous visitors can get a token too
            page = browser.get_page("/login").text
            after = page.partition('name="csrf_token" type="hidden" value="')[2]
            browser.csrf_token = after.partition('"')[0]
        before = snapshot(hall)
        answers = [browser.post(path) for path in CHANGES]
        answers += [browser.post(path, json={"username": "alice"}) for path in REMOTE]
        answers += [browser.get(EXPORT), browser.get(f"{EXPORT}?user=nobody")]
        answers += [browser.post("/user/sessions/nobody/verify")]
        for answer in answers:
            assert answer.status_code == 403, answer.request.path
            assert answer.json
            assert set(answer.json) == {"error"}
        assert snapshot(hall) == before


def test_changes_with_the_cookie_need_the_token(hall: Site, admin: Browser) -> None:
    """Without the CSRF token, or with a wrong one, even an administrator changes nothing."""
    before = snapshot(hall)
    for path in [*CHANGES, *REMOTE]:
        for headers in ({}, {"X-CSRFToken": "guessed"}):
            content = {"username": "alice"} if path in REMOTE else None
            answer = admin.client.post(path, json=content, headers=headers)
            assert (answer.status_code, answer.is_json) == (400, True), path
    assert snapshot(hall) == before


def test_the_token_may_stand_in_a_form(hall: Site, admin: Browser) -> None:
    """A page's form brings the token as a field, and the session id as another."""
    for path, content in (
        ("/user/sessions/alice/verify", {"session_id": "old"}),
        ("/user/sessions/verify", {"username": "alice", "session_id": "old"}),
    ):
        answer = admin.client.post(path, data={**content, "csrf_token": admin.csrf_token})
        assert answer.json == {"status": "ok"}
        assert hall.active("alice") == {"old"}


# One person's sessions


def test_validate_session_makes_the_named_or_latest_session_active(
    hall: Site, admin: Browser
) -> None:
    """With an id that session is active afterwards, without one, or with null, the latest."""
    verify = "/user/sessions/alice/verify"
    for content, active in (
        ({"session_id": "old"}, "old"),
        (None, "new"),
        ({"session_id": "old"}, "old"),
        ({"session_id": None}, "new"),
        ({"session_id": "old"}, "old"),
        ({}, "new"),
    ):
        assert admin.post(verify, json=content).json == {"status": "ok"}
        assert hall.active("alice") == {active}


def test_invalidate_session_expires_the_named_session_or_all(hall: Site, admin: Browser) -> None:
    """With an id that session expires, without one all of the person's."""
    invalidate = "/user/sessions/alice/invalidate"
    assert admin.post(invalidate, json={"session_id": "old"}).json == {"status": "ok"}
    assert hall.active("alice") == {"new"}
    assert admin.post(invalidate, json={"session_id": "new"}).json == {"status": "ok"}
    assert hall.active("alice") == set()
    admin.post("/user/sessions/alice/verify")
    assert admin.post(invalidate).json == {"status": "ok"}
    assert hall.active("alice") == set()


def test_end_session_ends_the_named_session_or_all(hall: Site, admin: Browser) -> None:
    """With an id that session is over for good, without one all of the person's."""
    end = "/user/sessions/alice/end"
    assert admin.post(end, json={"session_id": "old"}).json == {"status": "ok"}
    assert hall.active("alice") == {"new"}
    verify = admin.post("/user/sessions/alice/verify", json={"session_id": "old"})
    assert verify.status_code == 409
    assert admin.post(f"{end}?session_id=new").json == {"status": "ok"}
    assert admin.post(end).json == {"status": "ok"}
    assert all(one.logged_out_at for one in hall.sessions("alice").values())
    assert [change.action.value for change in hall.changes()].count("end") == 2


def test_whoever_left_the_room_is_blocked_until_verified(hall: Site, admin: Browser) -> None:
    """Their sessions expire, until one is verified; repeated, it changes nothing."""
    pause = "/user/sessions/alice/pause"
    assert admin.post(pause).json == {"status": "ok"}
    assert hall.active("alice") == set()
    expired_at, count = hall.sessions("alice")["new"].expired_at, len(hall.changes())
    assert admin.post(pause).json == {"status": "ok"}
    assert hall.sessions("alice")["new"].expired_at == expired_at
    assert len(hall.changes()) == count
    assert admin.post("/user/sessions/alice/verify").json == {"status": "ok"}
    assert hall.active("alice") == {"new"}
    change = next(one for one in hall.changes() if one.action.value == "pause")
    assert (change.actor, change.session_id, change.session_count) == ("admin", None, 1)
    assert admin.post("/user/sessions/nobody/pause").status_code == 404


def test_administrators_are_ended_too(hall: Site, admin: Browser) -> None:
    """Whom an invalidation does not touch, an end logs out, themselves included."""
    hall.add_admin("other")
    other = hall.logged_in("other")
    assert admin.post("/user/sessions/other/invalidate").status_code == 200
    assert other.get("/user/sessions/current").status_code == 200
    assert admin.post("/user/sessions/other/end").status_code == 200
    assert other.get("/user/sessions/current").status_code == 403
    assert admin.post("/user/sessions/admin/end").status_code == 200
    assert admin.get("/user/sessions/current").status_code == 403


def test_an_unknown_user_or_session_is_404_and_changes_nothing(hall: Site, admin: Browser) -> None:
    """What is not there is not found, the answer names the field, and nothing has changed."""
    add_person(hall, "bob", hers=None)
    before = snapshot(hall)
    for action in ("verify", "invalidate", "end"):
        for user, content, field in (
            ("nobody", None, "user"),
            ("nobody", {"session_id": "new"}, "user"),
            ("ALICE2", None, "user"),
            ("alice", {"session_id": "nope"}, "session_id"),
            ("alice", {"session_id": "hers"}, "session_id"),
            ("alice", {"session_id": "NEW"}, "session_id"),
        ):
            answer = admin.post(f"/user/sessions/{user}/{action}", json=content)
            assert answer.status_code == 404
            assert answer.json
            assert answer.json["field"] == field
            assert isinstance(answer.json["error"], str)
    assert snapshot(hall) == before


def test_a_person_without_a_session_cannot_be_verified(hall: Site, admin: Browser) -> None:
    """With no session at all, or none that is not logged out, verify is 404; invalidate is not."""
    add_person(hall, "bob")
    answer = admin.post("/user/sessions/bob/verify")
    assert answer.status_code == 404
    assert admin.post("/user/sessions/bob/invalidate").status_code == 200
    with hall.app.app_context():
        db.session.execute(
            sa.update(UserSession)
            .where(UserSession.session_id.in_(["old", "new"]))
            .values(expired_at=MORNING, logged_out_at=MORNING)
        )
        db.session.commit()
    assert admin.post("/user/sessions/alice/verify").status_code == 404


def test_a_logged_out_session_is_409_and_changes_nothing(hall: Site, admin: Browser) -> None:
    """Verifying a session that is over for good is a conflict; invalidating it is no change."""
    with hall.app.app_context():
        db.session.execute(
            sa.update(UserSession)
            .where(UserSession.session_id == "old")
            .values(logged_out_at=MORNING)
        )
        db.session.commit()
    before = snapshot(hall)
    answer = admin.post("/user/sessions/alice/verify", json={"session_id": "old"})
    assert answer.status_code == 409
    assert answer.json
    assert "logged out" in answer.json["error"]
    invalidate = admin.post("/user/sessions/alice/invalidate", json={"session_id": "old"})
    assert invalidate.status_code == 200
    assert snapshot(hall) == before


def test_every_name_that_a_person_may_have_can_be_asked_for(
    sqlite_url: str, make_app: MakeApp, subtests: pytest.Subtests
) -> None:
    """Whatever the name, the person's sessions can be verified by its address."""
    site = Site(make_app(sqlite_url))
    site.add_admin()
    admin = site.logged_in("admin")
    for name in ("Ääkkönen 😀", 'o\'Hara "Q"', "50%", "a#b?c", "verify", "..", "a/b"):
        with subtests.test(name=name):
            add_person(site, name, one=MORNING)
            with site.app.test_request_context():
                address = site.app.url_for("sessions.validate_session", user=name)
            assert admin.post(address).json == {"status": "ok"}
            assert site.active(name) == {"one"}


# Everybody's sessions


def test_validate_all_and_invalidate_all_change_everybodys_sessions(
    hall: Site, admin: Browser
) -> None:
    """Afterwards everybody's latest session is active, or nobody's."""
    add_person(hall, "bob", first=MORNING, second=MORNING)
    assert admin.post("/user/sessions/verifyAll").json == {"status": "ok"}
    assert (hall.active("alice"), hall.active("bob")) == ({"new"}, {"second"})
    assert hall.active("admin") == {admin.session_id}
    assert admin.post("/user/sessions/invalidateAll").json == {"status": "ok"}
    assert (hall.active("alice"), hall.active("bob"), hall.active("admin")) == (set(), set(), set())


# Other hosts


def test_a_host_with_the_secret_may_verify_and_invalidate(hall: Site) -> None:
    """With the secret neither cookie nor token is needed; JSON nulls are as good as nothing."""
    host = hall.browser().client
    for action, content, active in (
        ("verify", {"session_id": "old"}, {"old"}),
        ("verify", {"session_id": None}, {"new"}),
        ("verify", {}, {"new"}),
        ("invalidate", {"session_id": "old"}, {"new"}),
        ("invalidate", {"session_id": None}, set()),
        ("verify", {"session_id": "elsewhere"}, set()),
    ):
        body = {"username": "alice", "secret": SECRET, **content}
        answer = host.post(f"/user/sessions/{action}", json=body)
        assert (answer.status_code, answer.json) == (200, {"status": "ok"})
        assert hall.active("alice") == active


def test_a_host_is_told_of_an_unknown_user(hall: Site) -> None:
    """Somebody whom this host does not know is no error: nothing is done, and nothing recorded."""
    before = snapshot(hall)
    for path in REMOTE:
        body = {"username": "nobody", "secret": SECRET, "session_id": "new"}
        answer = hall.browser().client.post(path, json=body)
        assert (answer.status_code, answer.json) == (200, {"status": "ok"})
    assert snapshot(hall) == before


def test_a_wrong_secret_is_400_and_changes_nothing(hall: Site) -> None:
    """The answer to any wrong secret is the same words, known user or not."""
    before = snapshot(hall)
    for secret in ("wrong", SECRET.upper(), SECRET + " ", "ä", "x" * 1024):
        for path in REMOTE:
            for name in ("alice", "nobody"):
                content = {"username": name, "secret": secret}
                answer = hall.browser().client.post(path, json=content)
                assert (answer.status_code, answer.json) == (400, {"error": "Wrong secret"})
    assert snapshot(hall) == before


def test_a_wrong_secret_is_wrong_for_administrators_too(hall: Site, admin: Browser) -> None:
    """A secret that is given counts, whoever gives it."""
    answer = admin.post(REMOTE[0], json={"username": "alice", "secret": "wrong"})
    assert (answer.status_code, answer.json) == (400, {"error": "Wrong secret"})


def test_no_host_is_believed_without_a_configured_secret(
    database_url: str, make_app: MakeApp
) -> None:
    """Without DIST_RIGHTS_RECEIVE_SECRET every secret is answered with what is missing."""
    site = Site(make_app(database_url))
    add_person(site, "alice", one=None)
    before = snapshot(site)
    for path in REMOTE:
        for secret in ("any", "None"):
            content = {"username": "alice", "secret": secret}
            answer = site.browser().client.post(path, json=content)
            assert (answer.status_code, answer.json) == (
                400,
                {"error": "DIST_RIGHTS_RECEIVE_SECRET not configured."},
            )
    assert snapshot(site) == before


def test_without_a_secret_an_administrator_with_a_token_may(hall: Site, admin: Browser) -> None:
    """No secret, or null for one, leaves it to the cookie and its token."""
    for content in ({}, {"secret": None}):
        body = {"username": "alice", "session_id": "old", **content}
        assert admin.post("/user/sessions/verify", json=body).json == {"status": "ok"}
        assert hall.active("alice") == {"old"}
        body = {"username": "alice", **content}
        assert admin.post("/user/sessions/invalidate", json=body).json == {"status": "ok"}
        assert hall.active("alice") == set()


# The export


def test_the_export_is_csv_of_all_sessions_by_default(hall: Site, admin: Browser) -> None:
    """Without parameters: CSV, all sessions by person and time, ISO 8601 in UTC, as a download."""
    response = admin.get(EXPORT)
    admin_session = hall.sessions("admin")[admin.session_id]
    assert read_csv(response) == [
        [
            "alice",
            "old",
            "",
            "2026-05-04T09:00:00.123456+00:00",
            "2026-05-04T09:00:00.123456+00:00",
        ],
        ["alice", "new", "", "2026-05-04T10:00:00.123456+00:00", ""],
        [
            "admin",
            admin.session_id,
            "[127.0.0.1] Firefox",
            admin_session.logged_in_at.isoformat(timespec="microseconds"),
            "",
        ],
    ]
    assert response.content_type == "text/csv; charset=utf-8; header=present"
    assert response.headers["Content-Disposition"] == "attachment; filename=sessions.csv"
    assert response.headers["X-Row-Count"] == "3"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.data.count(b"\r\n") == 4


def test_the_export_as_json_is_a_list_of_objects(hall: Site, admin: Browser) -> None:
    """JSON has the same columns as CSV, with null for what is not expired."""
    response = admin.get(f"{EXPORT}?format=json&user=alice")
    assert response.json == [
        {
            "user": "alice",
            "session_id": "old",
            "origin": "",
            "logged_in_at": "2026-05-04T09:00:00.123456+00:00",
            "expired_at": "2026-05-04T09:00:00.123456+00:00",
        },
        {
            "user": "alice",
            "session_id": "new",
            "origin": "",
            "logged_in_at": "2026-05-04T10:00:00.123456+00:00",
            "expired_at": None,
        },
    ]
    assert response.content_type == "application/json"
    assert response.headers["X-Row-Count"] == "2"
    assert response.headers["Content-Disposition"] == "attachment; filename=sessions.json"


def test_the_export_filters_by_state_and_user(hall: Site, admin: Browser) -> None:
    """Each state alone, with a user or without, gives exactly those sessions in both formats."""
    add_person(hall, "bob", b1=MORNING, b2=None)
    mine = admin.session_id
    for query, expected in (
        ("state=all", ["old", "new", "b1", "b2", mine]),
        ("state=active", ["new", "b2", mine]),
        ("state=expired", ["old", "b1"]),
        ("user=bob", ["b1", "b2"]),
        ("user=bob&state=all", ["b1", "b2"]),
        ("user=bob&state=active", ["b2"]),
        ("state=expired&user=bob", ["b1"]),
        ("state=expired&user=admin", []),
    ):
        response = admin.get(f"{EXPORT}?{query}&format=csv")
        assert sorted(ids(response)) == sorted(expected), query
        assert response.headers["X-Row-Count"] == str(len(expected))
        response = admin.get(f"{EXPORT}?{query}&format=json")
        rows = json.loads(response.text)
        assert sorted(row["session_id"] for row in rows) == sorted(expected), query
        assert response.headers["X-Row-Count"] == str(len(expected))


def test_the_export_of_an_unknown_user_is_404(hall: Site, admin: Browser) -> None:
    """Nobody of that name is not the same as nobody's sessions."""
    answer = admin.get(f"{EXPORT}?user=nobody")
    assert answer.status_code == 404
    assert answer.json
    assert answer.json["field"] == "user"


STRANGE = [
    "plain",
    'quotes " and ""more""',
    "comma, semicolon; tab\tinside",
    "line\nbreak",
    "carriage\r\nreturn",
    "😀 Ääkkönen данные",
    " leading and trailing ",
    "\u2028 separators \u2029",
    "</script><script>alert(1)</script>",
    "\\ backslash \\n",
    "EXPORT FAILED",
    "'apostrophe",
    "\x01 control \x7f",
]
FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "  =1+1",
    "\u00a0=1+1",
    "=cmd|' /C calc'!A0",
    '="a",b',
]


def test_what_is_exported_can_be_read_back(hall: Site, admin: Browser) -> None:
    """Quotes, line ends, emoji and control characters survive CSV and JSON unchanged."""
    with hall.app.app_context():
        user = User(name='=o"Hara, 😀', password_hash="-")
        for number, text in enumerate(STRANGE):
            at = MORNING + timedelta(seconds=number)
            user.sessions.append(UserSession(session_id=text, origin=text, logged_in_at=at))
        db.session.add(user)
        db.session.commit()
    query = {"user": '=o"Hara, 😀'}
    rows = read_csv(admin.get(EXPORT, query_string=query))
    assert [row[:3] for row in rows] == [["'=o\"Hara, 😀", text, text] for text in STRANGE]
    found = admin.get(EXPORT, query_string={**query, "format": "json"}).json
    assert found
    assert [(row["user"], row["session_id"], row["origin"]) for row in found] == [
        ('=o"Hara, 😀', text, text) for text in STRANGE
    ]


def test_no_cell_of_the_csv_is_run_as_a_formula(hall: Site, admin: Browser) -> None:
    """What looks like a formula gets an apostrophe, wherever it stands; JSON has it as it is."""
    with hall.app.app_context():
        for number, text in enumerate(FORMULAS):
            # Some are one as names are compared, as an older program may have added them.
            user = User(name=text, name_key=sa.null(), password_hash="-")
            at = MORNING + timedelta(seconds=number)
            user.sessions.append(UserSession(session_id=text, origin=text, logged_in_at=at))
            db.session.add(user)
        db.session.commit()
    for text in FORMULAS:
        query = {"user": text}
        rows = read_csv(admin.get(EXPORT, query_string=query))
        assert [row[:3] for row in rows] == [[f"'{text}"] * 3]
        found = admin.get(EXPORT, query_string={**query, "format": "json"}).json
        assert found
        assert found[0]["origin"] == text


def escaped(cells: list[str]) -> list[str]:
    """Return the cells as the database of the application escapes them."""
    columns = [escaped_cell(sa.literal(cell, sa.Text())) for cell in cells]
    return list(db.session.execute(sa.select(*columns)).one())


def test_cells_that_begin_like_a_formula_get_an_apostrophe(hall: Site) -> None:
    """Only cells that begin like a formula change; blanks are all that Python takes for some."""
    plain = ["", " ", "a=1", " a", "'=1", "\x01=1", "Ä", "😀", "\u3000x"]
    with hall.app.app_context():
        assert escaped(plain) == plain
        assert escaped(FORMULAS) == [f"'{cell}" for cell in FORMULAS]
        before = [f"{blank}+1" for blank in BLANKS]
        assert escaped(before) == [f"'{cell}" for cell in before]
    assert set(BLANKS) == {chr(code) for code in range(0x110000) if chr(code).isspace()}


CELLS = st.text(
    st.sampled_from(f"{SIGNS}{BLANKS}'\"a0")
    | st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    max_size=5,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cells=st.lists(CELLS, min_size=1, max_size=20))
def test_whatever_a_cell_holds_the_database_tells_a_formula(hall: Site, cells: list[str]) -> None:
    """A sign behind blanks, or an end of line or cell, is a formula, and nothing else is."""
    expected = [
        f"'{cell}" if cell.lstrip()[:1] in set(SIGNS) or cell[:1] in set(ENDS) else cell
        for cell in cells
    ]
    with hall.app.app_context():
        assert escaped(cells) == expected


#: Of which each begins or ends like what follows it in a row.
LIKE_TIMES = [
    "2026-05-04 09:00:00.123456+00,2026-05-04 09:00:00+00",
    '"logged_in_at":"2026-05-04T09:00:00+00:00","expired_at":null}',
    "a b c d e f g h i j k l m n o p q r s t u v w x y z ",
    "." * 80,
    "Firefox,",
    'Firefox"',
]


def test_an_export_has_microseconds_whatever_they_are(hall: Site, admin: Browser) -> None:
    """A time is written to the microsecond, whatever zeros end it and whatever stands before it."""
    moments = [
        datetime(2026, 5, 4, 9, 0, 0, microsecond, tzinfo=UTC)
        for microsecond in (0, 1, 10, 1200, 123000, 123450, 123456, 500000, 999999)
    ]
    cases = list(product(moments, [*moments, None], LIKE_TIMES))
    seen = {number: moments[number % 9] if number % 4 else None for number in range(len(cases))}
    with hall.app.app_context():
        user = User(name="bob", password_hash="-")
        for number, (logged_in_at, expired_at, origin) in enumerate(cases):
            user.sessions.append(
                UserSession(
                    session_id=str(number),
                    logged_in_at=logged_in_at,
                    last_seen_at=seen[number],
                    expired_at=expired_at,
                    logged_out_at=expired_at if number % 3 else None,
                    origin=origin,
                )
            )
        db.session.add(user)
        db.session.commit()
    expected = {
        str(number): [
            origin,
            logged_in_at.isoformat(timespec="microseconds"),
            expired_at and expired_at.isoformat(timespec="microseconds"),
        ]
        for number, (logged_in_at, expired_at, origin) in enumerate(cases)
    }
    rows = read_csv(admin.get(f"{EXPORT}?user=bob"))
    assert {row[1]: [*row[2:4], row[4] or None] for row in rows} == expected
    found = admin.get(f"{EXPORT}?user=bob&format=json").json
    assert found
    columns = ["origin", "logged_in_at", "expired_at"]
    assert {row["session_id"]: [row[name] for name in columns] for row in found} == expected
    # That of the page has more times, and so many of them may be missing.
    for number, (_, expired_at, _) in enumerate(cases):
        for moment in (seen[number], expired_at if number % 3 else None):
            expected[str(number)].append(moment and moment.isoformat(timespec="microseconds"))
    columns += ["last_seen_at", "logged_out_at"]
    page = "/administer/sessions/export?user=bob"
    with_csv = csv.DictReader(io.StringIO(admin.get(page).text))
    assert {row["session_id"]: [row[name] or None for name in columns] for row in with_csv} == (
        expected
    )
    found = admin.get(f"{page}&format=json").json
    assert found
    assert {row["session_id"]: [row[name] for name in columns] for row in found} == expected


def test_a_user_agent_that_is_a_formula_comes_from_a_login_to_the_export_escaped(
    sqlite_url: str, make_app: MakeApp
) -> None:
    """A browser chooses its user agent; the origin begins with its address all the same."""
    site = Site(make_app(sqlite_url))
    site.add_admin()
    admin = site.browser('=HYPERLINK("http://example.org")')
    admin.log_in("admin")
    assert read_csv(admin.get(EXPORT))[0][2] == '[127.0.0.1] =HYPERLINK("http://example.org")'


@pytest.mark.parametrize("export_format", ["csv", "json"])
def test_an_export_is_utf8_whatever_the_database_is_asked_in(
    postgresql_url: str, make_app: MakeApp, export_format: str
) -> None:
    """A site whose connections speak another encoding exports UTF-8 all the same."""
    url = make_url(postgresql_url).update_query_dict({"client_encoding": "latin1"})
    site = Site(make_app(url.render_as_string(hide_password=False)))
    site.add_admin()
    admin = site.browser("Päiväkirja")
    admin.log_in("admin")
    assert "Päiväkirja".encode() in admin.get(f"{EXPORT}?format={export_format}").data


def test_an_export_of_nothing_is_an_empty_table(hall: Site, admin: Browser) -> None:
    """No sessions are a CSV of the header alone, and an empty JSON list."""
    add_person(hall, "bob")
    for export_format, text in (("json", "[]\n"), ("csv", ",".join(COLUMNS) + "\r\n")):
        response = admin.get(f"{EXPORT}?user=bob&format={export_format}")
        assert response.text == text
        assert response.headers["X-Row-Count"] == "0"


def checked_out(site: Site) -> int:
    """Return how many of the application's connections to the database are in use."""
    with site.app.app_context():
        pool = db.engine.pool
    assert isinstance(pool, sa.pool.QueuePool)
    return pool.checkedout()


def break_connections(site: Site, drivers: list[object]) -> None:
    """Break each connection to the database, as it is when its server or disk goes away."""
    for driver in drivers:
        if isinstance(driver, SQLiteConnection):
            driver.interrupt()
    with site.app.app_context():
        if db.engine.dialect.name == "postgresql":
            db.session.execute(
                sa.text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )


@pytest.mark.parametrize("export_format", ["csv", "json"])
def test_an_export_that_fails_half_way_cannot_be_taken_for_a_whole_one(
    hall: Site, admin: Browser, export_format: str
) -> None:
    """When the database goes away, CSV ends with a line that says so and JSON is no JSON."""
    add_person(hall, "bob")
    add_rows(hall, "bob", range(6000))
    drivers: list[object] = []
    with hall.app.app_context():
        sa.event.listen(db.engine, "checkout", lambda driver, *_: drivers.append(driver))
    response = admin.get(f"{EXPORT}?user=bob&format={export_format}")
    assert response.headers["X-Row-Count"] == "6000"
    response.close()

    response = admin.get(f"{EXPORT}?user=bob&format={export_format}")
    blocks: Iterator[bytes] = iter(response.response)  # type: ignore[arg-type]
    received = next(blocks)
    while received.count(b"\n") < 2000:
        received += next(blocks)
    break_connections(hall, drivers)
    with pytest.raises(sa.exc.DBAPIError):  # noqa: PT012 - what comes before the error counts
        for block in blocks:
            received += block
    response.close()
    assert checked_out(hall) == 0
    lines = received.decode().splitlines()
    if export_format == "csv":
        # What was on its way arrives.
        above = len(lines) - 2
        assert 2000 <= above < 6000
        assert lines[-1] == f"EXPORT FAILED: {above} of 6000 sessions are above this line"
    else:
        assert len(lines) > 2000
        with pytest.raises(json.JSONDecodeError):
            json.loads(received)
    # The next export finds the database again.
    assert len(ids(admin.get(f"{EXPORT}?user=bob"))) == 6000


def test_an_export_ends_its_snapshot_when_the_client_goes_away(hall: Site, admin: Browser) -> None:
    """However little of the export was read, its connection goes back to the pool."""
    add_person(hall, "bob")
    add_rows(hall, "bob", range(5000))
    for export_format in ("csv", "json"):
        for blocks in (0, 1, 2):
            response = admin.get(f"{EXPORT}?format={export_format}")
            parts: Iterator[bytes] = iter(response.response)  # type: ignore[arg-type]
            for _ in range(blocks):
                next(parts)
            assert checked_out(hall) == 1
            response.close()
            assert checked_out(hall) == 0
    head = admin.client.head(EXPORT)
    assert head.headers["X-Row-Count"] == "5003"
    head.close()
    assert checked_out(hall) == 0
    assert admin.post("/user/sessions/invalidateAll").status_code == 200


def test_an_export_is_of_one_moment_and_does_not_block_logins(hall: Site, admin: Browser) -> None:
    """Sessions added while the export runs are not in it, and need not wait for it."""
    add_person(hall, "bob")
    add_rows(hall, "bob", range(5000))
    response = admin.get(f"{EXPORT}?user=bob")
    blocks: Iterator[bytes] = iter(response.response)  # type: ignore[arg-type]
    received = next(blocks)
    add_rows(hall, "bob", range(5000, 5100))
    received += b"".join(blocks)
    response.close()
    assert received.count(b"\r\n") == 1 + 5000
    assert response.headers["X-Row-Count"] == "5000"


def test_the_memory_of_an_export_does_not_grow_with_its_rows(hall: Site, admin: Browser) -> None:
    """Ten times the sessions take about the same memory, in both formats."""
    add_person(hall, "bob")
    peaks: dict[str, list[int]] = {"csv": [], "json": []}
    for numbers in (range(5000), range(5000, 50_000)):
        add_rows(hall, "bob", numbers)
        for export_format, found in peaks.items():
            response = admin.get(f"{EXPORT}?user=bob&format={export_format}")
            tracemalloc.start()
            length = sum(len(block) for block in response.response)
            found.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
            response.close()
            assert length > 100 * numbers.stop
    for few, many in peaks.values():
        assert many < 1.5 * few


# The OpenAPI document


def test_the_openapi_document_says_what_the_session_routes_take(
    sqlite_url: str, make_app: MakeApp
) -> None:
    """`/openapi.json` is OpenAPI 3.1, and has the arguments of the session routes."""
    document = make_app(sqlite_url).test_client().get("/openapi.json").json
    assert document
    validate(document)
    assert document["openapi"].startswith("3.1.")
    export = document["paths"]["/user/sessions/all"]["get"]
    assert {parameter["name"] for parameter in export["parameters"]} == {"state", "user", "format"}
    remote = document["paths"]["/user/sessions/verify"]["post"]
    name = remote["requestBody"]["content"]["application/json"]["schema"]["$ref"].split("/")[-1]
    schema = document["components"]["schemas"][name]
    assert set(schema["properties"]) == {"username", "session_id", "secret"}
    assert schema["required"] == ["username"]
