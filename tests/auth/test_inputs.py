"""Nothing a caller says is silently ignored: every route refuses what it does not know."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from tests.conftest import MakeApp
from tests.site import PASSWORD, Browser, Site
from timApp.accounts.account import require_account
from timApp.auth.site import current_site, db
from timApp.guard.exams.browser import use_file
from timApp.guard.exams.find import require_exam
from timApp.guard.exams.plan import ExamPlan, add_exam
from timApp.guard.exams.receipt import HandInReceipt
from timApp.guard.exams.sebfile import SebSite, make_seb_file
from timApp.guard.rules.exambrowser import BrowserRule
from timApp.guard.tables.session import UserSession
from timApp.pages.exams.present import present_exam
from timApp.pages.supervise.done import sealed
from timApp.receivers.receiver import Receiver, ReceiverKind
from timApp.request.inputs import takes
from timApp.user.apitoken import TokenScope, make_token
from timApp.user.roster.draft import keep_draft
from timApp.user.roster.hashing import THREAD_NAME
from timApp.user.user import User
from timApp.util.clock import now

SECRET = "known to our hosts"
HOST = "http://127.0.0.1:1"


@pytest.fixture
def app(database_url: str, make_app: MakeApp) -> Flask:
    """The application, which other hosts may talk to."""
    return make_app(
        database_url,
        DIST_RIGHTS_RECEIVE_SECRET=SECRET,
        DIST_RIGHTS_HOSTS={"exam": {"hosts": [HOST]}},
        GUARDED_HOSTS={LAB: {}},
        SITE_URL="http://localhost",
    )


@pytest.fixture
def hall(site: Site) -> Site:
    """A site with a person who has an active session `new` and an expired one `old`."""
    site.add_user("sitter", ["Course"])
    for name in ("renewer", "changed", "closed", "leaver"):
        site.add_user(name)
    with site.app.app_context():
        user = User(name="alice", password_hash="-")
        an_hour_ago = now() - timedelta(hours=1)
        for name in ("third", "fourth"):
            user.sessions.append(
                UserSession(session_id=name, logged_in_at=an_hour_ago, expired_at=an_hour_ago)
            )
        user.sessions.append(UserSession(session_id="old", expired_at=now()))
        user.sessions.append(UserSession(session_id="new"))
        db.session.add(user)
        in_an_hour = now() + timedelta(hours=1)
        exams = dict.fromkeys(("Planned", "Changed", "Not needed", "Uploaded"), in_an_hour)
        exams["Running"] = an_hour_ago
        for title, start in exams.items():
            exam = add_exam(db, ExamPlan(title, start, in_an_hour + timedelta(hours=1), ["Course"]))
            exam.browser = BrowserRule.SHOWN
            use_file(exam, make_seb_file(SebSite("http://localhost/"), exam.id))
        db.session.commit()
    site.add_admin()
    site.add_document("exam")
    site.add_document("unused")
    with site.app.app_context():
        token = make_token(db, site.user_id("admin"), "to end", TokenScope.READ, 1).token
        token.prefix = "0a1b2c3d"
        db.session.add_all(
            Receiver(
                name=name,
                kind=ReceiverKind.SSF_POLL,
                events="session.ended",
                made_at=now(),
                next_attempt_at=now(),
            )
            for name in ("siem", "to end")
        )
        db.session.commit()
    return site


@dataclass(frozen=True)
class Ask:
    """A request that its route takes as it is."""

    endpoint: str
    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    form: dict[str, str] = field(default_factory=dict)
    #: Files beside them: then it is a form in parts.
    files: dict[str, bytes] = field(default_factory=dict)
    takes_json: bool = False
    #: Who may ask.
    who: str = "admin"


#: A host that is guarded.
LAB = "https://lab.example.org"
#: An event that receivers are told of.
ENDED = "session.ended"
#: A class list.
LIST = b"username\nlisted\n"
#: What is right for routes that take something.
RIGHT: dict[tuple[str, str], dict[str, Any]] = {
    ("login.login_page", "GET"): {"query": {"next": "/", "username": "alice"}},
    ("login.log_in", "POST"): {
        "form": {"username": "admin", "password": PASSWORD},
        "takes_json": True,
    },
    ("sessions.get_all_sessions", "GET"): {"query": {"state": "all"}},
    ("sessions.validate_session", "POST"): {"form": {"session_id": "old"}, "takes_json": True},
    ("sessions.invalidate_session", "POST"): {"form": {"session_id": "new"}, "takes_json": True},
    ("sessions.end_session", "POST"): {"form": {"session_id": "fourth"}, "takes_json": True},
    ("sessions.validate_remote_session", "POST"): {
        "form": {"username": "alice", "session_id": "old", "secret": SECRET},
        "takes_json": True,
    },
    ("sessions.invalidate_remote_session", "POST"): {
        "form": {"username": "alice", "session_id": "new", "secret": SECRET},
        "takes_json": True,
    },
    ("hosts.sessions", "POST"): {"form": {"username": "alice"}, "takes_json": True},
    ("my_sessions.end", "POST"): {"form": {"session_id": "mine"}},
    ("new_password.change", "POST"): {
        "form": {"old_password": PASSWORD, "password": "purple llama sings"},
        "who": "renewer",
    },
    ("oidc.log_in", "GET"): {"query": {"next": "/"}},
    ("oidc.confirm", "GET"): {"query": {"next": "/"}},
    ("oidc.callback", "GET"): {"query": {"code": "x", "state": "y"}},
    ("oidc.end", "POST"): {"form": {"logout_token": "x"}},
    ("header_login.show", "GET"): {"query": {"next": "/"}},
    ("header_login.log_in", "POST"): {"form": {"next": "/"}},
    ("lti.begin", "GET"): {"query": {"iss": "https://lms.example", "login_hint": "1"}},
    ("lti.begin_with_form", "POST"): {"form": {"iss": "https://lms.example", "login_hint": "1"}},
    ("lti.launch", "POST"): {"form": {"id_token": "x", "state": "y", "again": "yes"}},
    ("saml.log_in", "GET"): {"query": {"next": "/"}},
    ("saml.finish", "POST"): {"form": {"SAMLResponse": "x", "RelayState": "y", "again": "yes"}},
    ("passkey_login.show", "GET"): {"query": {"next": "/"}},
    ("passkey_login.log_in", "POST"): {"form": {"credential": "{}", "next": "/"}},
    ("passkeys.show", "GET"): {"query": {"next": "/"}},
    ("passkeys.add", "POST"): {"form": {"credential": "{}", "name": "my phone"}},
    ("passkeys.rename", "POST"): {"form": {"passkey": "x", "name": "my phone"}},
    ("passkeys.remove", "POST"): {"form": {"passkey": "x"}},
    ("lost_passkeys.show", "GET"): {"query": {"user": "alice"}},
    ("lost_passkeys.remove", "POST"): {"form": {"user": "alice"}},
    ("confirm.show", "GET"): {"query": {"next": "/"}},
    ("confirm.do", "POST"): {"form": {"password": PASSWORD, "next": "/"}, "takes_json": True},
    ("hand_in.do", "POST"): {"form": {"exam": "Running"}, "takes_json": True, "who": "sitter"},
    ("hand_in.show_receipt", "GET"): {"query": {"receipt": "%s"}},
    ("language.choose", "POST"): {"form": {"language": "fi", "next": "/"}},
    ("supervise.find", "GET"): {"query": {"q": "alice"}},
    ("supervise.compare", "GET"): {"query": {"user": "alice", "session": "old"}},
    ("decisions.verify", "POST"): {"form": {"user": "alice", "session_id": "old", "reason": "x"}},
    ("decisions.invalidate", "POST"): {"form": {"user": "alice", "session_id": "new"}},
    ("decisions.end", "POST"): {"form": {"user": "alice", "session_id": "third", "reason": "x"}},
    ("decisions.pause", "POST"): {"form": {"user": "alice", "session_id": "new", "reason": "x"}},
    ("decisions.take_back", "POST"): {"form": {"user": "alice", "number": "1"}},
    ("decisions.show", "GET"): {"query": {"user": "alice", "action": "verify", "number": "1"}},
    ("supervise.look", "POST"): {"form": {"user": "alice"}},
    ("links.follow", "GET"): {"query": {"code": "KX47"}},
    ("several.look", "GET"): {"query": {"code": "KX47"}},
    ("several.verify", "POST"): {"form": {"chosen": "0 alice#old", "reason": "x"}},
    ("several.end", "POST"): {"form": {"chosen": "0 alice#old", "reason": "x"}},
    ("several.take_back", "POST"): {"form": {"number": "1"}},
    ("several.show", "GET"): {"query": {"number": "1"}},
    ("decisions.retry", "POST"): {
        "form": {"user": "alice", "session_id": "old", "action": "verify", "host": HOST}
    },
    ("overview.show", "GET"): {"query": {"period": "day"}},
    ("person.show", "GET"): {"query": {"user": "alice", "period": "day"}},
    ("failed_logins.show", "GET"): {"query": {"user": "alice", "address": "192.0.2.1"}},
    ("record.show", "GET"): {"query": {"actor": "alice", "user": "alice", "action": "login"}},
    ("record.export", "GET"): {"query": {"format": "excel", "since": "2026-05-04T09:00"}},
    ("matching.ask", "GET"): {"query": {"state": "active", "user": "alice"}},
    ("matching.change", "POST"): {
        "query": {"user": "alice", "exam": ""},
        "form": {"action": "invalidate", "number": "100", "reason": "x"},
    },
    ("session_list.show", "GET"): {"query": {"state": "active", "seat": "B-14"}},
    ("session_list.export", "GET"): {"query": {"format": "json", "user": "alice"}},
    ("session_list.verify", "POST"): {"query": {"state": "all"}, "form": {"session": "%s:old"}},
    ("session_list.invalidate", "POST"): {"form": {"session": "%s:new", "reason": "x"}},
    ("session_list.end", "POST"): {"form": {"session": "%s:third", "reason": "x"}},
    ("session_list.verify_all", "POST"): {"form": {"reason": "x"}},
    ("session_list.invalidate_all", "POST"): {"form": {"reason": "x"}},
    ("people.show", "GET"): {"query": {"q": "ali", "state": "active", "after": "a"}},
    ("people.add", "POST"): {"form": {"name": "added", "groups": "Course"}},
    ("account.show", "GET"): {"query": {"user": "alice"}},
    ("account.change", "POST"): {"form": {"person": "changed", "mark": "", "email": "x@example"}},
    ("person_acts.disable", "POST"): {"form": {"person": "closed"}},
    ("person_acts.enable", "POST"): {"form": {"person": "closed"}},
    ("person_acts.end_sessions", "POST"): {"form": {"person": "closed"}},
    ("person_acts.reset_password", "POST"): {"form": {"person": "closed"}},
    ("person_acts.confirm_delete", "GET"): {"query": {"user": "alice"}},
    ("person_acts.delete", "POST"): {"form": {"person": "leaver", "mark": "", "pseudonym": "yes"}},
    ("person_acts.export", "GET"): {"query": {"user": "alice"}},
    ("roster.send", "POST"): {"files": {"file": LIST}},
    ("roster.look", "GET"): {"query": {"encoding": "utf-8", "groups": "Students"}},
    ("roster.carry_out", "POST"): {"form": {"groups": "Students", "column": "0=name"}},
    ("gate.show_blocked", "GET"): {"query": {"to": f"{LAB}/tree"}},
    ("receivers.add", "POST"): {
        "form": {
            "name": "x",
            "kind": "webhook",
            "url": "https://a.example",
            "event": "session.ended",
        }
    },
    ("receivers.end", "POST"): {"form": {"name": "to end"}},
    ("receivers.test", "POST"): {"form": {"name": "siem"}},
    ("signals.poll", "POST"): {"form": {"maxEvents": "1"}, "takes_json": True},
    ("tokens.add", "POST"): {"form": {"name": "x", "scope": "read", "days": "1"}},
    ("tokens.end", "POST"): {"form": {"token": "0a1b2c3d"}},
    ("document_list.show", "GET"): {"query": {"find": "exam"}},
    ("document_list.allow", "POST"): {"form": {"document": "exam", "group": "Course"}},
    ("document_list.allow_exam", "POST"): {"form": {"document": "exam", "exam": "Running"}},
    ("document_list.forbid", "POST"): {"form": {"document": "exam", "group": "Course"}},
    ("document_list.delete", "POST"): {"form": {"document": "unused"}},
    ("document_list.send", "POST"): {"form": {"below": "sent"}, "files": {"file": b"# x"}},
    ("exams.add", "POST"): {
        "form": {"title": "New", "from": "2090-12-01T09:00", "to": "2090-12-01T12:00"}
    },
    ("exams.show_change", "GET"): {"query": {"exam": "Planned"}},
    ("exams.change", "POST"): {"form": {"exam": "Changed", "shown": "", "documents": "exam"}},
    ("exam_settings.show", "GET"): {"query": {"exam": "Planned"}},
    ("exam_settings.make", "POST"): {
        "form": {"exam": "Planned", "shown": "", "quit_password": "let me out"}
    },
    ("exam_settings.upload", "POST"): {
        "form": {"exam": "Uploaded", "shown": ""},
        "files": {"file": make_seb_file(SebSite("http://other.example/"), 1).content},
    },
    ("exam_browser.tell", "POST"): {
        "form": {"address": "http://localhost/", "config_key": "0" * 64, "browser_key": "x"},
        "takes_json": True,
        "who": "sitter",
    },
    ("exam_acts.confirm_delete", "GET"): {"query": {"exam": "Not needed"}},
    ("exam_acts.delete", "POST"): {"form": {"exam": "Not needed", "shown": ""}},
    ("exam_acts.confirm_begin", "GET"): {"query": {"exam": "Planned"}},
    ("exam_acts.begin", "POST"): {"form": {"exam": "Planned", "shown": ""}},
    ("exam_acts.confirm_end", "GET"): {"query": {"exam": "Running"}},
    ("exam_acts.end", "POST"): {"form": {"exam": "Running", "shown": ""}},
}
#: What several forms may say more than once.
REPEATED = {"event", "target", "host", "session", "chosen", "column"}
#: Those that reverse proxies ask about what others say, whatever that is.
PASSED_ON = {"gate.ask_for_nginx", "gate.refuse", "gate.ask_for_forward", "gate.ask_for_envoy"}
#: Those that other servers sign.
SIGNED = {"hosts.check", "hosts.waiting", "hosts.sessions"}
#: Those that want something of an authenticator's, for tests/auth/test_passkeys.py.
SIGNED |= {"passkey_login.show", "passkey_login.options", "passkey_login.log_in"}
#: Those that are a provider's, for tests/oidc.
SIGNED |= {"oidc.log_in", "oidc.callback", "oidc.confirm", "oidc.end"}
#: Those that a proxy protects, for tests/ways.
SIGNED |= {"header_login.show", "header_login.log_in"}
SIGNED |= {"lti.begin", "lti.begin_with_form", "lti.launch"}
SIGNED |= {"saml.log_in", "saml.finish", "saml.describe"}
#: Those of Shared Signals, for tests/receivers.
SIGNED |= {"signals.configuration", "signals.keys", "signals.poll"}
SIGNED |= {"passkeys.add", "passkeys.rename", "passkeys.remove", "confirm.options"}


def all_asks(hall: Site) -> list[Ask]:
    """Return a right request for each route and method of the application."""
    app, asks = hall.app, []
    with app.test_request_context():
        values = {
            "user": "alice",
            "path": "exam",
            "number": str(require_exam(db, "Planned").id),
            "receiver": 1,
            "token": current_site().links.sign("alice", "old"),
        }
        receipt = current_site().receipts.write(HandInReceipt("sitter", "", "Running", now()))
        adapter = app.url_map.bind("localhost")
        for rule in app.url_map.iter_rules():
            if rule.endpoint.rpartition(".")[2] == "static" or rule.endpoint in PASSED_ON:
                continue
            path = adapter.build(rule.endpoint, {name: values[name] for name in rule.arguments})
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                right = RIGHT.get((rule.endpoint, method), {})
                form, query = dict(right.get("form", {})), dict(right.get("query", {}))
                if "receipt" in query:
                    query["receipt"] %= receipt
                if rule.endpoint == "decisions.show":
                    query = sealed(query)
                if "session" in form:
                    form["session"] %= hall.user_id("alice")
                if "shown" in form:
                    present = present_exam(require_exam(db, form["exam"]))
                    form |= {"exam": str(present.id), "shown": present.mark}
                if "person" in form:
                    account = require_account(db, form["person"])
                    form["person"] = str(account.id)
                    form |= {"mark": account.mark} if "mark" in form else {}
                if query.get("exam"):
                    query["exam"] = str(require_exam(db, query["exam"]).id)
                asks.append(
                    Ask(rule.endpoint, method, path, **{**right, "form": form, "query": query})
                )
    assert set(RIGHT) <= {(ask.endpoint, ask.method) for ask in asks}
    return asks


def send(browser: Browser, ask: Ask, **more: Any) -> TestResponse:
    """Send a request with the token; `more` replaces parts of it."""
    files = {name: (BytesIO(content), "a file") for name, content in ask.files.items()}
    content = {} if "json" in more else {"data": ask.form | files or None}
    parts = {"query_string": ask.query, **content, **more}
    headers = {"X-CSRFToken": browser.csrf_token}
    return browser.client.open(ask.path, method=ask.method, headers=headers, **parts)


def surplus(ask: Ask, token: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield requests that say more than the route knows, and what that is."""
    yield "query", {"query_string": {**ask.query, "surplus": "x"}}
    yield "empty query", {"query_string": {**ask.query, "surplus": ""}}
    is_of_several = ask.endpoint.startswith("several.")
    for name, text in () if is_of_several else ask.query.items():
        yield f"{name} twice in the query", {"query_string": {name: [text, text]}}
    if ask.method == "GET":
        yield "form", {"data": {"surplus": "x"}}
        yield "JSON", {"json": {"surplus": "x"}}
        yield "empty JSON", {"json": {}}
        yield "text", {"data": b"surplus", "content_type": "text/plain"}
        return
    yield "form", {"data": {**ask.form, "surplus": "x"}}
    yield "token twice", {"data": {**ask.form, "csrf_token": [token, token]}}
    for name, text in ask.form.items():
        if name not in REPEATED and not (is_of_several and name == "number"):
            yield f"{name} twice in the form", {"data": {**ask.form, name: [text, text]}}
        if ask.takes_json:
            body = f'{{"{name}": "x", "{name}": "x"}}'
            yield f"{name} twice in JSON", {"data": body, "content_type": "application/json"}
        else:
            yield f"{name} in JSON", {"json": ask.form}
    yield "JSON", {"json": {**ask.form, "surplus": "x"}}
    yield "null in JSON", {"json": {**ask.form, "surplus": None}}
    yield "token in JSON", {"json": {**ask.form, "csrf_token": "x"}}
    for content in ("[]", "[1]", '"x"', "5", "null", "true"):
        yield f"JSON {content}", {"data": content, "content_type": "application/json"}
    if not ask.form and not ask.files:
        for kind in ("text/plain", "application/json", "multipart/form-data; boundary=b"):
            yield kind, {"data": b"surplus", "content_type": kind}


