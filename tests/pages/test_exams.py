"""The administrators' pages of exams."""

import re
from collections.abc import Mapping
from html import unescape
from importlib import resources

import pytest
from babel.messages.mofile import read_mo
from werkzeug.test import TestResponse

from tests.conftest import MakeApp
from tests.site import Browser, Site
from timApp.auth.site import db
from timApp.document.exam import documents_of_exams
from timApp.guard.exams.find import all_exams
from timApp.guard.rules.policy import AfterEnd, DeviceRule, OverLimit, Policy
from timApp.guard.tables.change import OF_THINGS
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


def shown_form(browser: Browser, title: str) -> dict[str, str]:
    """Return what the form of an exam that is there sends when nothing is typed."""
    answer = browser.get_page(address(browser, "change", title))
    assert answer.status_code == 200
    return fields_of(answer.text)


def address(browser: Browser, act: str, title: str) -> str:
    """Return where the list of exams leads for an act; of each exam *Change* is there."""
    item = browser.get_page(EXAMS).text.partition(f"<bdi>{title}</bdi>")[2]
    found = re.search(rf'"{EXAMS}/change(\?exam=\d+)"', item)
    assert found
    return f"{EXAMS}/{act}{found[1]}"


def asked(browser: Browser, title: str) -> dict[str, str]:
    """Return what the forms of the pages of *delete*, *begin* and *end* send for an exam now."""
    shown = shown_form(browser, title)
    return {name: shown[name] for name in ("exam", "shown")}


def fields_of(text: str) -> dict[str, str]:
    """Return the fields of the form of an exam in a page, but for the token."""
    text = text[text.index('<form class="row') :]
    found = re.findall(r'<input [^>]*name="(\w+)" value="([^"]*)"', text)
    found += re.findall(r'<textarea [^>]*name="(\w+)"[^>]*>\n([^<]*)<', text)
    found += re.findall(r'<select [^>]*name="(\w+)".*?value="(\w+)" selected', text, re.DOTALL)
    return {name: unescape(value) for name, value in found if name != "csrf_token"}


def text_of(answer: TestResponse) -> str:
    """Return the text of a page, without tags."""
    return " ".join(re.sub("<[^>]*>", " ", unescape(answer.text)).split())


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
    begin, end = (address(admin, act, "Algebra 1") for act in ("begin", "end"))
    said = admin.get_page(begin).text
    assert "2 people sit it." in said
    assert "1 open session from before it ends." in said
    assert "It is of 1 person, who logs in again." in said
    which = asked(admin, "Algebra 1")
    assert all(f'name="{name}" value="{value}"' in said for name, value in which.items())
    assert exams(hall)[0][0].begun_at is None
    assert len(hall.active("zoe")) == 1
    assert send(admin, "/begin", which).location == EXAMS
    assert (hall.active("zoe"), len(hall.active("alice"))) == (set(), 1)
    shown = page(admin)
    assert "The exam Algebra 1 has begun. 1 open session was ended." in shown
    assert "Algebra 1 runs" in shown
    begun = exams(hall)[0][0]
    assert begun.begun_by == "admin"
    assert "nothing to begin" in admin.get_page(begin).text
    send(admin, "/begin", which)
    assert "had begun already; nothing was changed" in page(admin)
    assert exams(hall)[0][0].begun_at == begun.begun_at
    assert "Sessions go on" in admin.get_page(end).text
    assert exams(hall)[0][0].ended_at is None
    assert send(admin, "/end", which).location == EXAMS
    shown = page(admin)
    assert "The exam Algebra 1 is over." in shown
    assert "Algebra 1 over" in shown
    assert exams(hall)[0][0].ended_by == "admin"
    assert "nothing to end" in admin.get_page(end).text
    send(admin, "/end", which)
    assert "was over already; nothing was changed" in page(admin)
    assert send(admin, "/begin", which).status_code == 409


