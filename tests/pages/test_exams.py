"""The administrators' pages of exams."""

import re
from collections.abc import Mapping
from urllib.parse import urlencode

import pytest
from werkzeug.test import TestResponse

from tests.conftest import MakeApp
from tests.site import Browser, Site
from timApp.auth.site import db
from timApp.document.exam import documents_of_exams
from timApp.guard.exams.find import all_exams
from timApp.guard.rules.policy import AfterEnd, DeviceRule, OverLimit, Policy
from timApp.guard.tables.exam import Exam

EXAMS = "/administer/exams"
#: What somebody types into the form.
TYPED = {
    "title": "Algebra 1",
    "from": "2090-12-01T09:00",
    "to": "2090-12-01T12:00",
    "groups": "Students\r\n\r\n zoe ",
    "documents": "exam",
    "supervisors": "",
    "over_limit": "expire_oldest",
    "after_end": "free",
    "device": "any",
}


@pytest.fixture
def hall(database_url: str, make_app: MakeApp) -> Site:
    """A site in Finland, with the document of an exam, two students and a supervisor."""
    site = Site(make_app(database_url, SITE_TIME_ZONE="Europe/Helsinki"))
    site.add_exam_hall()
    site.add_user("ann", ["Students"])
    site.add_user("zoe")
    site.add_admin()
    return site


@pytest.fixture
def admin(hall: Site) -> Browser:
    """An administrator's browser."""
    return hall.logged_in("admin")


def send(browser: Browser, path: str, fields: Mapping[str, str]) -> TestResponse:
    """Send a page's form."""
    content = {**fields, "csrf_token": browser.csrf_token}
    return browser.client.post(EXAMS + path, data=content, headers={"Accept": "text/html"})


def page(browser: Browser) -> str:
    """Return the text of the list of exams, without tags."""
    return " ".join(re.sub("<[^>]*>", " ", browser.get_page(EXAMS).text).split())


def exams(hall: Site) -> list[tuple[Exam, list[str], list[str], list[str]]]:
    """Return each exam with the names of its groups, documents and supervisors."""
    with hall.app.app_context():
        documents = documents_of_exams(db)
        return [
            (
                exam,
                sorted(group.name for group in exam.groups),
                documents.get(exam.id, []),
                [group.name for group in exam.supervisors],
            )
            for exam in all_exams(db)
        ]


def test_an_exam_is_added_begun_and_ended(hall: Site, admin: Browser) -> None:
    """Each step says what it did, and the list what the exam is; times are the site's."""
    answer = send(admin, "", TYPED)
    assert (answer.status_code, answer.location) == (303, EXAMS)
    ((exam, groups, documents, supervisors),) = exams(hall)
    assert exam.starts_at.isoformat() == "2090-12-01T07:00:00+00:00"
    assert exam.ends_at.isoformat() == "2090-12-01T10:00:00+00:00"
    assert exam.policy == Policy(OverLimit.EXPIRE_OLDEST, AfterEnd.FREE, DeviceRule.ANY)
    assert (groups, documents) == (["Students", "zoe"], ["exam"])
    assert supervisors == ["Session supervisors"]
    shown = page(admin)
    assert "The exam Algebra 1 is added. 2 people would sit it as groups are now." in shown
    assert (
        "Algebra 1 to come Begins 1 Dec 2090, 09:00:00 EET Ends 1 Dec 2090, 12:00:00 EET" in shown
    )
    assert "Groups Students , zoe Documents exam Supervisors Session supervisors" in shown
    hall.logged_in("zoe")
    hall.logged_in("alice")
    query = urlencode({"title": "Algebra 1"})
    asked = admin.get_page(f"{EXAMS}/begin?{query}").text
    assert "2 people sit it." in asked
    assert "1 open session from before it ends." in asked
    assert "It is of 1 person, who logs in again." in asked
    assert exams(hall)[0][0].begun_at is None
    assert len(hall.active("zoe")) == 1
    assert send(admin, "/begin", {"title": "algebra 1"}).location == EXAMS
    assert (hall.active("zoe"), len(hall.active("alice"))) == (set(), 1)
    shown = page(admin)
    assert "The exam Algebra 1 has begun. 1 open session was ended." in shown
    assert "Algebra 1 runs" in shown
    begun = exams(hall)[0][0]
    assert begun.begun_by == "admin"
    assert "nothing to begin" in admin.get_page(f"{EXAMS}/begin?{query}").text
    send(admin, "/begin", {"title": "Algebra 1"})
    assert "had begun already; nothing was changed" in page(admin)
    assert exams(hall)[0][0].begun_at == begun.begun_at
    assert "Sessions go on" in admin.get_page(f"{EXAMS}/end?{query}").text
    assert exams(hall)[0][0].ended_at is None
    assert send(admin, "/end", {"title": "Algebra 1"}).location == EXAMS
    shown = page(admin)
    assert "The exam Algebra 1 is over." in shown
    assert "Algebra 1 over" in shown
    assert exams(hall)[0][0].ended_by == "admin"
    assert "nothing to end" in admin.get_page(f"{EXAMS}/end?{query}").text
    send(admin, "/end", {"title": "Algebra 1"})
    assert "was over already; nothing was changed" in page(admin)
    assert send(admin, "/begin", {"title": "Algebra 1"}).status_code == 409