def content_of(site: Site) -> dict[str, list[Any]]:
    """Return all that is in the database, but for what each request may write of its session."""
    of_requests = {"last_seen_at", "seen_origin", "token_issued", "token_used", "token_since"}
    of_requests |= {"key_state", "key_state_since"}
    with site.app.app_context():
        connection = db.session.connection()
        return {
            table.name: sorted(
                map(
                    repr,
                    connection.execute(
                        sa.select(*(one for one in table.columns if one.name not in of_requests))
                    ),
                )
            )
            for table in User.metadata.sorted_tables
        }


def test_every_route_refuses_what_it_does_not_know_and_changes_nothing(hall: Site) -> None:
    """In the address, in a form, in JSON, twice, and a body where none is taken: all are 422."""
    admin = hall.logged_in("admin")
    before = content_of(hall)
    wrong = []
    asks = all_asks(hall)
    assert len(asks) > 30
    for ask in asks:
        for what, more in surplus(ask, admin.csrf_token):
            answer = send(admin, ask, **more)
            named = answer.json if answer.is_json else None
            if answer.status_code != 422 or not named or not {"error", "fields"} <= set(named):
                wrong.append(f"{ask.method} {ask.path}: {what}: {answer.status_code} {named}")
    assert not wrong, "\n".join(wrong)
    assert content_of(hall) == before


