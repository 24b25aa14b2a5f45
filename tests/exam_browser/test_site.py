"""Exams that ask for Safe Exam Browser: their documents, what supervisors see, and the way out."""

import gzip
import plistlib
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import EnvironBuilder
from werkzeug.test import TestResponse

from tests.site import Browser, Site
from timApp.auth.exambrowser import window_address
from timApp.auth.site import db
from timApp.document.exam import set_documents
from timApp.guard.exams.browser import BrowserPlan, have_file
from timApp.guard.exams.find import require_exam
from timApp.guard.exams.plan import ExamPlan, add_exam, change_exam, plan_of
from timApp.guard.exams.sebfile import SebSite
from timApp.guard.rules.exambrowser import BrowserRule, KeyState, hash_of
from timApp.guard.tables.change import SessionChange
from timApp.guard.tables.session import UserSession
from timApp.util.clock import now

HOUR = timedelta(hours=1)
SITE = "http://localhost"
SEB = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/130.0.0.0 Safari/537.36 SEB/3.8.0"
CONFIG, BUILD = "X-SafeExamBrowser-ConfigKeyHash", "X-SafeExamBrowser-RequestHash"
PAGE = {"Accept": "text/html"}


@pytest.fixture
def hall(site: Site) -> Site:
    """A site with an exam that requires the browser, two who sit it, and a supervisor."""
    for name in ("ann", "ben"):
        site.add_user(name, ["Course"])
    site.add_supervisor()
    site.add_admin()
    site.add_document("exam", ["Course", "Session supervisors"])
    site.add_document("other", ["Course"])
    with site.app.app_context():
        browser = BrowserPlan(BrowserRule.REQUIRED)
        exam = add_exam(
            db, ExamPlan("Algebra", now() - HOUR, now() + HOUR, ["Course"], browser=browser)
        )
        have_file(exam, SebSite(f"{SITE}/"))
        set_documents(db, exam, ["exam"])
        db.session.commit()
    return site


def key_of(hall: Site) -> str:
    """Return the key of the exam's file."""
    with hall.app.app_context():
        return require_exam(db, "Algebra").seb_key or ""


def number_of(hall: Site) -> int:
    """Return the number of the exam."""
    with hall.app.app_context():
        return require_exam(db, "Algebra").id


def ask(browser: Browser, path: str, key: str | None, **more: str) -> TestResponse:
    """Ask for a page as a browser with that key does."""
    shown = {} if key is None else {CONFIG: hash_of(SITE + path, key)}
    return browser.client.get(path, headers={**shown, **more})


def state(hall: Site, name: str) -> KeyState | None:
    """Return what is written down of the latest session of somebody."""
    with hall.app.app_context():
        query = sa.select(UserSession.key_state).where(
            UserSession.user_id == hall.user_id(name), UserSession.logged_out_at.is_(None)
        )
        return db.session.scalars(query.order_by(UserSession.logged_in_at.desc())).first()


def plan(hall: Site, **changes: Any) -> None:
    """Let the exam ask for something else."""
    with hall.app.app_context():
        exam = require_exam(db, "Algebra")
        old = plan_of(exam)
        change_exam(db, exam, replace(old, browser=replace(old.browser, **changes)))
        db.session.commit()


def test_the_documents_open_in_the_browser_alone(hall: Site) -> None:
    """Each page by its own header; without, or with a wrong key, the way in is shown."""
    ann, key = hall.logged_in("ann", SEB), key_of(hall)
    assert state(hall, "ann") is None
    refused = ask(ann, "/view/exam", None, **PAGE)
    assert refused.status_code == 403
    assert f'href="/seb/exam/{number_of(hall)}"' in refused.text
    assert state(hall, "ann") is KeyState.NONE
    assert ask(ann, "/view/exam", key).status_code == 200
    assert state(hall, "ann") is KeyState.RIGHT
    assert ask(ann, "/view/exam", "0" * 64).status_code == 403
    assert state(hall, "ann") is KeyState.WRONG
    upper = {CONFIG: hash_of(f"{SITE}/view/exam", key).upper()}
    assert ann.client.get("/view/exam", headers=upper).status_code == 200
    assert ask(ann, "/view/exam", None).status_code == 403
    assert ask(ann, "/view/other", None).status_code == 200


