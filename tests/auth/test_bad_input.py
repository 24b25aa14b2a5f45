"""Input that cannot be right: always a readable 4xx, and nothing changes."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from tests.conftest import MakeApp
from tests.site import PASSWORD, Browser, Site
from timApp.auth.site import db
from timApp.guard.tables.session import UserSession
from timApp.user.user import User
from timApp.util.clock import now

SECRET = "known to our hosts"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

VERIFY = "/user/sessions/alice/verify"
INVALIDATE = "/user/sessions/alice/invalidate"
REMOTE_VERIFY = "/user/sessions/verify"
REMOTE_INVALIDATE = "/user/sessions/invalidate"
EXPORT = "/user/sessions/all"

#: Texts that no session id can be; an empty one is as good as none.
UNFIT = ["x" * 10_000, "\0", "a\0b", "\ud800", "half \udfff"]
#: Texts that no name and no secret can be.
IMPOSSIBLE = ["", *UNFIT]
#: JSON that is no text.
NO_TEXT: list[Any] = [5, 0, 1.5, True, False, [], ["alice"], {}, {"a": 1}]


@pytest.fixture
def app(database_url: str, make_app: MakeApp) -> Flask:
    """The application, which other hosts may talk to."""
    return make_app(database_url, DIST_RIGHTS_RECEIVE_SECRET=SECRET)


class Target:
    """A site with somebody whose sessions must stay as they are, and an administrator."""

    def __init__(self, site: Site) -> None:
        self.site = site
        with site.app.app_context():
            user = User(name="alice", password_hash="-")
            user.sessions.append(UserSession(session_id="old", expired_at=now()))
            user.sessions.append(UserSession(session_id="new"))
            user.sessions.append(UserSession(session_id="newest", expired_at=now()))
            db.session.add(user)
            db.session.commit()
        site.add_admin()
        self.admin: Browser = site.logged_in("admin")
        self.anonymous: Browser = site.browser()
        self.before = self.state()

    def state(self) -> tuple[object, ...]:
        """Return all that must not change."""
        return (
            {
                (name, id_): (session.expired_at, session.logged_out_at)
                for name in ("alice", "admin")
                for id_, session in self.site.sessions(name).items()
            },
            len(self.site.changes()),
        )


@pytest.fixture
def target(site: Site, caplog: pytest.LogCaptureFixture) -> Iterator[Target]:
    """A target that is unchanged after the test, and in whose log no secret stands."""
    caplog.set_level(logging.DEBUG)
    target = Target(site)
    yield target
    assert target.state() == target.before
    logged = "\n".join([caplog.text, *caplog.messages])
    for secret in (SECRET, PASSWORD, "a guessed secret"):
        assert secret not in logged


def fault(response: TestResponse, field: str | None = None) -> str | None:
    """Return what is wrong with the answer to bad input, or None."""
    if not 400 <= response.status_code < 500:
        return f"status {response.status_code}"
    answer = response.json if response.is_json else None
    if not isinstance(answer, dict) or not isinstance(answer.get("error"), str):
        return f"no JSON error: {response.text[:100]!r}"
    if len(response.text) > 2000:
        return f"an error of {len(response.text)} characters"
    if field and field not in {answer.get("field"), *answer.get("fields", {})}:
        return f"does not name {field}: {answer}"
    for secret in (SECRET, PASSWORD, "a guessed secret"):
        if secret in response.text:
            return f"repeats a secret: {response.text[:100]!r}"
    return None


class Faults:
    """Collects what is wrong with answers, so that one test shows all of it."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def check(self, what: str, ask: Callable[[], TestResponse], field: str | None = None) -> None:
        """Ask, and note what is wrong."""
        try:
            problem = fault(ask(), field)
        except Exception as error:  # a test client raises what a server answers with 500
            problem = f"raises {type(error).__name__}: {str(error)[:100]!r}"
        if problem is not None:
            self.found.append(f"{what}: {problem}")


def shown(value: object) -> str:
    """Return a value for a message."""
    return ascii(value)[:50]


def test_session_ids_that_cannot_be_are_refused_in_json_and_in_forms(target: Target) -> None:
    """Overlong, unstorable and ill-typed session ids are a 4xx that names `session_id`."""
    faults = Faults()
    admin, anonymous = target.admin, target.anonymous
    for value in [*UNFIT, *NO_TEXT]:
        for path in (VERIFY, INVALIDATE):
            faults.check(
                f"{path} {shown(value)}",
                lambda: admin.post(path, json={"session_id": value}),  # noqa: B023
                "session_id",
            )
        for path in (REMOTE_VERIFY, REMOTE_INVALIDATE):
            body = {"username": "alice", "secret": SECRET, "session_id": value}
            faults.check(
                f"{path} {shown(value)}",
                lambda: anonymous.client.post(path, json=body),  # noqa: B023
                "session_id",
            )
    for value in ("x" * 10_000, "a\0b", "nope", "😀"):
        for path in (VERIFY, INVALIDATE):
            for where in ("data", "query_string"):
                faults.check(
                    f"{where} {path} {shown(value)}",
                    lambda: admin.post(path, **{where: {"session_id": value}}),  # noqa: B023
                    "session_id",
                )
    assert not faults.found, "\n".join(faults.found)