def test_a_body_in_pieces_and_of_another_kind_is_not_passed_over(hall: Site) -> None:
    """A chunked multipart body, which the check for the token has read already, is refused."""
    admin = hall.logged_in("admin")
    before = content_of(hall)
    field = b'--b\r\nContent-Disposition: form-data; name="session_id"\r\n\r\nnope\r\n--b--\r\n'
    for ask in all_asks(hall):
        if ask.method == "POST":
            answer = admin.client.post(
                ask.path,
                input_stream=BytesIO(field),
                headers={
                    "Content-Type": "multipart/form-data; boundary=b",
                    "Transfer-Encoding": "chunked",
                    "X-CSRFToken": admin.csrf_token,
                },
                environ_overrides={"wsgi.input_terminated": True},
            )
            assert answer.status_code in {415, 422}, ask.path
    assert content_of(hall) == before


def test_whoever_may_not_is_not_let_in_by_saying_too_much(hall: Site) -> None:
    """Anonymous visitors and students are refused, or sent to the login, and change nothing."""
    hall.add_user("student")
    browsers = [hall.browser(), hall.logged_in("student")]
    before = content_of(hall)
    for ask in all_asks(hall):
        for browser in browsers:
            for more in ({"query_string": {"surplus": "x"}}, {"json": {"surplus": "x"}}):
                assert send(browser, ask, **more).status_code in {302, 400, 401, 403, 422}
    assert content_of(hall) == before