def test_a_hash_for_another_address_opens_nothing(hall: Site) -> None:
    """Not that of another page, query, scheme or exam, nor one twice, nor a long one."""
    ann, key = hall.logged_in("ann"), key_of(hall)
    right = hash_of(f"{SITE}/view/exam", key)
    wrong = [
        hash_of(f"{SITE}/view/other", key),
        hash_of(f"{SITE}/view/exam?a=1", key),
        hash_of("https://localhost/view/exam", key),
        hash_of("http://localhost:80/view/exam", key),
        key,
        f"{right}, {right}",
        right * 20,
        "é",
    ]
    for text in wrong:
        answer = ann.client.get("/view/exam", headers={CONFIG: text})
        assert answer.status_code == 403, text
    assert ann.client.get("/view/exam", headers={BUILD: right}).status_code == 403
    assert ann.client.get("/view/exam", headers={CONFIG: right}).status_code == 200


def test_the_list_leaves_out_what_is_closed(hall: Site) -> None:
    """The list says why, and has the document in the browser."""
    ann, key = hall.logged_in("ann"), key_of(hall)
    page = ask(ann, "/", None, **PAGE).text
    assert "asks for Safe Exam Browser" in page
    assert "/view/exam" not in page
    inside = ask(ann, "/", key, **PAGE).text
    assert "asks for Safe Exam Browser" not in inside
    assert "/view/exam" in inside


def test_supervisors_and_administrators_need_no_exam_browser(hall: Site) -> None:
    """They open the documents in any browser, and nothing is noted of them."""
    for name in ("supervisor", "admin"):
        assert hall.logged_in(name).get("/view/exam").status_code == 200
        assert state(hall, name) is None


def test_an_exam_that_only_shows_it_closes_nothing(hall: Site) -> None:
    """What browsers show is written down; after the exam, and without it, nobody looks."""
    plan(hall, rule=BrowserRule.SHOWN)
    ann = hall.logged_in("ann")
    assert ask(ann, "/view/exam", None).status_code == 200
    assert state(hall, "ann") is KeyState.NONE
    plan(hall, rule=BrowserRule.NO)
    assert ask(ann, "/view/exam", key_of(hall)).status_code == 200
    assert state(hall, "ann") is KeyState.NONE


def test_listed_builds_have_to_be_shown(hall: Site) -> None:
    """The Browser Exam Key is asked for beside the Config Key, and one that was typed counts."""
    typed, build = "ab" * 32, "cd" * 32
    plan(hall, config_key=typed, browser_keys=(build,))
    ann, address = hall.logged_in("ann"), f"{SITE}/view/exam"
    headers = {CONFIG: hash_of(address, typed)}
    assert ann.client.get("/view/exam", headers=headers).status_code == 403
    headers[BUILD] = hash_of(address, build)
    assert ann.client.get("/view/exam", headers=headers).status_code == 200


def test_the_state_stands_in_the_row_of_who_waits(hall: Site) -> None:
    """Right, wrong, none; a right key in a browser that is no exam browser stands out."""
    supervisor, key = hall.logged_in("supervisor"), key_of(hall)
    hall.logged_in("ann")
    said = {
        (SEB, key): "Safe Exam Browser, right key",
        (SEB, "0" * 64): "Safe Exam Browser, wrong key",
        ("Firefox", None): "No Safe Exam Browser",
        ("Firefox", key): "Right key, but not Safe Exam Browser",
    }
    for (agent, shown), words in said.items():
        blocked = hall.logged_in("ann", agent)
        assert ask(blocked, "/view/exam", shown, **PAGE).status_code == 490
        assert words in supervisor.get_page("/supervise").text
        query = f"user=ann&session={blocked.session_id}"
        assert words in supervisor.get_page(f"/supervise/person?{query}").text
        hall.logged_in("admin").decide(
            "/supervise/end", data={"user": "ann", "session_id": blocked.session_id}
        )
        form = {"user": "ann", "session_id": hall.logged_in("ann").session_id}
        hall.logged_in("admin").decide("/supervise/verify", data=form)


def test_what_a_script_is_told_counts_for_the_session(hall: Site) -> None:
    """For pages without headers; a wrong header ends it, and so does the session's end."""
    ann, key = hall.logged_in("ann", SEB), key_of(hall)
    page = f"{SITE}/view/exam"
    told = {"address": page, "config_key": hash_of(page, key), "browser_key": "x"}
    assert ann.post("/seb/key", json=told).json == {"state": "right"}
    assert state(hall, "ann") is KeyState.TOLD
    assert ask(ann, "/view/exam", None).status_code == 200
    assert ask(ann, "/view/exam", key).status_code == 200
    assert state(hall, "ann") is KeyState.TOLD
    assert ask(ann, "/view/exam", "0" * 64).status_code == 403
    assert ask(ann, "/view/exam", None).status_code == 403
    again = hall.logged_in("ben")
    assert ask(again, "/view/exam", None).status_code == 403


