"""An application that timApp is inside of, in Chromium: the example, on its demo accounts."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chromium import PHONE
from tests.browser.conftest import OpenWindow
from tests.browser.hall import blocked_heading, short_code, verified_heading, verify_button
from tests.embed.examples import Example, example


@pytest.fixture(scope="module")
def running(chromium: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    """The example for Flask."""
    with example("flask", tmp_path_factory.mktemp("example")) as one:
        yield one


def log_in(page: Page, account: tuple[str, str]) -> None:
    """Fill in the login to which the page has led."""
    page.get_by_label("User name").fill(account[0])
    page.get_by_label("Password").fill(account[1])
    page.get_by_role("button", name="Log in").click()


def test_the_second_device_goes_on_when_a_supervisor_has_verified_it(
    running: Example, open_window: OpenWindow
) -> None:
    """It shows the blocked page in place of the application, and then the application again."""
    first, second, desk = open_window(), open_window(PHONE), open_window(PHONE)
    student = running.account("Students")
    greeting = f"Hello, {student[0]}."
    for window in (first, second, desk):
        # The example has none.
        window.page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
    for window in (first, second):
        window.page.goto(f"{running.url}/")
        log_in(window.page, student)
    expect(first.page.get_by_role("heading", name=greeting)).to_be_visible()
    expect(blocked_heading(second.page)).to_be_visible()
    assert second.page.url == f"{running.url}/"
    code = short_code(second.page)
    desk.page.goto(f"{running.url}/_timapp/supervise")
    log_in(desk.page, running.account("Session supervisors"))
    desk.page.get_by_label("Name, seat, short code or scanned link").fill(code)
    desk.page.get_by_role("button", name="Find").click()
    verify_button(desk.page).click()
    expect(verified_heading(desk.page, "Siiri Student")).to_be_visible()
    expect(second.page.get_by_role("heading", name=greeting)).to_be_visible()
    first.page.reload()
    expect(blocked_heading(first.page)).to_be_visible()