def test_what_is_right_is_taken(hall: Site) -> None:
    """The same requests without the surplus are carried out, by form and by JSON."""
    for ask in all_asks(hall):
        if ask.endpoint in SIGNED:
            continue  # refused without a signature
        for as_json in {False, ask.takes_json}:
            admin = hall.logged_in(ask.who)
            if ask.endpoint == "my_sessions.end":
                ask.form["session_id"] = hall.logged_in("admin").session_id
                admin = hall.logged_in("admin")
            with hall.app.app_context():
                is_open = UserSession.logged_out_at.is_(None)
                db.session.execute(sa.update(UserSession).where(is_open).values(expired_at=None))
                db.session.commit()
            if ask.endpoint == "decisions.take_back":
                ended = {"user": "alice", "session_id": "new"}
                done = admin.post("/supervise/invalidate", data=ended).location
                ask.form["number"] = parse_qs(urlsplit(done).query)["number"][0]
            if ask.endpoint in {"roster.look", "roster.carry_out"}:
                with hall.app.app_context():
                    keep_draft(db, hall.user_id("admin"), LIST, "class.csv")
                    db.session.commit()
            form = {**ask.form, "csrf_token": admin.csrf_token} if ask.form else None
            said: dict[str, Any] = {"json": ask.form} if as_json else {"data": form}
            answer = send(admin, ask, **({} if ask.files else said))
            assert answer.status_code in {200, 302, 303}, (ask, answer.text)
    for thread in threading.enumerate():
        if thread.name == THREAD_NAME:
            thread.join()


