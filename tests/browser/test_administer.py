"""The pages of administrators on a phone."""

import pytest
from playwright.sync_api import expect

from tests.browser.chromium import DESKTOP, PHONE
from tests.browser.conftest import OpenWindow
from tests.browser.hall import Hall, enter
from timApp.user.usergroup import ADMIN_GROUP


@pytest.fixture(scope="module")
def boss(hall: Hall) -> str:
    """The name of an administrator."""
    hall.add_person("boss", "The Boss", ADMIN_GROUP)
    return "boss"


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