def test_names_that_cannot_be_or_are_not_are_refused_everywhere(target: Target) -> None:
    """Unknown, empty, overlong, unstorable and ill-typed names are a 4xx that names the field."""
    faults = Faults()
    admin, anonymous = target.admin, target.anonymous
    for value in [*IMPOSSIBLE, *NO_TEXT, None]:
        for path in (REMOTE_VERIFY, REMOTE_INVALIDATE):
            body = {"username": value, "secret": SECRET}
            faults.check(
                f"{path} {shown(value)}",
                lambda: anonymous.client.post(path, json=body),  # noqa: B023
                "username",
            )
        faults.check(
            f"login {shown(value)}",
            lambda: anonymous.client.post("/login", json={"username": value, "password": "x"}),  # noqa: B023
            "username",
        )
    for value in ("", "x" * 10_000, "a\0b", "nobody"):
        for export_format in ("csv", "json"):
            query = {"user": value, "format": export_format}
            faults.check(
                f"{EXPORT} {shown(value)}",
                lambda: admin.get(EXPORT, query_string=query),  # noqa: B023
                "user",
            )
    for value in ("nobody", "x" * 3000, "a\0b", "%", "..%2F"):
        for action in ("verify", "invalidate"):
            path = f"/user/sessions/{quote(value, safe='')}/{action}"
            faults.check(f"path {shown(value)}", lambda: admin.post(path))  # noqa: B023
    assert not faults.found, "\n".join(faults.found)


def test_secrets_and_passwords_that_cannot_be_are_refused(target: Target) -> None:
    """Empty, overlong, unstorable and ill-typed secrets are a 4xx that names the field."""
    faults = Faults()
    client = target.anonymous.client
    for value in [*IMPOSSIBLE, *NO_TEXT]:
        for path in (REMOTE_VERIFY, REMOTE_INVALIDATE):
            body = {"username": "alice", "secret": value}
            faults.check(
                f"{path} {shown(value)}",
                lambda: client.post(path, json=body),  # noqa: B023
                "secret",
            )
        faults.check(
            f"login {shown(value)}",
            lambda: client.post("/login", json={"username": "alice", "password": value}),  # noqa: B023
            "password",
        )
    faults.check(
        "login without",
        lambda: client.post("/login", json={"username": "alice"}),
        "password",
    )
    faults.check(
        "guessed",
        lambda: client.post(
            REMOTE_VERIFY, json={"username": "alice", "secret": "a guessed secret"}
        ),
    )
    assert not faults.found, "\n".join(faults.found)


