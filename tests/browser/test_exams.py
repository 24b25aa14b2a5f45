"""An exam that begins while people are logged in from yesterday, in windows of a browser."""

from datetime import timedelta

from playwright.sync_api import expect

from tests.browser.conftest import OpenWindow
from tests.browser.hall import (
    EXAM,
    Hall,
    blocked_heading,
    enter,
    enter_blocked,
    exam_heading,
    log_in,
)
from tests.site import Site
from timApp.auth.site import current_clocks, db
from timApp.guard.exams.plan import ExamPlan, add_exam
from timApp.guard.exams.run import begin_exam
from timApp.guard.vocabulary import Actor, ActorKind
from timApp.util.clock import now

BOSS = Actor(ActorKind.COMMAND_LINE, "boss")


def test_yesterdays_reading_blocks_nobody_at_nine(hall: Hall, open_window: OpenWindow) -> None:
    """What is open at home leaves the screen, who sits in the hall is in, and the phone is not."""
    name = hall.add_student()
    home = open_window()
    enter(home, hall, name)
    home.page.goto(hall.url(EXAM))
    expect(exam_heading(home.page)).to_be_visible()

    def begin(site: Site) -> None:
        with site.app.app_context():
            soon = now() + timedelta(hours=1)
            add_exam(db, ExamPlan(f"Exam of {name}", soon, soon + timedelta(hours=3), [name]))
            begin_exam(db, f"Exam of {name}", BOSS, current_clocks())
            db.session.commit()

    hall.ask(begin)
    expect(home.page.get_by_role("button", name="Log in")).to_be_visible()
    expect(home.page.get_by_role("article")).to_have_count(0)

    seat = open_window()
    log_in(seat, hall.url(EXAM), name)
    expect(exam_heading(seat.page)).to_be_visible()

    phone = open_window()
    phone.expect_status(490)
    enter_blocked(phone, hall, name)
    expect(blocked_heading(phone.page)).to_be_visible()
