"""Exams that begin and end while pages are open, in windows of a real browser."""

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from playwright.sync_api import expect

from tests.browser.conftest import OpenWindow
from tests.browser.hall import (
    EXAM,
    STUDENTS,
    Hall,
    blocked_heading,
    enter,
    enter_blocked,
    exam_heading,
    log_in,
)
from tests.site import Site
from timApp.auth.site import current_clocks, db
from timApp.document.exam import set_documents
from timApp.guard.exams.plan import ExamPlan, add_exam
from timApp.guard.exams.run import begin_exam, end_exam
from timApp.guard.tables.exam import Exam
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


@pytest.mark.parametrize("by_hand", [True, False], ids=["by hand", "by the clock"])
def test_open_pages_notice_when_an_exam_begins_and_ends(
    own_hall: Hall, open_window: OpenWindow, by_hand: bool
) -> None:
    """Whoever waits before the page with the time has the document, and loses it at the end."""
    name = own_hall.add_student()
    hour = timedelta(hours=1)

    def plan(site: Site) -> None:
        with site.app.app_context():
            exam = add_exam(db, ExamPlan("Algebra", now() + hour, now() + 3 * hour, [STUDENTS]))
            set_documents(db, exam, ["exam"])
            db.session.commit()

    def move(site: Site, **times: datetime) -> None:
        with site.app.app_context():
            db.session.execute(sa.update(Exam).values(**times))
            db.session.commit()

    def end(site: Site) -> None:
        with site.app.app_context():
            end_exam(db, "Algebra", BOSS)
            db.session.commit()

    own_hall.ask(plan)
    window = open_window()
    window.expect_status(403)
    page = window.page
    enter(window, own_hall, name)
    page.goto(own_hall.url(EXAM))
    expect(page.get_by_text("which begins at")).to_be_visible()

    own_hall.ask(lambda site: move(site, starts_at=now() - timedelta(seconds=1)))
    expect(exam_heading(page)).to_be_visible()
    expect(page).to_have_url(own_hall.url(EXAM))

    own_hall.ask(end if by_hand else lambda site: move(site, ends_at=now()))
    expect(page.get_by_text("which ended at")).to_be_visible()
    expect(exam_heading(page)).to_have_count(0)
