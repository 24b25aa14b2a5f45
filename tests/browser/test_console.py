"""The console of a hall: found as one types, brought up to date row by row, several at once."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.chromium import DESKTOP, PHONE
from tests.browser.conftest import OpenWindow
from tests.browser.hall import (
    SUPERVISOR,
    Hall,
    enter,
    enter_blocked,
    exam_heading,
    verify,
)

FIELD = "Name, seat, short code or scanned link"


def row_of(page: Page, name: str) -> Locator:
    """Return the row of somebody who waits."""
    return page.get_by_role("listitem").filter(has_text=name)


def wait_for_polls(page: Page, count: int = 2) -> None:
    """Return when the list has been asked for so often again."""
    for _ in range(count):
        with page.expect_response("**/supervise/waiting"):
            pass


def test_the_list_is_filtered_as_one_types(hall: Hall, open_window: OpenWindow) -> None:
    """By any part, without capitals and accents; rows are as high on any phone; Back keeps it."""
    hall.let_nobody_wait()
    names = [hall.add_student(name) for name in ("Älva Åberg-Lindström", "Bo Øst")]
    sessions = [enter_blocked(open_window(), hall, name) for name in names]
    phone = open_window(PHONE)
    enter(phone, hall, SUPERVISOR)
    page = phone.page
    page.goto(hall.url("/supervise"))
    expect(page).to_have_title(re.compile(r"^\(2\) Supervise\b"))
    expect(page.get_by_text("2 wait, the longest since")).to_be_visible()
    for name in names:
        box = row_of(page, name).bounding_box()
        assert box is not None
        assert round(box["height"]) == 64
        user = row_of(page, name).locator(".waiting-user")
        assert user.evaluate("one => one.scrollWidth <= one.clientWidth")
    field = page.get_by_label(FIELD)
    for typed, shown in (("alva LIND", 0), ("ost", 1), ("chrome", None), ("127.0.0", 2)):
        field.fill(typed)
        for place, name in enumerate(names):
            is_shown = shown in {2, place}
            expect(row_of(page, name)).to_have_count(int(is_shown))
        nobody = page.get_by_text("Nobody who waits matches.")
        expect(nobody).to_be_visible(visible=shown is None)
    code = row_of(page, names[0]).locator(".waiting-code").text_content() or ""
    field.fill(f"{code[:3]}1")
    expect(page.get_by_text("No short code is like that")).to_be_visible()
    expect(page.get_by_text("These codes are nearly the same:")).to_be_visible()
    expect(row_of(page, names[0])).to_be_visible()
    field.fill(code)
    expect(page.get_by_text("No short code is like that")).to_be_hidden()
    expect(page.get_by_text("These codes are nearly the same:")).to_be_hidden()
    field.fill("øst")
    row_of(page, names[1]).get_by_role("link").tap()
    expect(page.get_by_role("heading", name="Bo Øst")).to_be_visible()
    page.go_back()
    expect(row_of(page, names[1])).to_be_visible()
    expect(row_of(page, names[0])).to_have_count(0)
    expect(page.get_by_label(FIELD)).to_have_value("øst")
    hall.ask(lambda site: verify(site, names[0], sessions[0]))
    expect(page).to_have_title(re.compile(r"^\(1\) Supervise\b"))


def test_what_is_chosen_is_left_alone_and_decided_together(
    hall: Hall, open_window: OpenWindow
) -> None:
    """New rows are told; a chosen one that waits no more stays and says so; one act for several."""
    hall.let_nobody_wait()
    names = [hall.add_student(f"Person {letter}") for letter in "ABC"]
    windows = [open_window() for _ in names]
    first = enter_blocked(windows[0], hall, names[0])
    enter_blocked(windows[1], hall, names[1])
    desk = open_window(DESKTOP)
    enter(desk, hall, SUPERVISOR)
    page = desk.page
    page.goto(hall.url("/supervise"))
    for name in names[:2]:
        row_of(page, name).get_by_role("checkbox").check()
    enter_blocked(windows[2], hall, names[2])
    expect(row_of(page, names[2])).to_be_visible()
    expect(page.get_by_role("log")).to_have_text("New on the list: Person C")
    hall.ask(lambda site: verify(site, names[0], first))
    gone = row_of(page, names[0])
    expect(gone).to_contain_text("waits no more")
    expect(gone.get_by_role("checkbox")).to_be_checked()
    wait_for_polls(page)
    expect(gone).to_be_visible()
    gone.get_by_role("checkbox").uncheck()
    page.get_by_label(FIELD).focus()
    expect(gone).to_have_count(0)
    row_of(page, names[2]).get_by_role("checkbox").check()
    page.get_by_role("button", name="Look at those who are chosen (2)").click()
    expect(page.get_by_text("Blocks: Firefox")).to_have_count(2)
    page.get_by_role("button", name="The device crashed").click()
    expect(page.get_by_label("Reason")).to_have_value("The device crashed")
    page.get_by_role("button", name="Let them in").click()
    expect(page.get_by_role("heading", name="Decided about 2 people")).to_be_visible()
    for window in windows[1:]:
        expect(exam_heading(window.page)).to_be_visible()


def test_another_supervisor_sees_who_has_a_person_open(hall: Hall, open_window: OpenWindow) -> None:
    """On the row, and on the person's page; until that page is left."""
    hall.let_nobody_wait()
    name = hall.add_student("Siiri Student")
    session_id = enter_blocked(open_window(), hall, name)
    other = f"second-{name}"
    hall.add_person(other, "Sanna Second", "Session supervisors")
    one, two = open_window(PHONE), open_window(DESKTOP)
    enter(one, hall, SUPERVISOR)
    enter(two, hall, other)
    two.page.goto(hall.url(f"/supervise/person?user={name}&session={session_id}"))
    one.page.goto(hall.url("/supervise"))
    row = row_of(one.page, name)
    expect(row).to_contain_text("Sanna Second has this person open")
    row.get_by_role("link").tap()
    expect(one.page.get_by_text("This person is open at: Sanna Second")).to_be_visible()
    expect(two.page.get_by_text("This person is open at: Supervisor")).to_be_visible()
    one.page.goto(hall.url("/supervise"))
    expect(row).to_contain_text("Sanna Second has this person open")
    two.page.goto(hall.url("/supervise"))
    wait_for_polls(one.page)
    assert "has this person open" not in row.inner_text()