def test_the_form_begins_with_the_policies_of_exams(hall: Site, admin: Browser) -> None:
    """Whoever chooses nothing gets what the command line gives, which the form shows."""
    text = admin.get_page(EXAMS).text
    chosen = re.findall(r'<option value="(\w+)" selected', text)
    assert chosen == ["block_new", "hold", "same", "no"]
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


def test_all_that_is_wrong_is_told_at_once(hall: Site, admin: Browser) -> None:
    """Each unknown name beside its field, and the title and the times beside theirs."""
    send(admin, "", TYPED)
    wrong = {"to": "2090-12-01T08:00", "groups": "Nil\nzoe\nNo", "documents": "a\nexam\nb"}
    answer = send(admin, "", TYPED | wrong | {"supervisors": "None"})
    assert answer.status_code == 409
    assert re.findall(r'id="(\w+)-error"', answer.text) == [
        *("title", "to", "groups", "documents", "supervisors")
    ]
    before, _, _ = answer.text.partition('<h2 class="h5 mb-1"')
    assert "title-error" in before, "before the exams that there are, where it is seen"
    said = text_of(answer)
    for text in ("'Nil'", "'No'", "'None'", "document 'a'", "document 'b'", "already", "end after"):
        assert said.count(text) == 1
    assert len(exams(hall)) == 1


def test_what_an_added_exam_is_already_is_said(hall: Site, admin: Browser) -> None:
    """That it runs and its policies count, and that it has no documents; the list has policies."""
    send(admin, "", TYPED | {"from": "2020-12-01T09:00", "documents": ""})
    said = page(admin)
    assert (
        "The exam Algebra 1 is added. It runs already, and its policies count now."
        " 2 people sit it. It has no documents yet." in said
    )
    assert "A login over the limit: is let in, and the oldest session expires" in said
    assert "A login after one was stopped: is let in" in said
    assert "Who may log in to a free slot: any browser" in said
    send(admin, "", TYPED | {"title": "Logic"})
    said = page(admin)
    assert "The exam Logic is added. 2 people would sit it as groups are now." in said
    assert "runs already" not in said
    assert "no documents yet" not in said
    send(admin, "/change", shown_form(admin, "Logic") | {"from": "2020-12-01T09:00"})
    assert "The exam Logic is changed. It runs already, and its policies count now." in page(admin)


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
        ("/begin", {"exam": "7"}, 404),
        ("/end", {"exam": "a\0b"}, 404),
        ("/end", {}, 409),
        ("/delete", {"shown": ""}, 409),
        ("/begin", {"exam": ""}, 404),
    ],
)
def test_what_cannot_be_is_an_error(
    hall: Site, admin: Browser, path: str, fields: dict[str, str], status: int
) -> None:
    """An unknown policy or exam, and the end of what has not begun: nothing changes."""
    send(admin, "", TYPED)
    assert (
        send(admin, path, asked(admin, "Algebra 1") | fields if path else fields).status_code
        == status
    )
    ((exam, *_),) = exams(hall)
    assert (exam.begun_at, exam.ended_at) == (None, None)


def test_only_administrators_get_there(hall: Site, admin: Browser) -> None:
    """Supervisors and students get 403 at each address, and no link; without a token it is 400."""
    send(admin, "", TYPED)
    which = asked(admin, "Algebra 1")
    number = which["exam"]
    change = shown_form(admin, "Algebra 1") | {"title": "Mine"}
    posts = (
        ("", TYPED),
        ("/begin", which),
        ("/end", which),
        ("/change", change),
        ("/delete", which),
    )
    for name in ("alice", "supervisor"):
        browser = hall.logged_in(name)
        assert EXAMS not in browser.get_page("/").text
        assert browser.get_page(EXAMS).status_code == 403
        for path in ("/begin", "/end", "/change", "/delete"):
            assert browser.get_page(f"{EXAMS}{path}?exam={number}").status_code == 403
        for path, fields in posts:
            assert send(browser, path, fields).status_code == 403
    assert f'href="{EXAMS}"' in admin.get_page("/").text
    for path, fields in posts:
        assert admin.client.post(EXAMS + path, data=fields).status_code == 400
    ((exam, *_),) = exams(hall)
    assert (exam.title, exam.begun_at) == ("Algebra 1", None)