BODIES: list[bytes] = [
    b"{",
    b"}",
    b"nonsense",
    b"{'session_id': 'old'}",
    b'{"session_id": "old"',
    b'{"session_id": "\xff"}',
    b"\xff\xfe{\x00}\x00",
    b"[]",
    b"[1, 2]",
    b'["session_id"]',
    b"5",
    b'"old"',
    b"true",
    b"false",
    b"0",
    b'""',
    b"null",
    b"[" * 100_000,
    b'{"session_id":' * 60_000,
    b'{"session_id": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    b'{"session_id": ' + b"9" * 10_000 + b"}",
    b'{"session_id": NaN}',
    b'{"session_id": Infinity}',
]


def test_bodies_that_are_no_json_objects_are_refused(target: Target) -> None:
    """Broken JSON, JSON of another shape and JSON nested too deeply are a 4xx on every route."""
    faults = Faults()
    for path in (VERIFY, INVALIDATE, REMOTE_VERIFY, REMOTE_INVALIDATE, "/login"):
        for body in BODIES:
            faults.check(
                f"{path} {shown(body)}",
                lambda: target.admin.post(path, data=body, content_type=JSON),  # noqa: B023
            )
    for path in (REMOTE_VERIFY, REMOTE_INVALIDATE, "/login"):
        faults.check(
            f"{path} with an empty body",
            lambda: target.admin.post(path, data=b"", content_type=JSON),  # noqa: B023
            "username",
        )
    assert not faults.found, "\n".join(faults.found)


def test_a_body_of_another_kind_is_refused_and_not_passed_over(target: Target) -> None:
    """A body that does not say that it is JSON or a form is a 4xx: what it asks might go unread."""
    faults = Faults()
    body = b'{"session_id": "old", "username": "alice"}'
    boundary = b'--b\r\nContent-Disposition: form-data; name="session_id"%s\r\n\r\nold\r\n--b--\r\n'
    cases: list[tuple[str | None, bytes]] = [
        ("text/plain", body),
        ("text/json", body),
        ("application/octet-stream", body),
        ("application/xml", b"<session_id>old</session_id>"),
        (None, body),
        ("", body),
        ("nonsense", body),
        (FORM, body),
        (FORM, b"session_id[]=old"),
        ("multipart/form-data", boundary % b""),
        ("multipart/form-data; boundary=other", boundary % b""),
        ("multipart/form-data; boundary=b", boundary % b"; filename=old"),
        ("multipart/form-data; boundary=b", (boundary % b"")[:40]),
    ]
    for path in (VERIFY, INVALIDATE, REMOTE_VERIFY, REMOTE_INVALIDATE):
        for content_type, content in cases:
            faults.check(
                f"{path} {content_type} {shown(content)}",
                lambda: target.admin.post(path, data=content, content_type=content_type),  # noqa: B023
            )
    assert not faults.found, "\n".join(faults.found)


def test_unknown_fields_are_refused_and_named(target: Target) -> None:
    """A field that does not exist, a misspelt one above all, is a 4xx that names it."""
    faults = Faults()
    admin = target.admin
    for path in (VERIFY, INVALIDATE, REMOTE_VERIFY, REMOTE_INVALIDATE, "/login"):
        for name in ("sessionId", "session-id", "user", "", "a\0b", "\ud800", "__class__"):
            body = {"username": "alice", "password": "x", "secret": SECRET, name: "old"}
            if "alice" in path:
                body = {"session_id": "old", name: "old"}
            if path != "/login":
                body.pop("password", None)
            else:
                del body["secret"]
            faults.check(
                f"{path} {shown(name)}",
                lambda: admin.post(path, json=body),  # noqa: B023
                name or None,
            )
    faults.check("form", lambda: admin.post(VERIFY, data={"sessionId": "old"}), "sessionId")
    assert not faults.found, "\n".join(faults.found)


def test_unknown_query_parameters_of_the_export_are_refused_and_named(target: Target) -> None:
    """A misspelt filter is a 4xx, and not an export of everything."""
    faults = Faults()
    for name in ("usr", "State", "export_format", "session_id"):
        faults.check(name, lambda: target.admin.get(f"{EXPORT}?{name}=x"), name)  # noqa: B023
    assert not faults.found, "\n".join(faults.found)


def test_states_and_formats_that_do_not_exist_are_refused_and_named(target: Target) -> None:
    """Only the laid-down words, letter for letter, are a state or a format."""
    faults = Faults()
    words = ("", "ALL", "Active", "active ", "none", "csv,json", "xml", "\0", "x" * 10_000, "1")
    for name in ("state", "format"):
        for word in words:
            faults.check(
                f"{name} {shown(word)}",
                lambda: target.admin.get(EXPORT, query_string={name: word}),  # noqa: B023
                name,
            )
    assert not faults.found, "\n".join(faults.found)


def test_addresses_that_lead_nowhere_are_a_4xx_in_json(target: Target) -> None:
    """Strange paths of documents, people and pages are a 4xx, whatever bytes they are made of."""
    faults = Faults()
    for path in (
        "/view/%00",
        "/view/a%00b",
        "/view/%ff%fe",
        "/view/%ed%a0%80",
        "/view/" + "x" * 10_000,
        "/view/" + "x/" * 2000 + "x",
        "/view/..%2f..%2fetc%2fpasswd",
        "/view/%2e%2e/x",
        "/view/a%5cb",
        "/view/%0d%0aSet-Cookie:x",
        "/view/",
        "/nonsense",
        "/user/sessions",
        "/user/sessions/alice",
        "/static/ui/..%2f..%2fapp.py",
        "/static/ui/%00",
        "/static/ui/nonsense.css",
    ):
        faults.check(shown(path), lambda: target.admin.get(path))  # noqa: B023
    for query in ("%00=%00", "user=%ff", "user=%ed%a0%80"):
        if query.startswith("user"):
            faults.check(query, lambda: target.admin.get(f"{EXPORT}?{query}"))  # noqa: B023
    assert not faults.found, "\n".join(faults.found)


def test_a_body_over_the_limit_is_413_in_json(target: Target) -> None:
    """More than MAX_CONTENT_LENGTH bytes are refused, JSON, form or anything else."""
    for content_type in (JSON, FORM, "text/plain"):
        for path in (VERIFY, REMOTE_VERIFY):
            body = b'{"session_id": "' + b"x" * 1_100_000 + b'"}'
            answer = target.admin.post(path, data=body, content_type=content_type)
            assert answer.status_code == 413
            assert fault(answer) is None


def test_strange_cookies_are_nobodys(target: Target) -> None:
    """A cookie that is damaged or made up is as good as none."""
    for value in ("", "x", "a.b.c", "é", "%00", ".eJw.x.y", "x" * 4000):
        browser = target.site.browser()
        browser.client.set_cookie("timapp", value)
        assert fault(browser.get("/user/sessions/current")) is None
        assert browser.get("/login").status_code == 200


def test_a_login_form_with_strange_values_is_refused(target: Target) -> None:
    """NUL bytes and bytes that are no text, in a form with its token, log nobody in."""
    browser = target.site.browser()
    after = browser.get("/login").text.partition('name="csrf_token" type="hidden" value="')[2]
    token = quote(after.partition('"')[0])
    for credentials in (
        "username=%00&password=x",
        "username=a%00b&password=x",
        "username=alice&password=%00",
        "username=%ed%a0%80&password=%ff",
        "username=&password=",
        "username=alice",
        f"username={'x' * 10_000}&password=x",
        f"username=alice&password={'x' * 10_000}",
        "username=alice&username=bob&password=x",
    ):
        answer = browser.client.post(
            "/login", data=f"csrf_token={token}&{credentials}", content_type=FORM
        )
        assert fault(answer) is None, credentials


def test_browsers_get_a_page_for_what_programs_get_json_for(target: Target) -> None:
    """The same refusals come as pages, with the same status, to those who ask for HTML."""
    for path, status in (
        (f"{EXPORT}?state=nonsense", 422),
        (f"{EXPORT}?user=nobody", 404),
        ("/view/%00", 404),
        ("/nonsense", 404),
        ("/logout", 405),
    ):
        page = target.admin.get_page(path)
        assert (page.status_code, page.mimetype) == (status, "text/html")
        assert target.admin.get(path).status_code == status


any_text = st.text(st.characters(codec=None), max_size=300)
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=8,
)
hypothesis_settings = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@hypothesis_settings
@given(session_id=any_text.filter(lambda text: text not in {"", "old", "new", "newest"}))
@example(session_id="\0")
@example(session_id="\ud800")
def test_no_text_that_is_no_session_id_changes_anything(target: Target, session_id: str) -> None:
    """Whatever text is given for a session id, an administrator's routes change nothing."""
    for path in (VERIFY, INVALIDATE):
        assert fault(target.admin.post(path, json={"session_id": session_id}), "session_id") is None
    assert target.state() == target.before


