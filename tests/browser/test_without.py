"""The loop without what many take for granted: JavaScript, and a mouse."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.chromium import COLOUR_SCHEMES, DESKTOP, PHONE, ColourScheme
from tests.browser.conftest import OpenWindow
from tests.browser.hall import (
    EXAM,
    SUPERVISOR,
    Hall,
    blocked_heading,
    enter_blocked,
    exam_heading,
    log_in,
    short_code,
    verified_heading,
    verify_button,
)
from tests.site import PASSWORD

# How the element that has the focus looks unlike the rest: an outline, or the glow of a field.
_FOCUS = """element => {
    const style = getComputedStyle(element);
    const outline = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
    return outline || style.boxShadow !== "none";
}"""


def refresh(page: Page) -> str | None:
    """Return what the page says about being asked for again by itself."""
    return page.locator('meta[http-equiv="refresh"]').get_attribute("content")


def test_the_loop_without_javascript(hall: Hall, open_window: OpenWindow) -> None:
    """With scripts switched off, everybody gets where they want with links and buttons alone."""
    name = hall.add_student()
    first = open_window(java_script_enabled=False)
    second = open_window(java_script_enabled=False)
    phone = open_window(PHONE, java_script_enabled=False)
    log_in(first, hall.url(EXAM), name)
    expect(exam_heading(first.page)).to_be_visible()

    log_in(second, hall.url(EXAM), name)
    expect(blocked_heading(second.page)).to_be_visible()
    assert refresh(second.page) == f"5; url={EXAM}"

    log_in(phone, hall.url("/supervise"), SUPERVISOR)
    # Only when it is asked for, as somebody may be typing.
    expect(phone.page.locator('meta[http-equiv="refresh"]')).to_have_count(0)
    phone.page.get_by_role("link", name="Refresh the list").tap()
    waiting = phone.page.get_by_role("listitem").filter(has_text=short_code(second.page))
    waiting.get_by_role("link").tap()
    verify_button(phone.page).tap()
    expect(verified_heading(phone.page, name.title())).to_be_visible()

    # Whoever does not want to wait for the refresh.
    second.page.get_by_role("link", name="Try again").or_(exam_heading(second.page)).click()
    expect(exam_heading(second.page)).to_be_visible()
    first.page.reload()
    expect(blocked_heading(first.page)).to_be_visible()
    first.page.get_by_role("button", name="Log out").click()
    expect(first.page.get_by_label("User name")).to_be_visible()


def tab_to(page: Page, aim: Locator) -> None:
    """Press Tab until the element has the focus; each one on the way must show that it has it."""
    for _ in range(50):
        page.keyboard.press("Tab")
        assert page.evaluate(f"({_FOCUS})(document.activeElement)"), page.evaluate(
            "document.activeElement.outerHTML"
        )
        if aim.evaluate("element => element === document.activeElement"):
            return
    pytest.fail(f"Tab does not lead to {aim}.")


@pytest.mark.parametrize("colour_scheme", COLOUR_SCHEMES)
def test_the_keyboard_alone_does_it(
    hall: Hall, open_window: OpenWindow, colour_scheme: ColourScheme
) -> None:
    """Without a mouse a supervisor logs in, finds and verifies; the focus is always to be seen."""
    name = hall.add_student()
    student, supervisor = open_window(), open_window(DESKTOP, colour_scheme)
    session_id = enter_blocked(student, hall, name)
    page = supervisor.page
    page.goto(hall.url("/supervise"))
    keys = page.keyboard
    expect(page.get_by_label("User name")).to_be_focused()
    keys.type(SUPERVISOR)
    tab_to(page, page.get_by_label("Password"))
    keys.type(PASSWORD)
    keys.press("Enter")

    expect(page.get_by_label("Name, seat, short code or scanned link")).to_be_focused()
    keys.type(short_code(student.page))
    tab_to(page, page.get_by_role("button", name="Find"))
    keys.press("Enter")

    expect(verify_button(page)).to_be_visible()
    tab_to(page, page.get_by_role("link", name="Skip to the content"))
    keys.press("Enter")
    tab_to(page, verify_button(page))
    keys.press("Enter")
    expect(verified_heading(page, name.title())).to_be_visible()
    assert hall.active(name) == {session_id}
    expect(page.get_by_label("Name, seat, short code or scanned link")).to_be_focused()
    expect(exam_heading(student.page)).to_be_visible()