@pytest.mark.parametrize(
    ("told", "status", "said"),
    [
        ({"address": f"{SITE}/", "config_key": "0" * 64}, 200, "wrong"),
        ({"address": f"{SITE}/"}, 200, "none"),
        ({"address": "https://evil.example/", "config_key": "@"}, 422, None),
        ({"address": "", "config_key": "@"}, 422, None),
        ({"address": f"{SITE}@evil.example/", "config_key": "@"}, 422, None),
        ({"address": 5}, 422, None),
        ({"address": f"{SITE}/", "config_key": ["x"]}, 422, None),
        ({"address": f"{SITE}/" + "x" * 20_000}, 422, None),
        ({"address": f"{SITE}/\ud800"}, 422, None),
    ],
)
def test_a_script_tells_of_pages_of_this_site_alone(
    hall: Site, told: dict[str, object], status: int, said: str | None
) -> None:
    """A right hash for another site's address, and what is none, is refused or wrong."""
    ann, key = hall.logged_in("ann"), key_of(hall)
    if told.get("config_key") == "@":
        told = {**told, "config_key": hash_of(str(told["address"]), key)}
    answer = ann.post("/seb/key", json=told)
    assert answer.status_code == status
    if said is not None:
        assert answer.json == {"state": said}
    assert ask(ann, "/view/exam", None).status_code == 403
    assert hall.browser().client.post("/seb/key", json=told).status_code == 400


def test_the_file_is_there_for_whoever_asks(hall: Site) -> None:
    """Without a login, as the browser sends no cookie for it; its key is the exam's."""
    stranger, number = hall.browser(), number_of(hall)
    page = stranger.get_page(f"/seb/exam/{number}").text
    assert f'href="seb://localhost/seb/exam/{number}/exam.seb"' in page
    assert "Algebra" not in page
    answer = stranger.get(f"/seb/exam/{number}/exam.seb")
    assert answer.content_type == "application/seb"
    settings = plistlib.loads(answer.data)
    assert settings["startURL"] == f"{SITE}/seb/exam/{number}"
    assert stranger.get_page(f"/seb/exam/{number}/quit").status_code == 200
    for path in (
        "/seb/exam/0",
        "/seb/exam/x",
        f"/seb/exam/{10**30}",
        f"/seb/exam/{number + 1}/exam.seb",
    ):
        assert stranger.get(path).status_code == 404
    inside = ask(hall.logged_in("ann"), f"/seb/exam/{number}", key_of(hall), **PAGE).text
    assert "This is Safe Exam Browser with the settings of the exam." in inside
    # As it begins, before anybody is logged in.
    begun = ask(stranger, f"/seb/exam/{number}", key_of(hall), **PAGE).text
    assert "This is Safe Exam Browser with the settings of the exam." in begun
    assert "has to be installed" not in begun


def test_handing_in_leads_out_of_the_browser(hall: Site) -> None:
    """The receipt has the quit link to the letter; without the browser there is none."""
    ann = hall.logged_in("ann")
    receipt = (ann.post("/hand-in", json={}).json or {})["receipt"]
    link = f'href="{SITE}/seb/exam/{number_of(hall)}/quit"'
    stranger = hall.browser()
    assert link in stranger.get_page(f"/handed-in?receipt={receipt}").text
    plan(hall, rule=BrowserRule.NO)
    assert "quit" not in stranger.get_page(f"/handed-in?receipt={receipt}").text


def settings_form(admin: Browser, hall: Site) -> dict[str, str]:
    """Return what the forms of the page of settings send."""
    page = admin.get_page(f"/administer/exams/browser?exam={number_of(hall)}").text
    shown = page.partition('name="shown" value="')[2].partition('"')[0]
    return {"exam": str(number_of(hall)), "shown": shown, "csrf_token": admin.csrf_token}