@hypothesis_settings
@given(content=any_json)
def test_no_json_that_is_no_request_changes_anything(target: Target, content: object) -> None:
    """Whatever JSON a host sends instead of a request, it is a 4xx."""
    body = json.dumps(content)
    client = target.anonymous.client
    for path in (REMOTE_VERIFY, REMOTE_INVALIDATE, "/login"):
        assert fault(client.post(path, data=body, content_type=JSON)) is None
    for field in ("session_id", "secret", "surplus"):
        if field == "session_id" and isinstance(content, str | None):
            continue  # which may be one
        request = {"username": "nobody", "secret": SECRET, field: content}
        assert fault(client.post(REMOTE_VERIFY, json=request)) is None
    request = {"username": content, "secret": "a guessed secret"}
    assert fault(client.post(REMOTE_VERIFY, json=request)) is None
    assert target.state() == target.before


@hypothesis_settings
@given(body=st.binary(max_size=200), content_type=st.sampled_from([JSON, FORM, "text/plain"]))
def test_no_bytes_that_are_no_request_change_anything(
    target: Target, body: bytes, content_type: str
) -> None:
    """Whatever bytes are sent, as JSON, as a form or as text, it is a 4xx."""
    client = target.anonymous.client
    for path in (REMOTE_VERIFY, REMOTE_INVALIDATE, "/login"):
        assert fault(client.post(path, data=body, content_type=content_type)) is None
    assert target.state() == target.before


@hypothesis_settings
@given(path=st.text(st.characters(codec="utf-8"), min_size=1, max_size=100))
def test_no_path_is_too_strange_to_be_answered(target: Target, path: str) -> None:
    """Whatever follows /view/, the answer is a 4xx or leads to the same address tidied up."""
    answer = target.admin.get(f"/view/{quote(path, safe='')}")
    assert answer.status_code == 308 or fault(answer) is None
