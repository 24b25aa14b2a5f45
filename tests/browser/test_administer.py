"""The pages of administrators: what keeps itself up to date, and what fits a phone."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chromium import DESKTOP, PHONE
from tests.browser.conftest import OpenWindow
from tests.browser.hall import Hall, enter
from timApp.user.usergroup import ADMIN_GROUP

_OVERVIEW = "/administer?exam=&period=hour"
#: Longer than the overview waits between two looks.
_A_ROUND_MS = 13_000


@pytest.fixture(scope="module")
def boss(hall: Hall) -> str:
    """The name of an administrator."""
    hall.add_person("boss", "The Boss", ADMIN_GROUP)
    return "boss"


def waiting(page: Page) -> str:
    """Return how many wait, as the overview has it."""
    return page.locator("dd").last.inner_text()


def test_the_overview_keeps_itself_up_to_date(
    hall: Hall, boss: str, open_window: OpenWindow
) -> None:
    """What has the focus, or is open, stays; nobody else's answer is taken for the overview."""
    hall.let_nobody_wait()
    window = open_window()
    window.expect_status(502)
    page = window.page
    page.clock.install()
    enter(window, hall, boss)
    page.goto(hall.url(_OVERVIEW))
    period = page.get_by_role("link", name="Last 24 hours")
    page.get_by_text("The same in numbers").click()
    period.focus()
    assert waiting(page) == "0"
    student = hall.add_student()
    hall.log_in_elsewhere(student)
    device = hall.log_in_elsewhere(student)
    assert hall.ask(lambda _: device.get_page("/view/exam").status_code) == 490

    def stranger(status: int, body: str) -> None:
        page.route(hall.url(_OVERVIEW), lambda route: route.fulfill(status=status, body=body))
        with page.expect_response(hall.url(_OVERVIEW)):
            page.clock.run_for(_A_ROUND_MS)
        page.unroute_all()

    stranger(502, "Bad gateway")
    stranger(200, '<main data-live="numbers"><dd>55</dd></main>')
    assert waiting(page) == "0"
    with page.expect_response(hall.url(_OVERVIEW)):
        page.clock.run_for(_A_ROUND_MS)
    expect(page.locator("dd").last).to_have_text("1")
    expect(period).to_be_focused()
    expect(page.get_by_role("table")).to_be_visible()
    expect(page.get_by_role("figure")).to_have_count(4)


@pytest.mark.parametrize("path", ["/administer/sessions?exam=", "/administer/record?exam="])
def test_on_a_phone_the_list_comes_before_the_filters(
    hall: Hall, boss: str, open_window: OpenWindow, path: str
) -> None:
    """They are folded there, with and without JavaScript; where there is room they are open."""
    for has_scripts in (True, False):
        phone = open_window(PHONE, java_script_enabled=has_scripts)
        enter(phone, hall, boss)
        phone.page.goto(hall.url(path))
        field = phone.page.get_by_label("At or after").or_(
            phone.page.get_by_label("Logged in at or after")
        )
        expect(field).to_be_hidden()
        phone.page.locator("summary").first.tap()
        expect(field).to_be_visible()
    desk = open_window(DESKTOP)
    enter(desk, hall, boss)
    desk.page.goto(hall.url(path))
    expect(desk.page.get_by_role("button", name="Show")).to_be_visible()
    expect(desk.page.locator("summary").first).to_be_hidden()


def test_the_chosen_period_is_seen_with_colours_of_the_readers_own(
    hall: Hall, boss: str, open_window: OpenWindow
) -> None:
    """Windows' high contrast takes backgrounds away, but not its own, nor a line below the text."""
    window = open_window(forced_colors="active")
    enter(window, hall, boss)
    window.page.goto(hall.url(_OVERVIEW))
    looks = {
        link.inner_text(): link.evaluate(
            """link => {
                const style = getComputedStyle(link);
                return [style.backgroundColor, style.textDecorationLine];
            }"""
        )
        for link in window.page.get_by_role("navigation", name="Period").get_by_role("link").all()
    }
    chosen = looks.pop("Last hour")
    assert chosen[1] == "underline"
    assert all(chosen[0] != ground and line == "none" for ground, line in looks.values())