def test_a_view_that_declares_nothing_knows_nothing(app: Flask) -> None:
    """Whoever adds a view has to say what it takes, else it is refused."""
    app.add_url_rule("/silent", view_func=lambda: "ok", endpoint="silent")
    view = takes(query=("q",))(lambda: "ok")
    app.add_url_rule("/told", view_func=view, endpoint="told")
    client = app.test_client()
    assert client.get("/silent").status_code == 200
    assert client.get("/silent?q=x").status_code == 422
    assert client.get("/told?q=x").status_code == 200


def test_static_files_may_be_asked_for_with_anything(hall: Site) -> None:
    """A version in the address of a file is there for caches."""
    with hall.browser().get("/static/ui/ui.css?v=5") as answer:
        assert answer.status_code == 200


def test_the_token_of_a_form_is_known_everywhere(hall: Site) -> None:
    """A form with nothing but its token is as good as an empty body; so is an empty object."""
    admin = hall.logged_in("admin")
    for path in ("/user/sessions/invalidateAll", "/user/sessions/verifyAll"):
        answer = admin.client.post(path, data={"csrf_token": admin.csrf_token})
        assert answer.json == {"status": "ok"}
        assert admin.post(path, json={}).json == {"status": "ok"}


# The session id in the address


@pytest.mark.parametrize(
    ("query", "content", "is_form"),
    [
        ("?session_id=old", None, False),
        ("?session_id=old", {}, False),
        ("?session_id=old", {"session_id": "old"}, False),
        ("?session_id=old", {"session_id": "old"}, True),
        ("?session_id=old", {"session_id": None}, False),
        ("?session_id=old", {"session_id": ""}, True),
        ("?session_id=", {"session_id": "old"}, False),
        ("", {"session_id": "old"}, False),
    ],
)
def test_a_session_is_named_in_the_address_or_in_the_body(
    hall: Site, query: str, content: dict[str, Any] | None, is_form: bool
) -> None:
    """Either way it is that session which is verified or invalidated, and no other."""
    admin = hall.logged_in("admin")
    for prefix, more in (("/user/sessions/alice", {}), ("/user/sessions", {"username": "alice"})):
        body = {**(content or {}), **more} if content is not None or more else None
        sent = {"data": body} if is_form else {"json": body}
        for action, active in (
            ("verify", {"old"}),
            ("invalidate", set()),
        ):
            answer = admin.post(f"{prefix}/{action}{query}", **sent)
            assert answer.json == {"status": "ok"}
            assert hall.active("alice") == active
        admin.post("/user/sessions/alice/verify")
        assert hall.active("alice") == {"new"}