def test_an_exam_to_come_is_changed_in_everything(hall: Site, admin: Browser) -> None:
    """The form shows what it is; what is sent is what it is then, and the list says so."""
    send(admin, "", TYPED)
    shown = shown_form(admin, "Algebra 1")
    assert {name: shown[name] for name in TYPED} == TYPED | {
        "groups": "Students\nzoe",
        "supervisors": "Session supervisors",
    }
    hall.add_document("part 2")
    typed = shown | {
        "title": "Algebra 2",
        "from": "2090-12-02T10:00",
        "to": "2090-12-02T11:00:30",
        "groups": "Students",
        "documents": "part 2",
        "supervisors": "zoe",
        "device": "same",
    }
    assert send(admin, "/change", typed).location == EXAMS
    said = page(admin)
    assert "The exam Algebra 2 is changed. 1 person would sit it as groups are now." in said
    assert "Begins 2 Dec 2090, 10:00:00 EET Ends 2 Dec 2090, 11:00:30 EET" in said
    ((exam, groups, documents, supervisors),) = exams(hall)
    assert (groups, documents, supervisors) == (["Students"], ["part 2"], ["zoe"])
    assert exam.policy == Policy(OverLimit.EXPIRE_OLDEST, AfterEnd.FREE, DeviceRule.SAME)
    again = shown_form(admin, "Algebra 2")
    assert again["to"] == "2090-12-02T11:00:30"
    assert send(admin, "/change", again).location == EXAMS
    assert "Nothing was changed." in page(admin)
    only = {name: again[name] for name in ("exam", "shown")}
    send(admin, "/change", only | {"title": "Algebra 3", "supervisors": ""})
    ((exam, groups, documents, supervisors),) = exams(hall)
    assert (exam.title, exam.ends_at.second, groups) == ("Algebra 3", 30, ["Students"])
    assert (documents, supervisors) == (["part 2"], ["Session supervisors"])


def test_while_it_runs_what_would_harm_stays(hall: Site, admin: Browser) -> None:
    """Ten minutes more, other documents and one more group; what cannot change is shown as text."""
    send(admin, "", TYPED)
    before = shown_form(admin, "Algebra 1")
    send(admin, "/begin", asked(admin, "Algebra 1"))
    shown = shown_form(admin, "Algebra 1")
    of_browser = {"browser", "config_key", "browser_keys"}
    names = {"exam", "shown", "title", "to", "groups", "documents", "supervisors"}
    assert set(shown) == names | of_browser
    answer = admin.get_page(address(admin, "change", "Algebra 1"))
    assert "Begins 1 Dec 2090" not in text_of(answer)  # but when it was begun by hand
    assert "A login over the limit is let in, and the oldest session expires" in text_of(answer)
    # A form from before the beginning is as good, as long as it says nothing else there.
    assert send(admin, "/change", before | {"to": "2090-12-01T12:10"}).location == EXAMS
    assert exams(hall)[0][0].ends_at.isoformat() == "2090-12-01T10:10:00+00:00"
    shown = shown_form(admin, "Algebra 1")
    for field, typed in {
        "from": {"from": "2090-12-01T08:00"},
        "groups": {"groups": "Students"},
        "over_limit": {"after_end": "hold"},
    }.items():
        answer = send(admin, "/change", shown | typed | {"documents": "", "title": "New"})
        assert answer.status_code == 409
        beside = answer.text.partition(f'id="{field}-error"')[2]
        assert "nobody is taken out of it" in beside[:300]
    answer = send(admin, "/change", shown | {"to": "2020-12-01T12:00"})
    assert answer.status_code == 422
    assert "to-error" in answer.text
    assert exams(hall)[0][2] == ["exam"]
    hall.add_user("late")
    typed = {"groups": "late\nzoe\nStudents", "documents": "", "supervisors": "supervisor"}
    assert send(admin, "/change", shown | typed).location == EXAMS
    ((exam, groups, documents, supervisors),) = exams(hall)
    assert (groups, documents) == (["Students", "late", "zoe"], [])
    assert (exam.title, supervisors) == ("Algebra 1", ["supervisor"])


