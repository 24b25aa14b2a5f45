"""Pages of administrators are about the exams that run, unless somebody chooses."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
import pytz
import time_machine
from flask import Flask

from tests.conftest import MakeApp
from tests.site import Browser, Site
from timApp.auth.site import current_clocks, db
from timApp.guard.exams.find import require_exam
from timApp.guard.exams.plan import ExamPlan, add_exam
from timApp.guard.exams.run import begin_exam
from timApp.guard.vocabulary import Actor, ActorKind
from timApp.pages.administer.period import borders_of, intervals_between

#: Exams are from nine to twelve, and from ten to eleven.
MORNING = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
SESSIONS = "/administer/sessions"
#: The sessions of a morning, by the browsers that people log in with.
IN_ALGEBRA, IN_LOGIC = {"early", "late", "over and out"}, {"bob's"}
ALL = IN_ALGEBRA | IN_LOGIC | {"at home", "boss", "supervises"}


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that stands still at eight until it is moved."""
    with time_machine.travel(MORNING, tick=False) as traveller:
        yield traveller


@pytest.fixture
def app(database_url: str, make_app: MakeApp) -> Flask:
    """A site that asks nobody for the password again, however long the exam takes."""
    return make_app(database_url, CONFIRM_SECONDS=None)


@pytest.fixture
def admin(site: Site, clock: time_machine.Traveller) -> Browser:
    """An administrator's browser at half past nine, when all have logged in."""
    for name, groups in {
        "ann": ["Course"],
        "zoe": ["Course"],
        "cat": ["Course", "Teachers"],
        "bob": ["Others"],
    }.items():
        site.add_user(name, groups)
    site.add_admin()
    with site.app.app_context():
        for title, course, start, hours in (
            ("Algebra", "Course", MORNING + HOUR, 3),
            ("Logic", "Others", MORNING + 2 * HOUR, 1),
        ):
            plan = ExamPlan(title, start, start + hours * HOUR, [course], ["Teachers"])
            add_exam(db, plan)
        db.session.commit()
    site.logged_in("ann", "at home").log_out()
    clock.shift(50 * MINUTE)
    site.logged_in("ann", "early")
    site.logged_in("bob", "bob's")
    clock.shift(20 * MINUTE)
    site.logged_in("zoe", "over and out").log_out()
    site.logged_in("zoe", "late")
    site.logged_in("cat", "supervises")
    browser = site.logged_in("admin", "boss")
    clock.move_to(MORNING + 90 * MINUTE)
    return browser


def page(browser: Browser, query: str = "") -> str:
    """Return the list of sessions."""
    answer = browser.get_page(f"{SESSIONS}?{query}")
    assert answer.status_code == 200
    return unescape(answer.text)


def listed(browser: Browser, query: str = "") -> set[str]:
    """Return the browsers of the sessions that the list has, and the export with it."""
    found = set(re.findall(r'id="device-\d+"[^>]*><bdi>([^<]*)', page(browser, query)))
    for kind in ("csv", "json"):
        exported = browser.get(f"{SESSIONS}/export?format={kind}&{query}")
        assert exported.status_code == 200
        assert {one for one in ALL | {"again"} if f"] {one}" in exported.text} == found
    return found


def line(browser: Browser, query: str = "") -> str | None:
    """Return what the page says of which exam it is."""
    _, _, text = page(browser, query).partition('id="exam-choice">')
    words = re.sub("<[^>]*>", " ", text.partition("</div>")[0]).replace("\N{EN DASH}", "-")
    return " ".join(words.split()) or None


def test_the_list_is_of_the_exam_that_runs(admin: Browser) -> None:
    """Of its people, and of its time; it says so, and all is one click away, or the parameter."""
    assert listed(admin) == IN_ALGEBRA
    assert line(admin) == "Only the exam Algebra ( 09:00 - 12:00 UTC ). Show all"
    assert listed(admin, "exam=") == ALL
    assert line(admin, "exam=") == "Everything, in an exam or not. Only Algebra"
    assert listed(admin, "exam=ALGEBRA") == IN_ALGEBRA
    assert listed(admin, "exam=Logic") == IN_LOGIC
    assert (
        line(admin, "exam=Logic")
        == "Only the exam Logic ( 10:00 - 11:00 UTC ). Only Algebra Show all"
    )
    for sort in ("oldest", "name", "name-desc"):
        assert listed(admin, f"sort={sort}") == IN_ALGEBRA
    assert listed(admin, "user=zoe&state=active") == {"late"}
    assert listed(admin, "until=2026-12-01T09:00") == {"early"}
    assert listed(admin, "since=2026-12-01T09:00&state=logged_out") == {"over and out"}