def test_an_empty_session_id_is_none(hall: Site) -> None:
    """Empty texts and nulls, wherever they are: the latest is verified, all are invalidated."""
    admin = hall.logged_in("admin")
    for query, content in (("?session_id=", None), ("", {"session_id": ""}), ("", {})):
        with hall.app.app_context():
            db.session.execute(sa.update(UserSession).values(expired_at=None))
            db.session.commit()
        path = f"/user/sessions/alice/invalidate{query}"
        assert admin.post(path, json=content).status_code == 200
        assert hall.active("alice") == set()
        assert admin.post(f"/user/sessions/alice/verify{query}", json=content).status_code == 200
        assert hall.active("alice") == {"new"}


@pytest.mark.parametrize("prefix", ["/user/sessions/alice", "/user/sessions"])
@pytest.mark.parametrize("action", ["verify", "invalidate"])
def test_two_session_ids_are_none(hall: Site, prefix: str, action: str) -> None:
    """Two of them, in one place or in two, are 422 that names `session_id`; nothing changes."""
    admin = hall.logged_in("admin")
    before = content_of(hall)
    more = {} if prefix.endswith("alice") else {"username": "alice"}
    path = f"{prefix}/{action}"
    for query, sent in (
        ("?session_id=old", {"json": {"session_id": "new", **more}}),
        ("?session_id=old", {"data": {"session_id": "new", **more}}),
        ("?session_id=old&session_id=new", {"json": more}),
        ("?session_id=old&session_id=old", {"json": more}),
        ("?session_id=old&session_id=", {"json": more}),
        ("", {"data": {"session_id": ["old", "new"], **more}}),
        ("?session_id=old", {"json": {"session_id": 5, **more}}),
    ):
        answer = admin.post(path + query, **sent)
        assert answer.status_code == 422
        assert answer.json
        assert "session_id" in answer.json["fields"]
    assert content_of(hall) == before


