"""A cookie that was copied into another browser, at a real server."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, expect

from tests.browser.chromium import DESKTOP, PHONE
from tests.browser.conftest import OpenWindow
from tests.browser.hall import (
    EXAM,
    SUPERVISOR,
    Hall,
    blocked_heading,
    exam_heading,
    log_in,
    open_hall,
    short_code,
    verify_button,
)
from tests.live import LiveBrowser
from tests.lossy import lossy_network
from tests.site import Site
from timApp.auth.site import db
from timApp.guard.tables.session import UserSession


@pytest.fixture
def hall(chromium: Browser, database_url: str, tmp_path: Path) -> Iterator[Hall]:
    """An exam hall where blocks hold."""
    with open_hall(database_url, tmp_path, SESSIONS_AFTER_END="hold") as hall:
        yield hall


def let_pass(hall: Hall, seconds: float) -> None:
    """Let so much time pass for the cookies: what was noted of them is that much older."""

    def shift(site: Site) -> None:
        with site.app.app_context():
            for session in db.session.scalars(sa.select(UserSession)):
                if session.token_since is not None:
                    session.token_since -= timedelta(seconds=seconds)
            db.session.commit()

    hall.ask(shift)


def test_a_copied_cookie_blocks_both_until_one_is_verified(
    hall: Hall, open_window: OpenWindow
) -> None:
    """Each has a code of its own; who is verified goes on, and the other has to log in."""
    name = hall.add_student("Siiri Student")
    student, thief, phone = open_window(DESKTOP), open_window(DESKTOP), open_window(PHONE)
    log_in(student, hall.url(EXAM), name)
    expect(exam_heading(student.page)).to_be_visible()
    thief.context.add_cookies(student.context.cookies())  # type: ignore[arg-type]
    thief.page.goto(hall.url(EXAM))
    expect(exam_heading(thief.page)).to_be_visible()

    let_pass(hall, 61)
    student.page.reload()
    student.page.reload()
    let_pass(hall, 11)
    for window in (thief, student):
        window.page.goto(hall.url(EXAM))
        expect(blocked_heading(window.page)).to_have_text("Your login is blocked")
        expect(window.page.get_by_text("somebody has copied it")).to_be_visible()
    assert short_code(student.page) != short_code(thief.page)

    log_in(phone, hall.url("/supervise"), SUPERVISOR)
    page = phone.page
    page.get_by_label("Name, seat, short code or scanned link").fill(short_code(student.page))
    page.get_by_role("button", name="Find").tap()
    expect(page.get_by_text("The one that you verify goes on")).to_be_visible()
    verify_button(page).tap()
    expect(exam_heading(student.page)).to_be_visible()
    thief.page.goto(hall.url(EXAM))
    expect(thief.page.get_by_label("User name")).to_be_visible()


def test_lost_answers_are_no_copies(hall: Hall) -> None:
    """A browser on a network that loses the answers with its new cookie reads on."""
    name = hall.add_student()
    with lossy_network(hall.server.port) as network:
        browser = LiveBrowser(f"http://127.0.0.1:{network.port}")
        assert browser.log_in(name).status == 200
        network.to_lose[b"GET /user"] = 0
        for lost in (0, 3, 1, 5):
            let_pass(hall, 61)
            network.to_lose[b"GET /user"] = lost
            while network.to_lose[b"GET /user"]:
                with pytest.raises(OSError):  # noqa: PT011 - however it breaks
                    browser.get("/user/sessions/current")
                let_pass(hall, 11)
            before = browser.cookie_header()
            assert browser.get("/user/sessions/current").json["valid"] is True
            assert browser.cookie_header() != before
            assert browser.get(EXAM).status == 200
            let_pass(hall, 31)
            assert browser.get(EXAM).status == 200
        assert network.lost == 9
    assert len(hall.active(name)) == 1