def test_when_it_is_over_its_title_changes(hall: Site, admin: Browser) -> None:
    """And nothing else: 409 with the sentence, beside the field."""
    send(admin, "", TYPED)
    before = shown_form(admin, "Algebra 1")
    for path in ("/begin", "/end"):
        send(admin, path, asked(admin, "Algebra 1"))
    assert set(shown_form(admin, "Algebra 1")) == {"exam", "shown", "title"}
    for field, value in {
        "to": "2090-12-01T13:00",
        "documents": "",
        "supervisors": "zoe",
        "groups": "Students\nzoe\nadmin",
    }.items():
        answer = send(admin, "/change", before | {field: value, "title": "New"})
        assert answer.status_code == 409
        beside = answer.text.partition(f'id="{field}-error"')[2]
        assert "only its title can be changed" in beside[:300]
    ended = exams(hall)[0][0].ended_at
    assert send(admin, "/change", before | {"title": "New"}).location == EXAMS
    assert (exams(hall)[0][0].title, exams(hall)[0][0].ended_at) == ("New", ended)


def test_two_who_change_it_at_once_do_not_overwrite_each_other(hall: Site, admin: Browser) -> None:
    """What one has touched is theirs; where both have, the second is told what it is now."""
    send(admin, "", TYPED)
    hall.add_admin("second")
    second = hall.logged_in("second")
    shown = shown_form(second, "Algebra 1")
    changed = {"title": "Algebra", "to": "2090-12-01T13:00", "documents": "", "device": "same"}
    assert send(admin, "/change", shown | changed).location == EXAMS
    typed = {"title": "Logic", "groups": "zoe", "documents": "", "over_limit": "observe"}
    answer = send(second, "/change", shown | typed)
    assert answer.status_code == 409
    said = text_of(answer)
    assert "Somebody else has changed this exam" in said
    assert said.count("It is now:") == 1
    assert re.findall(r'id="(\w+)-now"', answer.text) == ["title", "to", "device"]
    assert "It is now: Algebra " in said
    assert said.count("Somebody else has changed this.") == 2
    assert exams(hall)[0][1] == ["Students", "zoe"]
    again = fields_of(answer.text)
    for name, value in (shown | changed | typed).items():
        assert again[name] == value or name == "shown"
    assert send(second, "/change", again).location == EXAMS
    ((exam, groups, documents, _),) = exams(hall)
    assert (exam.title, groups, documents) == ("Logic", ["zoe"], [])
    assert exam.ends_at.isoformat() == "2090-12-01T11:00:00+00:00"
    assert exam.policy == Policy(OverLimit.OBSERVE, AfterEnd.FREE, DeviceRule.SAME)
    assert send(second, "/change", shown_form(second, "Logic") | {"shown": ""}).status_code == 409
    send(admin, "/delete", asked(admin, "Logic"))
    gone = send(second, "/change", again)
    assert gone.status_code == 404
    assert "somebody has deleted it" in gone.text


@pytest.mark.parametrize("number", ["", "0", "-1", "x", "9" * 30, "2"])
def test_a_form_of_no_exam_is_404(hall: Site, admin: Browser, number: str) -> None:
    """Whatever is sent as the number of an exam."""
    send(admin, "", TYPED)
    fields = shown_form(admin, "Algebra 1") | {"exam": number, "title": "New"}
    assert send(admin, "/change", fields).status_code == 404
    assert exams(hall)[0][0].title == "Algebra 1"