@pytest.mark.parametrize("action", ["verify", "invalidate"])
def test_a_session_that_is_not_there_is_not_passed_over(hall: Site, action: str) -> None:
    """An unknown id in the address is 404, as in the body, and nothing changes."""
    admin = hall.logged_in("admin")
    before = content_of(hall)
    answer = admin.post(f"/user/sessions/alice/{action}?session_id=nope")
    assert (answer.status_code, answer.json and answer.json["field"]) == (404, "session_id")
    assert content_of(hall) == before


def test_unknown_names_of_any_characters_are_answered_on_pages_too(hall: Site) -> None:
    """A name that no page can hold is no failure."""
    answer = hall.logged_in("admin").client.post(
        "/login", json={"\ud800": "x"}, headers={"Accept": "text/html"}
    )
    assert answer.status_code == 422


# Addresses


ODD_NAMES = [
    "/zoe",
    "zoe/",
    "a//b",
    "//zoe",
    ".",
    "..",
    "%2F",
    "zoe/verify",
    "a?b#c",
    "Zoë 😀",
    "/",
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_no_address_is_rewritten_into_another_persons(hall: Site, name: str) -> None:
    """Whatever follows, redirects above all: only the person of that very name is changed."""
    with hall.app.app_context():
        for one in {name, "zoe", "a/b", "/zoe/"}:
            db.session.add(User(name=one, password_hash="-"))
            db.session.flush()
            person = db.session.scalars(sa.select(User).filter_by(name=one)).one()
            person.sessions.append(UserSession(session_id=f"of {one}", expired_at=now()))
        db.session.commit()
    with hall.app.test_request_context():
        path = hall.app.url_for("sessions.validate_session", user=name)
    admin = hall.logged_in("admin")
    for address in (path, path.replace(name, name.replace("/", "%2F"))):
        headers = {"X-CSRFToken": admin.csrf_token}
        answer = admin.client.post(address, headers=headers, follow_redirects=True)
        assert not answer.history
        assert answer.status_code == 200
        for one in {"zoe", "a/b", "/zoe/"} - {name}:
            assert hall.active(one) == set()
    assert hall.active(name) == {f"of {name}"}


def test_an_address_of_nobody_is_404_and_no_redirect(hall: Site) -> None:
    """Slashes too many lead nowhere, and not to whom they almost name."""
    admin = hall.logged_in("admin")
    before = content_of(hall)
    for user in ("/alice", "alice/", "//alice", "%2Falice", "alice%2F", ".%2Falice", ""):
        for action in ("verify", "invalidate"):
            answer = admin.post(f"/user/sessions/{user}/{action}")
            assert answer.status_code == 404, (user, action)
    for path in ("/user//sessions/alice/verify", "/user/sessions/alice/verify/", "/logout/"):
        assert admin.post(path).status_code == 404
    assert content_of(hall) == before


def test_no_rule_redirects(app: Flask) -> None:
    """No route has a form of its address that werkzeug would lead to another one."""
    assert not app.url_map.merge_slashes
    assert not app.url_map.redirect_defaults
    for rule in app.url_map.iter_rules():
        assert rule.redirect_to is None
        assert not rule.merge_slashes
        assert rule.rule == "/" or not rule.rule.endswith("/")
