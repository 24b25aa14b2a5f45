"""A block that holds, and innocent people who never meet it, in windows of a real browser."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Page, expect

from tests.browser.chromium import DESKTOP, PHONE, Window
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
    verified_heading,
    verify_button,
)
from tests.databases import PostgreSQLDatabases, SQLiteDatabases
from tests.live import eventually
from tests.lossy import lossy_network
from tests.site import PASSWORD


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def strict_hall(
    request: pytest.FixtureRequest, chromium: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Hall]:
    """An exam hall where blocks hold and a slot belongs to a browser; tests bring their people."""
    options: dict[str, Any] = {"SESSIONS_AFTER_END": "hold", "SESSIONS_DEVICE": "same"}
    databases: SQLiteDatabases | PostgreSQLDatabases
    databases = request.getfixturevalue(f"{request.param}_databases")
    folder = tmp_path_factory.mktemp("hall")
    with databases.fresh() as url, open_hall(url, folder, **options) as hall:
        yield hall


def log_out(window: Window) -> None:
    """Press the button."""
    window.page.get_by_role("button", name="Log out").first.click()
    expect(window.page.get_by_label("User name")).to_be_visible()


def verify(window: Window, hall: Hall, code: str, real_name: str) -> None:
    """Verify the person with that code, as a supervisor who is logged in."""
    page = window.page
    page.goto(hall.url("/supervise"))
    page.get_by_label("Name, seat, short code or scanned link").fill(code)
    page.get_by_role("button", name="Find").tap()
    verify_button(page).tap()
    expect(verified_heading(page, real_name)).to_be_visible()


def test_whoever_was_invalidated_is_blocked_until_verified(
    strict_hall: Hall, open_window: OpenWindow
) -> None:
    """Logging in again opens nothing, here or elsewhere; a supervisor's scan does."""
    name = strict_hall.add_student("Siiri Student")
    student, friend, phone = open_window(DESKTOP), open_window(DESKTOP), open_window(PHONE)
    log_in(student, strict_hall.url(EXAM), name)
    expect(exam_heading(student.page)).to_be_visible()

    log_in(phone, strict_hall.url("/supervise"), SUPERVISOR)
    phone.page.goto(strict_hall.url(f"/supervise/person?user={name}"))
    phone.page.get_by_role("button", name="Invalidate").tap()
    expect(phone.page.get_by_role("heading", name="Invalidated: Siiri Student")).to_be_visible()

    student.page.reload()
    expect(student.page.get_by_text("A supervisor has stopped this session.")).to_be_visible()
    log_out(student)
    log_in(student, strict_hall.url(EXAM), name)
    expect(blocked_heading(student.page)).to_have_text("Your login is blocked")
    expect(student.page.get_by_text("no supervisor has verified you since")).to_be_visible()
    log_in(friend, strict_hall.url(EXAM), name)
    expect(blocked_heading(friend.page)).to_be_visible()

    verify(phone, strict_hall, short_code(student.page), "Siiri Student")
    expect(exam_heading(student.page)).to_be_visible()
    expect(blocked_heading(friend.page)).to_be_visible()


def test_a_slot_is_not_passed_from_hand_to_hand(strict_hall: Hall, open_window: OpenWindow) -> None:
    """The friend at the other desk does not get in when the first one logs out."""
    name = strict_hall.add_student()
    student, friend = open_window(), open_window()
    log_in(student, strict_hall.url(EXAM), name)
    expect(exam_heading(student.page)).to_be_visible()
    log_out(student)
    log_in(friend, strict_hall.url(EXAM), name)
    expect(blocked_heading(friend.page)).to_be_visible()
    expect(friend.page.get_by_text("another browser or device")).to_be_visible()


def test_a_crash_blocks_nobody(strict_hall: Hall, open_window: OpenWindow) -> None:
    """A browser that lost its login logs in again and reads on, whatever a friend has tried."""
    name = strict_hall.add_student()
    student, friend = open_window(), open_window()
    log_in(student, strict_hall.url(EXAM), name)
    log_in(friend, strict_hall.url(EXAM), name)
    expect(blocked_heading(friend.page)).to_be_visible()
    student.context.clear_cookies(name="timapp")
    log_in(student, strict_hall.url(EXAM), name)
    expect(exam_heading(student.page)).to_be_visible()
    assert len(strict_hall.active(name)) == 1


