"""Documents of exams: open within the exam's time, to those who sit it and have the right."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from tests.site import Browser, Site
from timApp.auth.site import current_clocks, db
from timApp.document.exam import set_documents
from timApp.guard.exams.plan import ExamPlan, add_exam
from timApp.guard.exams.run import begin_exam, end_exam
from timApp.guard.vocabulary import Actor, ActorKind
from timApp.ui.language import TIME_ZONE_COOKIE

MORNING = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
BOSS = Actor(ActorKind.USER, "boss")


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that stands still at eight until it is moved."""
    with time_machine.travel(MORNING, tick=False) as traveller:
        yield traveller


@pytest.fixture
def people(site: Site, clock: time_machine.Traveller) -> dict[str, Browser]:
    """Those who have to do with an exam from nine to twelve, each logged in, by what they are."""
    site.add_user("sits", ["Course", "Readers"])
    site.add_user("reads", ["Readers"])
    site.add_user("has no right", ["Course"])
    site.add_user("teaches", ["Teachers", "Readers"])
    site.add_supervisor()
    site.add_admin()
    site.add_document("exam", ["Readers", "supervisor"])
    site.add_document("open", ["Readers"])
    plan(site, "Algebra", MORNING + HOUR, MORNING + 4 * HOUR)
    names = ("sits", "reads", "has no right", "teaches", "supervisor", "admin")
    return {name: site.logged_in(name) for name in names}


def plan(site: Site, title: str, start: datetime, end: datetime) -> None:
    """Plan an exam with the document `exam`."""
    with site.app.app_context():
        exam = add_exam(db, ExamPlan(title, start, end, ["Course"], ["Teachers"]))
        set_documents(db, exam, ["exam"])
        db.session.commit()


def opened(people: dict[str, Browser]) -> set[str]:
    """Return who may open the exam; the index has to list it to the same people."""
    able = set()
    for name, browser in people.items():
        status = browser.get("/view/exam").status_code
        assert status in {200, 403}
        listed = "exam" in {one["path"] for one in browser.get("/").json or []}
        assert listed == (status == 200), name
        if listed:
            able.add(name)
    return able


ALWAYS = {"teaches", "admin"}


def test_it_opens_and_closes_by_the_clock(
    people: dict[str, Browser], clock: time_machine.Traveller
) -> None:
    """Whoever sits it reads within its time, supervisors and administrators always."""
    assert opened(people) == ALWAYS
    clock.move_to(MORNING + HOUR)
    assert opened(people) == ALWAYS | {"sits"}
    assert people["reads"].get("/view/open").status_code == 200
    clock.move_to(MORNING + 4 * HOUR)
    assert opened(people) == ALWAYS


def test_it_opens_and_closes_by_hand(
    site: Site, people: dict[str, Browser], clock: time_machine.Traveller
) -> None:
    """What somebody has begun is open before the clock, and closed when somebody ends it."""
    with site.app.app_context():
        begin_exam(db, "Algebra", BOSS, current_clocks())
        db.session.commit()
    people["sits"] = site.logged_in("sits")
    people["has no right"] = site.logged_in("has no right")
    assert opened(people) == ALWAYS | {"sits"}
    with site.app.app_context():
        end_exam(db, "Algebra", BOSS)
        db.session.commit()
    assert opened(people) == ALWAYS


def test_a_document_of_two_exams_is_open_in_each(
    site: Site, people: dict[str, Browser], clock: time_machine.Traveller
) -> None:
    """Between two exams it is closed, and the page names the one that comes."""
    plan(site, "Retake", MORNING + 6 * HOUR, MORNING + 7 * HOUR)
    for hours, is_open in ((1, True), (5, False), (6, True), (8, False)):
        clock.move_to(MORNING + hours * HOUR)
        assert ("sits" in opened(people)) is is_open
        answer = people["sits"].get("/view/exam")
        if hours == 5:
            assert "Retake" in answer.json["error"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("who", "hours", "said"),
    [
        ("sits", 0, "'Algebra', which begins at 1 Dec 2026, 09:00:00 UTC."),
        ("sits", 4, "'Algebra', which ended at 1 Dec 2026, 12:00:00 UTC."),
        ("reads", 1, "'Algebra', and you are not among those who sit it."),
        ("has no right", 1, "You have no right to view 'exam'."),
    ],
)
def test_it_says_why_it_is_closed(
    people: dict[str, Browser], clock: time_machine.Traveller, who: str, hours: int, said: str
) -> None:
    """A closed document says which exam it is of, and when that begins or ended."""
    clock.move_to(MORNING + hours * HOUR)
    answer = people[who].get("/view/exam")
    assert answer.status_code == 403
    assert said in answer.json["error"]  # type: ignore[index]


def test_times_are_the_readers(people: dict[str, Browser]) -> None:
    """A browser that has told its zone is told the time in it."""
    browser = people["sits"]
    browser.client.set_cookie(TIME_ZONE_COOKIE, "Europe/Helsinki")
    page = browser.get_page("/view/exam")
    assert page.status_code == 403
    assert "begins at 1 Dec 2026, 11:00:00." in page.text


def test_what_there_is_not_is_404(people: dict[str, Browser]) -> None:
    """Exams change nothing for documents that there are not."""
    for browser in people.values():
        assert browser.get("/view/nothing").status_code == 404
