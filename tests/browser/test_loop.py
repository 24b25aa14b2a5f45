"""The loop that must never break, in windows of a real browser."""

import io
import re
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.chromium import COLOUR_SCHEMES, DESKTOP, PHONE, ColourScheme
from tests.browser.conftest import OpenWindow
from tests.browser.hall import (
    EXAM,
    SUPERVISOR,
    Hall,
    blocked_heading,
    enter,
    enter_blocked,
    exam_heading,
    log_in,
    short_code,
    verified_heading,
    verify,
    verify_button,
)
from tests.live import live_server
from timApp.guard.waiting.link import LINK_LIFETIME


def scanned(page: Page) -> str:
    """Return what a decoder reads off the window as it is seen without scrolling."""
    with Image.open(io.BytesIO(page.screenshot())) as picture:
        # Of other kinds, text that stands close may look like one by chance.
        codes = zxingcpp.read_barcodes(picture.convert("L"))
        (code,) = (one for one in codes if one.format == zxingcpp.BarcodeFormat.QRCode)
    return code.text


def test_the_loop_from_login_to_verification(own_hall: Hall, open_window: OpenWindow) -> None:
    """Two devices and a supervisor's phone: list, tap, verify; one goes on, one is blocked."""
    name = own_hall.add_student("Siiri Student")
    first, second = open_window(DESKTOP), open_window(DESKTOP)
    phone = open_window(PHONE)

    log_in(first, own_hall.url(EXAM), name)
    expect(exam_heading(first.page)).to_be_visible()

    log_in(phone, own_hall.url("/supervise"), SUPERVISOR)
    expect(phone.page.get_by_text("Nobody is waiting.")).to_be_visible()

    log_in(second, own_hall.url(EXAM), name)
    expect(blocked_heading(second.page)).to_be_visible()
    expect(second.page.get_by_text("you are also logged in on another device")).to_be_visible()
    expect(second.page.get_by_role("main").get_by_text("Siiri Student")).to_be_visible()
    expect(exam_heading(second.page)).to_have_count(0)

    # The list is updated by itself.
    person = phone.page.get_by_role("listitem").filter(has_text="Siiri Student")
    expect(person).to_contain_text(short_code(second.page))
    person.get_by_role("link").tap()
    # It stands alone, with what its button does; the others are folded.
    chosen = phone.page.get_by_role("region")
    expect(chosen).to_have_count(1)
    expect(chosen).to_contain_text("This is the session you scanned or chose.")
    expect(chosen).to_contain_text(short_code(second.page))
    expect(verify_button(phone.page)).to_contain_text("Blocks: HeadlessChrome")
    phone.page.get_by_text("1 other session").tap()
    expect(phone.page.get_by_role("region")).to_have_count(2)
    verify_button(phone.page).tap()
    expect(verified_heading(phone.page, "Siiri Student")).to_be_visible()

    # The person's page continues by itself, to the address that was asked for.
    expect(exam_heading(second.page)).to_be_visible()
    expect(second.page).to_have_url(own_hall.url(EXAM))
    first.page.reload()
    expect(blocked_heading(first.page)).to_be_visible()

    # The next one can be typed at once.
    expect(phone.page.get_by_label("Name, seat, short code or scanned link")).to_be_focused()
    # It is the first device that waits now.
    expect(phone.page.get_by_role("listitem")).to_contain_text(short_code(first.page))


@pytest.mark.parametrize("colour_scheme", COLOUR_SCHEMES)
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_qr_code_is_read_off_the_screen_and_followed(
    hall: Hall, open_window: OpenWindow, size: tuple[int, int], colour_scheme: ColourScheme
) -> None:
    """A camera reads the code at any size and in any colours, and its link leads to the person."""
    name = hall.add_student()
    student, phone = open_window(size, colour_scheme), open_window(PHONE, colour_scheme)
    session_id = enter_blocked(student, hall, name)
    active = hall.active(name)
    link = scanned(student.page)
    assert link.startswith(hall.url("/supervise/link/"))

    log_in(phone, link, SUPERVISOR)
    expect(verify_button(phone.page)).to_be_visible()
    assert hall.active(name) == active  # the link alone changes nothing
    verify_button(phone.page).tap()
    expect(verified_heading(phone.page, name.title())).to_be_visible()
    assert hall.active(name) == {session_id}
    expect(exam_heading(student.page)).to_be_visible()


@pytest.mark.parametrize("typed", ["code", "session"])
def test_what_the_student_reads_out_is_typed(
    hall: Hall, open_window: OpenWindow, typed: str
) -> None:
    """The short code in small letters, or `user#session-id`, in the one field finds the person."""
    name = hall.add_student()
    student, supervisor = open_window(), open_window(PHONE)
    session_id = enter_blocked(student, hall, name)
    code = short_code(student.page)
    assert re.fullmatch("[A-Z]{2}[0-9]{2}", code)
    enter(supervisor, hall, SUPERVISOR)
    page = supervisor.page
    page.goto(hall.url("/supervise"))
    field = page.get_by_label("Name, seat, short code or scanned link")
    expect(field).to_be_focused()
    field.fill(f" {code.lower()} " if typed == "code" else f"{name}#{session_id}")
    page.get_by_role("button", name="Find").tap()
    verify_button(page).tap()
    expect(verified_heading(page, name.title())).to_be_visible()
    assert hall.active(name) == {session_id}
    expect(exam_heading(student.page)).to_be_visible()


def test_the_blocked_page_renews_its_link(hall: Hall, open_window: OpenWindow) -> None:
    """The code on a page that is left open is replaced, without a reload, before it is too old."""
    student = open_window()
    page = student.page
    page.clock.install()
    enter_blocked(student, hall, hall.add_student())
    page.evaluate("document.querySelector('figure').className = 'old'")
    code, link = short_code(page), scanned(page)
    shown = page.get_by_role("figure").get_by_role("link")
    assert shown.get_attribute("href") == link
    page.clock.fast_forward(LINK_LIFETIME * 1000)
    expect(page.locator("figure.old")).to_have_count(0)
    assert short_code(page) == code
    assert scanned(page) == shown.get_attribute("href")


def test_a_page_outlasts_a_restart_of_the_server(
    hall: Hall, open_window: OpenWindow, tmp_path: Path
) -> None:
    """A blocked page that meets no server for a while goes on by itself when there is one again."""
    name = hall.add_student()
    student = open_window()
    student.expect_no_server()
    with live_server(hall.database_url, tmp_path) as server:
        session_id = enter_blocked(student, hall.at(server), name)
    with student.page.expect_event("requestfailed"):
        pass
    with live_server(hall.database_url, tmp_path, port=server.port):
        hall.ask(lambda site: verify(site, name, session_id))
        expect(exam_heading(student.page)).to_be_visible()
