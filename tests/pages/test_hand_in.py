"""Handing in: a page, a call, and what the exam's documents say afterwards."""

from datetime import timedelta

import pytest

from tests.site import Browser, Site
from timApp.auth.site import db
from timApp.document.exam import set_documents
from timApp.guard.exams.plan import ExamPlan, add_exam
from timApp.util.clock import now

HOUR = timedelta(hours=1)
HTML = {"Accept": "text/html"}


@pytest.fixture
def sitter(site: Site) -> Browser:
    """A student who sits an exam that runs, and is logged in."""
    site.add_user("sitter", ["Course"])
    site.add_document("exam", ["Course"])
    site.add_document("other", ["Course"])
    with site.app.app_context():
        exam = add_exam(db, ExamPlan("Algebra <1>", now() - HOUR, now() + HOUR, ["Course"]))
        set_documents(db, exam, ["exam"])
        db.session.commit()
    return site.logged_in("sitter")


def test_a_program_hands_in_by_one_call(site: Site, sitter: Browser) -> None:
    """The answer says what and when, the cookie is nobody's, and a receipt can be shown."""
    assert sitter.get("/hand-in").json == [{"exam": "Algebra <1>", "handedInAt": None}]
    answer = sitter.post("/hand-in", json={})
    assert answer.status_code == 200
    assert answer.json is not None
    assert (answer.json["status"], answer.json["exam"]) == ("ok", "Algebra <1>")
    assert sitter.get("/view/other").status_code == 403
    assert site.active("sitter") == set()
    page = site.browser().get(f"/handed-in?receipt={answer.json['receipt']}", headers=HTML).text
    assert "Algebra &lt;1&gt;" in page
    assert "sitter" in page


def test_the_documents_stay_closed(site: Site, sitter: Browser) -> None:
    """Whoever logs in again finds the exam's documents closed, and others as before."""
    assert sitter.get("/view/exam").status_code == 200
    sitter.post("/hand-in", json={})
    again = site.logged_in("sitter")
    answer = again.get("/view/exam")
    assert answer.status_code == 403
    assert "which you have handed in" in answer.text
    assert [one["path"] for one in again.get("/").json or []] == ["other"]
    assert again.get("/view/other").status_code == 200
    repeated = again.post("/hand-in", json={"exam": "algebra <1>"})
    assert repeated.status_code == 200
    assert again.get("/view/other").status_code == 200


def test_who_did_it_by_mistake_is_let_in_by_an_exam_of_their_own(
    site: Site, sitter: Browser
) -> None:
    """The documents are open to that one person again, who can hand in the other exam."""
    sitter.post("/hand-in", json={})
    with site.app.app_context():
        exam = add_exam(db, ExamPlan("Algebra again", now() - HOUR, now() + HOUR, ["sitter"]))
        set_documents(db, exam, ["exam"])
        db.session.commit()
    again = sitter
    again.log_in("sitter")
    assert again.get("/view/exam").status_code == 200
    assert (again.post("/hand-in", json={}).json or {})["exam"] == "Algebra again"


@pytest.mark.parametrize("path", ["/", "/view/exam"])
def test_pages_lead_there_while_there_is_something_to_hand_in(
    site: Site, sitter: Browser, path: str
) -> None:
    """The list and the exam's documents have the link, until the person has handed in."""
    link = 'href="/hand-in"'
    assert link in sitter.get(path, headers=HTML).text
    assert link not in sitter.get("/view/other", headers=HTML).text
    sitter.post("/hand-in", json={})
    assert link not in site.logged_in("sitter").get(path, headers=HTML).text