def test_of_several_that_run_all_of_them_are_shown(
    admin: Browser, clock: time_machine.Traveller
) -> None:
    """And one can be chosen."""
    clock.move_to(MORNING + 2 * HOUR)
    assert listed(admin) == IN_ALGEBRA | IN_LOGIC
    assert line(admin) == "Only the exams that run. Only Algebra Only Logic Show all"
    assert listed(admin, "exam=Algebra") == IN_ALGEBRA
    said = line(admin, "exam=Algebra")
    assert said is not None
    assert said.endswith("Only Logic All exams that run Show all")
    assert listed(admin, "exam=") == ALL


def test_when_none_runs_all_is_shown_and_one_that_is_over_can_be_chosen(
    site: Site, admin: Browser, clock: time_machine.Traveller
) -> None:
    """What began after an exam is none of its sessions; the page of exams leads to each."""
    clock.move_to(MORNING + 5 * HOUR)
    site.logged_in("bob", "again")
    assert listed(admin) == ALL | {"again"}
    assert line(admin) is None
    assert listed(admin, "exam=Logic") == IN_LOGIC
    clock.move_to(MORNING + 30 * HOUR)
    assert line(admin, "exam=Logic") == (
        "Only the exam Logic ( 1 Dec 2026, 10:00 - 11:00 UTC ). Show all"
    )
    exams = unescape(admin.get_page("/administer/exams").text)
    assert f'href="{SESSIONS}?exam=Logic"' in exams
    assert f'href="{SESSIONS}/export?format=csv&exam=Logic"' in exams


def test_what_a_beginning_by_hand_has_ended_is_not_of_the_exam(
    site: Site, admin: Browser, clock: time_machine.Traveller
) -> None:
    """It was over as the exam began."""
    with site.app.app_context():
        begin_exam(db, "Logic", Actor(ActorKind.COMMAND_LINE, "boss"), current_clocks())
        db.session.commit()
        assert require_exam(db, "Logic").begun_at == MORNING + 90 * MINUTE
    assert listed(admin, "exam=Logic") == set()
    clock.shift(MINUTE)
    site.logged_in("bob", "again")
    assert listed(admin, "exam=Logic") == {"again"}


def test_the_choice_stays_with_every_link_and_form(admin: Browser) -> None:
    """Also when it is the default one: an exam that ends meanwhile changes no list half-way."""
    for query, exam in (("", "Algebra"), ("exam=", ""), ("exam=logic", "Logic")):
        text = page(admin, f"{query}&state=active&sort=oldest")
        content = text.partition("</header>")[2] or text
        found = re.findall(rf'(?:action|formaction|href)="({SESSIONS}[^"]*)"', content)
        kept = [urlsplit(one) for one in found if "sort=oldest" in one]
        assert len(kept) >= 5
        others = {one for one in found if "exam=" in one} - {one.geturl() for one in kept}
        assert len(others) == 1  # "Clear"
        with_choice = [parse_qs(one.query, keep_blank_values=True)["exam"] for one in kept]
        assert with_choice.count([exam]) >= 5
        assert f'<input type="hidden" name="exam" value="{exam}">' in text


@pytest.mark.parametrize("path", [SESSIONS, f"{SESSIONS}/export"])
@pytest.mark.parametrize("exam", ["Algebra%202", "a%00b", "x" * 5000])
def test_an_unknown_exam_is_404(admin: Browser, path: str, exam: str) -> None:
    """And never all that there is."""
    answer = admin.get(f"{path}?exam={exam}")
    assert answer.status_code == 404
    assert "There is no exam" in answer.text
    assert admin.get(f"{path}?exam=Algebra&exam=Logic").status_code == 422


def test_what_is_selected_is_changed_and_the_list_stays(admin: Browser) -> None:
    """After a change of selected sessions the list is of the same exam."""
    key = re.findall(r'name="session" value="([^"]*)"', page(admin, "user=ann"))[0]
    answer = admin.client.post(
        f"{SESSIONS}/invalidate?exam=Algebra",
        data={"session": key, "csrf_token": admin.csrf_token},
        headers={"Accept": "text/html"},
    )
    assert (answer.status_code, answer.location) == (303, f"{SESSIONS}?exam=Algebra")


def overview(browser: Browser, query: str = "") -> tuple[list[str], list[str], int]:
    """Return the numbers of now, those of all the time of each chart, and how many bars it has."""
    answer = browser.get_page(f"/administer?{query}")
    assert answer.status_code == 200
    in_all = re.findall(r"(\d+) in all", answer.text)
    body = answer.text.partition("<tbody>")[2]
    return re.findall("<dd>(.*?)</dd>", answer.text), in_all, body.count("<tr>")