def test_the_second_tab_goes_on(strict_hall: Hall, open_window: OpenWindow) -> None:
    """Who logs in in two tabs lands in both where they wanted to go."""
    name = strict_hall.add_student()
    window = open_window()
    other = window.context.new_page()
    other.goto(strict_hall.url(EXAM))
    log_in(window, strict_hall.url(EXAM), name)
    expect(exam_heading(window.page)).to_be_visible()
    other.get_by_label("User name").fill(name)
    other.get_by_label("Password").fill(PASSWORD)
    other.get_by_role("button", name="Log in").click()
    expect(exam_heading(other)).to_be_visible()
    assert len(strict_hall.active(name)) == 1


def test_somebody_else_sees_whose_browser_it_is(strict_hall: Hall, open_window: OpenWindow) -> None:
    """Whoever opens the login where somebody is logged in is told so, and may leave it at that."""
    name = strict_hall.add_student("Siiri Student")
    window = open_window(PHONE)
    log_in(window, strict_hall.url(EXAM), name)
    window.page.goto(strict_hall.url("/login?next=/view/exam"))
    expect(window.page.get_by_text("You are logged in as Siiri Student.")).to_be_visible()
    window.page.get_by_role("link", name="Go on as Siiri Student").tap()
    expect(exam_heading(window.page)).to_be_visible()


def go_to(page: Page, address: str) -> None:
    """Go to an address, also while Chromium asks once more by itself for what was lost.

    That breaks off where one goes meanwhile.
    """

    def arrived() -> bool | None:
        try:
            page.goto(address)
        except Error as error:
            if "net::ERR_ABORTED" not in error.message:
                raise
            return None
        return True

    eventually(arrived)


def test_an_answer_that_is_lost_blocks_nobody(strict_hall: Hall, open_window: OpenWindow) -> None:
    """Whoever logs in on a network that loses the answers is in at last, once."""
    name = strict_hall.add_student()
    window = open_window(PHONE)
    window.expect_no_server()
    page = window.page
    with lossy_network(strict_hall.server.port) as network:
        address = f"http://127.0.0.1:{network.port}{EXAM}"
        network.to_lose[b"POST /login"] = 3
        while network.to_lose[b"POST /login"]:
            lost = network.lost
            go_to(page, address)
            page.get_by_label("User name").fill(name)
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Log in").click(no_wait_after=True)
            eventually(lambda lost=lost: network.lost > lost or None)  # type: ignore[misc]
        go_to(page, address)
        if page.get_by_label("User name").count():  # Chromium asks again by itself, but not always
            log_in(window, address, name)
        expect(exam_heading(page)).to_be_visible()
    assert len(strict_hall.active(name)) == 1


def test_a_wrong_password_is_looked_at_and_typed_anew(hall: Hall, open_window: OpenWindow) -> None:
    """The password has the focus then, and can be seen; the browser is told that it is one."""
    name = hall.add_student()
    window = open_window(PHONE)
    window.expect_status(403)
    page = window.page
    page.goto(hall.url(f"/login?next={EXAM}"))
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password", exact=True).fill("wrong")
    page.get_by_role("button", name="Log in").tap()
    password = page.get_by_label("Password", exact=True)
    expect(password).to_be_focused()
    password.fill(PASSWORD)
    page.get_by_role("button", name="Show the password").tap()
    expect(password).to_have_attribute("type", "text")
    expect(password).to_be_focused()
    page.get_by_role("button", name="Log in").tap()
    expect(exam_heading(page)).to_be_visible()


def test_a_language_is_chosen_in_the_head(hall: Hall, open_window: OpenWindow) -> None:
    """The page that is shown comes back in that language, and so does the next one."""
    window = open_window(PHONE)
    page = window.page
    page.goto(hall.url(f"/login?next={EXAM}"))
    page.get_by_role("button", name="Suomi").tap()
    expect(page.get_by_role("heading", name="Kirjaudu sisään")).to_be_visible()
    expect(page).to_have_url(hall.url(f"/login?next={EXAM}"))
    expect(page.get_by_role("button", name="Suomi")).to_have_attribute("aria-pressed", "true")