def test_the_form_begins_with_the_policies_of_exams(hall: Site, admin: Browser) -> None:
    """Whoever chooses nothing gets what the command line gives, which the form shows."""
    text = admin.get_page(EXAMS).text
    chosen = re.findall(r'<option value="(\w+)" selected', text)
    assert chosen == ["block_new", "hold", "same"]
    send(admin, "", {name: TYPED[name] for name in ("title", "from", "to")})
    ((exam, *_),) = exams(hall)
    assert exam.policy == Policy(OverLimit.BLOCK_NEW, AfterEnd.HOLD, DeviceRule.SAME)


@pytest.mark.parametrize(
    ("wrong", "status", "names"),
    [
        ({"title": ""}, 422, ["title"]),
        ({"title": "a\0b"}, 422, ["title"]),
        ({"title": "x" * 5000}, 422, ["title"]),
        ({"from": "", "to": "tomorrow"}, 422, ["from", "to"]),
        ({"from": "2030-10-27T03:30"}, 422, ["from"]),  # twice, as summer time ends
        ({"to": "2090-12-01T09:00"}, 422, ["to"]),
        ({"from": "2000-12-01T09:00", "to": "2000-12-01T12:00"}, 422, ["to"]),
        ({"groups": "zoe\nnobody <b>"}, 404, ["groups"]),
        ({"supervisors": "a\0b"}, 404, ["supervisors"]),
        ({"documents": "exam\nnowhere"}, 404, ["documents"]),
        ({"documents": "a\0b"}, 404, ["documents"]),
        ({"from": "x", "groups": "nobody", "supervisors": "x"}, 422, None),
    ],
)
def test_an_error_stands_beside_its_field(
    hall: Site, admin: Browser, wrong: dict[str, str], status: int, names: list[str] | None
) -> None:
    """What was typed stays, nothing is added, and nothing is made of what was typed."""
    answer = send(admin, "", TYPED | wrong)
    assert answer.status_code == status
    assert re.findall(r'id="(\w+)-error"', answer.text) == (
        names or ["from", "groups", "supervisors"]
    )
    assert 'value="expire_oldest" selected' in answer.text
    if "title" not in wrong:
        assert 'value="Algebra 1"' in answer.text
    if "documents" not in wrong:
        assert ">\nexam</textarea>" in answer.text
    assert "<b>" not in answer.text
    assert exams(hall) == []


def test_a_title_that_is_taken_is_refused(hall: Site, admin: Browser) -> None:
    """In capitals, too: 409 beside the title, and the first exam stays."""
    send(admin, "", TYPED)
    answer = send(admin, "", TYPED | {"title": "ALGEBRA 1"})
    assert answer.status_code == 409
    assert "already" in answer.text.partition('id="title-error"')[2][:200]
    assert len(exams(hall)) == 1


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("", TYPED | {"device": "none"}, 422),
        ("/begin", {"title": "nowhere"}, 404),
        ("/end", {"title": "a\0b"}, 404),
        ("/end", {"title": "Algebra 1"}, 409),
        ("/begin", {}, 404),
    ],
)
def test_what_cannot_be_is_an_error(
    hall: Site, admin: Browser, path: str, fields: dict[str, str], status: int
) -> None:
    """An unknown policy or exam, and the end of what has not begun: nothing changes."""
    send(admin, "", TYPED)
    assert send(admin, path, fields).status_code == status
    ((exam, *_),) = exams(hall)
    assert (exam.begun_at, exam.ended_at) == (None, None)


def test_only_administrators_get_there(hall: Site, admin: Browser) -> None:
    """Supervisors and students get 403 at each address, and no link; without a token it is 400."""
    send(admin, "", TYPED)
    title = {"title": "Algebra 1"}
    for name in ("alice", "supervisor"):
        browser = hall.logged_in(name)
        assert EXAMS not in browser.get_page("/").text
        for path in ("", "/begin?title=Algebra%201", "/end?title=Algebra%201"):
            assert browser.get_page(EXAMS + path).status_code == 403
        for path, fields in (("", TYPED), ("/begin", title), ("/end", title)):
            assert send(browser, path, fields).status_code == 403
    assert f'href="{EXAMS}"' in admin.get_page("/").text
    for path, fields in (("", TYPED), ("/begin", title), ("/end", title)):
        assert admin.client.post(EXAMS + path, data=fields).status_code == 400
    ((exam, *_),) = exams(hall)
    assert exam.begun_at is None