def test_an_error_of_a_change_stands_beside_its_field(hall: Site, admin: Browser) -> None:
    """What was typed stays, and the exam is as it was, also with its documents."""
    send(admin, "", TYPED)
    send(admin, "", TYPED | {"title": "Logic"})
    shown = shown_form(admin, "Logic")
    for field, value, status in (
        ("title", "", 422),
        ("title", "ALGEBRA 1", 409),
        ("to", "2090-12-01T08:00", 422),
        ("groups", "nobody", 404),
        ("documents", "nowhere", 404),
    ):
        answer = send(admin, "/change", shown | {"supervisors": "zoe", field: value})
        assert answer.status_code == status
        assert re.findall(r'id="(\w+)-error"', answer.text) == [field]
        assert fields_of(answer.text)["supervisors"] == "zoe"
    assert {exam.title for exam, *_ in exams(hall)} == {"Algebra 1", "Logic"}
    assert {tuple(supervisors) for *_, supervisors in exams(hall)} == {("Session supervisors",)}


def test_an_exam_to_come_is_deleted(hall: Site, admin: Browser) -> None:
    """After it was asked, and not once it has begun."""
    send(admin, "", TYPED)
    send(admin, "", TYPED | {"title": "Logic"})
    which = asked(admin, "Algebra 1")
    said = admin.get_page(address(admin, "delete", "Algebra 1"))
    assert "planned from 1 Dec 2090, 09:00:00 EET to 1 Dec 2090, 12:00:00 EET" in text_of(said)
    assert len(exams(hall)) == 2
    assert send(admin, "/delete", which).location == EXAMS
    assert "The exam Algebra 1 is deleted." in page(admin)
    assert [exam.title for exam, *_ in exams(hall)] == ["Logic"]
    assert send(admin, "/delete", which).status_code == 404
    send(admin, "/begin", asked(admin, "Logic"))
    assert send(admin, "/delete", asked(admin, "Logic")).status_code == 409
    said = admin.get_page(address(admin, "delete", "Logic"))
    assert "it cannot be deleted any more" in said.text
    assert "Delete …" not in admin.get_page(EXAMS).text


def test_what_is_done_to_an_exam_is_in_the_record(hall: Site, admin: Browser) -> None:
    """Once each, with what was changed; not what changed nothing, nor what was refused."""
    send(admin, "", TYPED)
    send(admin, "", TYPED)
    form = shown_form(admin, "Algebra 1")
    send(admin, "/change", form)
    send(admin, "/change", form | {"title": "Algebra", "documents": ""})
    for act in ("begin", "begin", "end", "end", "delete"):
        send(admin, f"/{act}", asked(admin, "Algebra"))
    send(admin, "", TYPED | {"title": "Logic"})
    send(admin, "/delete", asked(admin, "Logic"))
    done = [change for change in hall.changes() if change.action in OF_THINGS]
    assert [(change.action.value, change.reason) for change in done] == [
        ("add exam", "Algebra 1"),
        ("change exam", "Algebra 1 -> Algebra: title, documents"),
        ("begin exam", "Algebra"),
        ("end exam", "Algebra"),
        ("add exam", "Logic"),
        ("delete exam", "Logic"),
    ]
    assert {change.actor for change in done} == {"admin"}
    assert "Began an exam" in admin.get_page("/administer/record?exam=").text