def test_an_administrator_uploads_a_file_of_their_own(hall: Site) -> None:
    """It is sent as it is, its key counts, its quit link is served, and it is recorded."""
    admin, form = hall.logged_in("admin"), settings_form(hall.logged_in("admin"), hall)
    form["csrf_token"] = admin.csrf_token
    own = gzip.compress(plistlib.dumps({"quitURL": "https://a.example/out", "x": True}))
    address = "/administer/exams/browser/upload"
    for content in (b"no file", gzip.compress(b"pswd secret")):
        sent = {**form, "file": (BytesIO(content), "a.seb")}
        assert admin.client.post(address, data=sent, headers=PAGE).status_code == 422
    sent = {**form, "file": (BytesIO(own), "a.seb")}
    assert admin.client.post(address, data=sent, headers=PAGE).status_code == 303
    sent = {**form, "file": (BytesIO(own), "a.seb")}
    assert admin.client.post(address, data=sent, headers=PAGE).status_code == 409
    assert hall.browser().get(f"/seb/exam/{number_of(hall)}/exam.seb").data == own
    ann = hall.logged_in("ann")
    assert ask(ann, "/view/exam", key_of(hall)).status_code == 200
    receipt = (ann.post("/hand-in", json={}).json or {})["receipt"]
    page = hall.browser().get_page(f"/handed-in?receipt={receipt}").text
    assert 'href="https://a.example/out"' in page
    with hall.app.app_context():
        said = db.session.scalars(sa.select(SessionChange.reason).order_by(SessionChange.id)).all()
        text = f"Algebra: browser ({require_exam(db, 'Algebra').seb_key})"
        assert any(text in str(one) for one in said)


def test_a_file_is_made_anew_with_a_password(hall: Site) -> None:
    """Its key is another one then, so a file from before is wrong."""
    admin, before = hall.logged_in("admin"), key_of(hall)
    form = settings_form(admin, hall) | {"quit_password": "let me out"}
    answer = admin.client.post("/administer/exams/browser/make", data=form, headers=PAGE)
    assert answer.status_code == 303
    assert key_of(hall) != before
    ann = hall.logged_in("ann")
    assert ask(ann, "/view/exam", before).status_code == 403
    assert ask(ann, "/view/exam", key_of(hall)).status_code == 200


def test_the_form_of_an_exam_asks_for_it(hall: Site) -> None:
    """Planned with it, a file is made; a key that is none is told at its field."""
    admin = hall.logged_in("admin")
    form = {
        "title": "Geometry",
        "from": "2090-12-01T09:00",
        "to": "2090-12-01T12:00",
        "browser": "required",
        "csrf_token": admin.csrf_token,
    }
    for wrong in ({"config_key": "abc"}, {"browser_keys": "x" * 64}, {"browser_keys": "a\nb"}):
        answer = admin.client.post("/administer/exams", data=form | wrong, headers=PAGE)
        assert answer.status_code == 422
        assert f'id="{next(iter(wrong))}-error"' in answer.text
    keys = {"browser_keys": f"{'A' * 64}\r\n{'b' * 64}\r\n{'a' * 64}"}
    answer = admin.client.post("/administer/exams", data=form | keys, headers=PAGE)
    assert answer.status_code == 303
    with hall.app.app_context():
        exam = require_exam(db, "Geometry")
        assert exam.browser is BrowserRule.REQUIRED
        assert exam.browser_keys.split() == ["a" * 64, "b" * 64]
        assert exam.quit_address == f"{SITE}/seb/exam/{exam.id}/quit"


def test_the_export_says_what_was_shown(hall: Site) -> None:
    """One column of the administrators' export, empty where nobody has looked."""
    ask(hall.logged_in("ann"), "/view/exam", "0" * 64)
    rows = hall.logged_in("admin").get("/administer/sessions/export?format=json&exam=").json or []
    assert {row["user"]: row["exam_browser_key"] for row in rows} == {"ann": "wrong", "admin": None}


@pytest.mark.parametrize(
    ("script_name", "uri"),
    [
        ("", "/view/ex%61m?a=%2F"),
        ("/hall", "/view/ex%61m?a=%2F"),
        ("/hall", "/hall/view/ex%61m?a=%2F"),
        ("/seb", "/seb/view/ex%61m?a=%2F"),
    ],
)
def test_the_address_is_that_in_the_browsers_window(script_name: str, uri: str) -> None:
    """To the letter, behind a prefix that a proxy takes away or that is still there."""
    app = Flask(__name__)
    path = uri.partition("?")[0].removeprefix(script_name).replace("%61", "a")
    environ = {"SCRIPT_NAME": script_name, "PATH_INFO": path, "REQUEST_URI": uri}
    builder = EnvironBuilder(app=app, environ_base=environ, query_string="a=%2F", path=path)
    wanted = f"{SITE}{script_name}/view/ex%61m?a=%2F"
    given = builder.get_environ() | environ
    with app.request_context(given):
        assert window_address() == wanted
    del given["REQUEST_URI"]
    given.pop("RAW_URI", None)
    with app.request_context(given):
        assert window_address() == wanted.replace("%61", "a")