def test_with_the_form_there_is_a_receipt_page(site: Site, sitter: Browser) -> None:
    """The page asks, the button leads to the receipt, which reads the same when it is reloaded."""
    assert "Hand in for good" in sitter.get("/hand-in", headers=HTML).text
    answer = sitter.client.post(
        "/hand-in",
        data={"exam": "Algebra <1>", "csrf_token": sitter.csrf_token},
        headers=HTML,
    )
    assert answer.status_code == 303
    assert "Clear-Site-Data" in answer.headers
    for _ in range(2):
        page = sitter.get(answer.location, headers=HTML)
        assert page.status_code == 200
        assert "You are logged out on this browser." in page.text


@pytest.mark.parametrize("body", [{"exam": "Botany"}, {"exam": "algebra"}])
def test_an_exam_that_does_not_run_is_refused(
    site: Site, sitter: Browser, body: dict[str, str]
) -> None:
    """409 says so, and the person stays logged in."""
    answer = sitter.post("/hand-in", json=body)
    assert answer.status_code == 409
    assert "does not run for you" in answer.text
    assert len(site.active("sitter")) == 1


def test_a_title_that_is_no_text_is_refused(sitter: Browser) -> None:
    """422 names the field."""
    assert sitter.post("/hand-in", json={"exam": 5}).status_code == 422


def test_who_sits_nothing_has_nothing_to_hand_in(site: Site, sitter: Browser) -> None:
    """The page says so; the call is refused."""
    site.add_user("reader")
    reader = site.logged_in("reader")
    assert "nothing to hand in" in reader.get("/hand-in", headers=HTML).text
    assert reader.post("/hand-in", json={}).status_code == 409


def test_a_blocked_person_hands_nothing_in(site: Site, sitter: Browser) -> None:
    """Whoever waits for a supervisor cannot end the exam of whoever is logged in."""
    second = site.logged_in("sitter")
    assert second.post("/hand-in", json={}).status_code == 490
    assert sitter.get("/view/exam").status_code == 200


def test_supervisors_see_it(site: Site, sitter: Browser) -> None:
    """The comparison says that the person has handed in."""
    sitter.post("/hand-in", json={})
    site.add_supervisor()
    page = site.logged_in("supervisor").get("/supervise/person?user=sitter", headers=HTML).text
    assert "handed in the exam" in page
    assert "Logged out: handed in" in page


def test_who_sends_it_twice_gets_the_receipt_twice(site: Site, sitter: Browser) -> None:
    """A double click, or an answer that was lost, ends with the receipt, and not at the login."""
    cookie = sitter.client.get_cookie("timapp")
    assert cookie is not None
    first = sitter.post("/hand-in", json={"exam": "Algebra <1>"}).json or {}
    sitter.client.set_cookie("timapp", cookie.value)
    again = sitter.post("/hand-in", json={"exam": "Algebra <1>"})
    assert again.status_code == 200
    assert again.json == first
    sitter.client.set_cookie("timapp", cookie.value)
    form = {"exam": "Algebra <1>", "csrf_token": sitter.csrf_token}
    page = sitter.client.post("/hand-in", data=form, headers=HTML, follow_redirects=True)
    assert "You are logged out on this browser." in page.text


def test_the_login_says_why_whoever_comes_there_is_logged_out(site: Site, sitter: Browser) -> None:
    """Somebody whose session others have ended is told how that has come, until they log in."""
    site.add_admin()
    other = site.browser()
    boss = site.logged_in("admin")
    for asks, path, words in (
        (sitter, "/hand-in", "You have handed the exam in."),
        (boss, "/user/sessions/sitter/end", "A supervisor has ended this session for good."),
    ):
        cookie = sitter.client.get_cookie("timapp")
        assert cookie is not None
        assert words not in sitter.get("/login", headers=HTML).text
        assert asks.post(path, json={}).status_code == 200
        sitter.client.set_cookie("timapp", cookie.value)
        assert words in sitter.get("/login", headers=HTML).text
        assert words not in other.get("/login", headers=HTML).text
        sitter.log_in("sitter")
    sitter.log_out()
    assert 'role="status"' not in sitter.get("/login", headers=HTML).text
