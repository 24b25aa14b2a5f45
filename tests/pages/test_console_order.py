"""The console shows a supervisor the people of their exam first."""

import re
from datetime import timedelta

import pytest

from tests.site import Site
from tests.statements import noted_statements
from timApp.auth.site import db
from timApp.guard.exams.find import require_exam
from timApp.guard.exams.plan import ExamPlan, add_exam
from timApp.util.clock import now

_PERSON = r"\(<bdi>(\w+)</bdi>\)"


@pytest.fixture
def hall(site: Site) -> Site:
    """A site where bob waits, and then alice; two supervisors, and an administrator."""
    site.add_exam_hall()
    site.add_user("bob")
    site.add_document("exam", ["bob"])
    site.add_supervisor("colleague")
    site.add_admin()
    for name in ("bob", "alice"):
        site.logged_in(name)
        assert site.logged_in(name).get_page("/view/exam").status_code == 490
    return site


def plan(hall: Site, start: timedelta = timedelta(hours=-1), supervisors: str = "") -> None:
    """Add an exam of two hours that alice sits."""
    with hall.app.app_context():
        hour = timedelta(hours=1)
        starts_at, groups = now() + start, ["alice"]
        names = [supervisors] if supervisors else []
        add_exam(db, ExamPlan("Algebra", starts_at, starts_at + 2 * hour, groups, names))
        db.session.commit()


def seen(hall: Site, name: str) -> list[str]:
    """Return the headings and the people that somebody's console shows, the same when renewed."""
    browser = hall.logged_in(name)
    page = browser.get_page("/supervise").text.partition("data-refresh-url")[2]
    found = re.findall(rf"<h3[^>]*data-list-heading>([^<]*)|{_PERSON}", page)
    answer = browser.get("/supervise/waiting").json
    assert answer
    rows = [html for rows in answer["lists"] for *_, html in rows]
    assert [person for _, person in found if person] == re.findall(_PERSON, "".join(rows))
    return [heading or person for heading, person in found]


def test_the_people_of_the_own_exam_come_first(hall: Site) -> None:
    """Under a heading of their own, the others below; administrators see all as they wait."""
    plan(hall, supervisors="supervisor")
    assert seen(hall, "supervisor") == ["In your exam", "alice", "Others", "bob"]
    assert seen(hall, "colleague") == ["bob", "alice"]
    assert seen(hall, "admin") == ["bob", "alice"]


def test_who_was_named_by_nobody_is_the_supervisors_of_the_site(hall: Site) -> None:
    """An exam without supervisors of its own is that of all of them."""
    plan(hall)
    for name in ("supervisor", "colleague"):
        assert seen(hall, name) == ["In your exam", "alice", "Others", "bob"]


@pytest.mark.parametrize("start", [timedelta(hours=1), timedelta(hours=-1)])
def test_an_exam_that_does_not_run_changes_nothing(hall: Site, start: timedelta) -> None:
    """Before it, and after somebody has ended it, all are shown as they wait."""
    plan(hall, start)
    if start < timedelta(0):
        with hall.app.app_context():
            require_exam(db, "Algebra").ended_at = now()
            db.session.commit()
    assert seen(hall, "supervisor") == ["bob", "alice"]


def test_without_others_there_is_no_heading_for_them(hall: Site) -> None:
    """Somebody who sits the exam and waits alone stands below the one heading."""
    plan(hall)
    hall.logged_in("admin").post("/user/sessions/bob/verify")
    assert seen(hall, "supervisor") == ["In your exam", "alice"]


def test_it_is_one_look_up_however_many_wait(hall: Site) -> None:
    """Renewing the list asks once about exams; nobody waits, and nothing is asked."""
    plan(hall)
    browser = hall.logged_in("supervisor")
    with noted_statements(hall) as statements:
        browser.get_page("/supervise/waiting")
    assert sum("examsupervisors" in one for one in statements) == 1
    for name in ("alice", "bob"):
        hall.logged_in("admin").post(f"/user/sessions/{name}/verify")
    with noted_statements(hall) as statements:
        browser.get_page("/supervise/waiting")
    assert not any("examsupervisors" in one for one in statements)