def test_a_form_hits_the_exam_that_it_has_shown(hall: Site, admin: Browser) -> None:
    """Of an exam that was renamed since, it asks again; one that has its title by now is safe."""
    send(admin, "", TYPED)
    before = asked(admin, "Algebra 1")
    send(admin, "/change", shown_form(admin, "Algebra 1") | {"title": "Logic"})
    send(admin, "", TYPED)
    page(admin)  # and what it says of these
    for act, button in (("/delete", "Delete the"), ("/begin", "Begin the"), ("/end", "End the")):
        answer = send(admin, act, before)
        assert answer.status_code == 409
        said = text_of(answer)
        assert "Somebody has changed this exam since you opened this page" in said
        assert f"{button} exam Logic" in said
        assert "Algebra 1" not in said
    assert {(exam.title, exam.begun_at) for exam, *_ in exams(hall)} == {
        *(("Algebra 1", None), ("Logic", None))
    }
    now_shown = asked(admin, "Logic")
    assert send(admin, "/delete", now_shown).location == EXAMS
    assert [exam.title for exam, *_ in exams(hall)] == ["Algebra 1"]
    for act in ("/delete", "/begin", "/end"):
        answer = send(admin, act, now_shown)
        assert answer.status_code == 404
        assert "somebody has deleted it" in answer.text
        path = f"{EXAMS}{act}?exam={now_shown['exam']}"
        assert admin.get_page(path).status_code == 404


def test_a_time_in_the_repeated_hour_stays_as_it_is(hall: Site, admin: Browser) -> None:
    """Where the field cannot say which of two is meant, sending it again does not move the exam."""
    send(admin, "", TYPED | {"from": "2036-10-26T03:30+02:00", "to": "2036-10-26T06:00"})
    start = exams(hall)[0][0].starts_at
    assert start.isoformat() == "2036-10-26T01:30:00+00:00"
    send(admin, "/change", shown_form(admin, "Algebra 1") | {"title": "New"})
    assert (exams(hall)[0][0].title, exams(hall)[0][0].starts_at) == ("New", start)


def test_a_record_calls_an_exam_an_exam(hall: Site, admin: Browser) -> None:
    """What *begin* and *hand in* have recorded of a person has its title, and no reason."""
    send(admin, "", TYPED)
    hall.logged_in("zoe")
    send(admin, "/begin", asked(admin, "Algebra 1"))
    zoe = hall.logged_in("zoe")
    zoe.client.post("/hand-in", json={}, headers={"X-CSRFToken": zoe.csrf_token})
    said = text_of(admin.get_page("/administer/person?user=zoe&exam="))
    assert said.count("Exam Algebra 1") == 2
    assert "Reason" not in said


@pytest.mark.parametrize(
    ("language", "words"), [("sv", ["tentamen", "verifi"]), ("fi", ["asiakirj"])]
)
def test_a_thing_has_one_word_in_a_language(language: str, words: list[str]) -> None:
    """Swedish has *prov* and *bekräfta*, and Finnish *dokumentti*; not another word beside it."""
    folder = resources.files("timApp") / "translations" / language / "LC_MESSAGES"
    with (folder / "messages.mo").open("rb") as file:
        texts = read_mo(file)
    said = " ".join(str(message.string) for message in texts if message.id).casefold()
    assert [word for word in words if word in said] == []


def test_who_cannot_open_the_documents_is_told_and_given_the_right(
    hall: Site, admin: Browser
) -> None:
    """The list and the page that begins an exam count them; its button gives them the right."""
    told = "2 people who sit it have no right to view exam , and cannot open it."
    send(admin, "", TYPED)
    begin = address(admin, "begin", "Algebra 1")
    for where in (EXAMS, begin):
        assert text_of(admin.get_page(where)).count(told) == 1
    form = {"document": "exam", "exam": "Algebra 1"}
    assert admin.decide("/administer/documents/allow-exam", data=form).status_code == 200
    for where in (EXAMS, begin):
        assert "has no right" not in admin.get_page(where).text
    send(admin, "/begin", asked(admin, "Algebra 1"))
    assert hall.logged_in("zoe").get("/view/exam").status_code == 200
    send(admin, "/end", asked(admin, "Algebra 1"))
    remove = {"document": "exam", "group": "zoe"}
    assert admin.decide("/administer/documents/forbid", data=remove).status_code == 200
    assert "has no right" not in admin.get_page(EXAMS).text