def test_the_overview_is_of_the_exam_that_runs(
    site: Site, admin: Browser, clock: time_machine.Traveller
) -> None:
    """Its people who are active and wait, and what happened within it, in short intervals."""
    assert overview(admin)[0] == ["2", "2", "0"]
    assert overview(admin, "exam=")[0] == ["5", "5", "0"]
    phone = site.logged_in("zoe", "phone")
    site.add_document("open", ["Course"])
    assert phone.get_page("/view/open").status_code == 490
    site.logged_in("bob", "bob's phone")
    everybody = admin.post("/user/sessions/invalidateAll")
    assert everybody.status_code == 200
    admin = site.logged_in("admin", "boss")
    clock.shift(MINUTE)
    # zoe has logged in twice, and was blocked once; everybody's sessions were invalidated once.
    assert overview(admin) == (["0", "0", "1"], ["2", "1", "0", "1"], 7)
    numbers, in_all, bars = overview(admin, "exam=")
    assert (numbers, bars) == (["1", "1", "1"], 24)
    assert in_all == ["8", "2", "0", "1"]
    assert overview(admin, "period=hour")[1:] == (["2", "1", "0", "1"], 12)
    assert overview(admin, "exam=Logic") == (["0", "0", "0"], ["0", "0", "0", "0"], 1)
    text = unescape(admin.get_page("/administer").text)
    assert "Only the exam Algebra" in re.sub("<[^>]*>", "", text)
    assert 'href="/administer?period=week&exam=Algebra"' in text
    clock.move_to(MORNING + 30 * HOUR)
    assert overview(admin, "exam=Algebra")[1:] == (["2", "1", "0", "1"], 36)
    assert "not over yet" not in admin.get_page("/administer?exam=Algebra").text
    assert overview(admin)[2] == 24
    assert admin.get("/administer?exam=none").status_code == 404


def test_a_persons_page_is_of_the_exam_that_they_sit(
    site: Site, admin: Browser, clock: time_machine.Traveller
) -> None:
    """Its sessions, its time and what was recorded in it; all that there is, on demand."""

    def shown(query: str) -> tuple[list[str], list[str]]:
        answer = admin.get_page(f"/administer/person?{query}")
        assert answer.status_code == 200
        record = answer.text.partition('id="record"')[2]
        sessions = answer.text.partition('id="sessions"')[2].partition("</section>")[0]
        devices = re.findall(r'class="fw-semibold"><bdi>([^<]*)', sessions)
        return devices, re.findall("<strong>([^<]*)", record)

    assert shown("user=ann") == (["early"], [])
    assert shown("user=ann&exam=") == (
        ["early", "at home"],
        ["Logged in", "Logged out", "Logged in"],
    )
    assert shown("user=zoe") == (["late", "over and out"], ["Logged in", "Logged out", "Logged in"])
    # bob's exam does not run yet.
    assert shown("user=bob")[0] == ["bob&#39;s"]
    assert shown("user=bob&exam=Algebra") == ([], [])
    assert shown("user=ann&period=hour")[0] == ["early"]
    text = unescape(admin.get_page("/administer/person?user=ann&period=hour").text)
    assert 'href="/administer/person?user=ann&period=week&exam=Algebra"' in text
    assert 'href="/administer/person?user=ann&period=hour&exam="' in text
    assert '/administer/person?user=zoe&exam=Algebra"' in page(admin)
    clock.move_to(MORNING + 9 * HOUR)
    assert shown("user=ann")[0] == ["early", "at home"]
    assert shown("user=ann&exam=Algebra") == (["early"], [])
    picture = admin.get_page("/administer/person?user=ann&exam=Algebra").text
    labels = re.findall('class="timeline-tick-label"[^>]*>([^<]*)', picture)
    assert (labels[0], labels[-1]) == ("09:00", "12:00")
    assert admin.get("/administer/person?user=ann&exam=none").status_code == 404


@pytest.mark.parametrize("hours", [1, 2, 3, 5, 12, 24, 25, 24 * 40])
@pytest.mark.parametrize("minutes", [0, 1, 17, 59])
def test_the_time_of_an_exam_is_divided_without_gaps(hours: int, minutes: int) -> None:
    """The first interval has its beginning, the last one its last moment; there are not many."""
    zone = pytz.timezone("Asia/Kathmandu")
    start = MORNING + minutes * MINUTE
    last = start + hours * HOUR - timedelta(microseconds=1)
    intervals = intervals_between(start, last, zone)
    ends = borders_of(intervals, last, zone)
    assert ends[0] <= start < ends[1]
    assert ends[-2] <= last < ends[-1]
    assert len(ends) - 1 == intervals.number
    assert intervals.number <= 49 or intervals.length == 24 * HOUR
    assert ends == sorted(set(ends))
