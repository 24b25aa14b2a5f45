"""A program that the gate guards, behind a real proxy, in Chromium."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chromium import PHONE
from tests.browser.conftest import OpenWindow
from tests.browser.hall import (
    Hall,
    blocked_heading,
    enter,
    open_hall,
    verify,
)
from tests.browser.test_watch import invalidate
from tests.databases import SQLiteDatabases
from tests.gate.program import program
from tests.gate.proxies import running_proxy
from tests.live import free_port
from tests.site import PASSWORD


@dataclass
class Lab:
    """A guarded program, and the site that guards it."""

    hall: Hall
    origin: str

    @property
    def page(self) -> str:
        """The address of a page with a form, which includes the script for guarded pages."""
        return f"{self.origin}/page"


@pytest.fixture(scope="module")
def lab(
    chromium: object, sqlite_databases: SQLiteDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lab]:
    """A program behind nginx, beside its site."""
    port, site_port = free_port(), free_port()
    origin = f"http://127.0.0.1:{port}"
    with (
        sqlite_databases.fresh() as url,
        program() as upstream,
        open_hall(
            url,
            tmp_path_factory.mktemp("lab"),
            port=site_port,
            SITE_URL=f"http://127.0.0.1:{site_port}",
            GUARDED_HOSTS={origin: {}},
            TRUSTED_PROXIES=1,
        ) as hall,
        running_proxy("nginx", port, site_port, upstream),
    ):
        yield Lab(hall, origin)


def expect_lab(page: Page) -> None:
    """Expect the page of the program."""
    expect(page.get_by_role("heading", name="The lab")).to_be_visible()


def test_somebody_lands_where_they_wanted_to_go(lab: Lab, open_window: OpenWindow) -> None:
    """After the login, and on a second device after the verification, without doing anything."""
    name = lab.hall.add_student()
    first, second = open_window(), open_window(PHONE)
    for window in (first, second):
        page = window.page
        page.goto(f"{lab.page}?a=1")
        page.get_by_label("User name").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        if window is first:
            expect_lab(page)
            assert page.url == f"{lab.page}?a=1"
    expect(blocked_heading(second.page)).to_be_visible()
    link = second.page.get_by_role("link", name="QR code of this session, for the supervisor")
    assert (link.get_attribute("href") or "").startswith(lab.hall.url("/supervise/link/"))
    state = second.page.evaluate("fetch('/user/sessions/state').then((answer) => answer.json())")
    lab.hall.ask(lambda site: verify(site, name, state["sessionId"]))
    expect_lab(second.page)
    assert second.page.url == f"{lab.page}?a=1"


def test_what_is_behind_a_hash_is_there_after_the_login(lab: Lab, open_window: OpenWindow) -> None:
    """Also after a password that was mistyped: programs keep in it where in them somebody is."""
    name = lab.hall.add_student()
    window = open_window()
    page = window.page
    page.goto(f"{lab.page}?a=1#/deep/down")
    for password in ("mistyped", PASSWORD):
        page.get_by_label("User name").fill(name)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Log in").click()
    expect_lab(page)
    assert page.url == f"{lab.page}?a=1#/deep/down"
    (refused,) = window.faults  # the login, which the browser tells of
    assert "403" in refused
    window.faults.clear()


@pytest.mark.parametrize("button", ["Send", "Save"])
def test_what_was_typed_is_sent_after_the_verification(
    lab: Lab, open_window: OpenWindow, button: str
) -> None:
    """A form, and the request of a script, wait while a blocked page covers the program."""
    name = lab.hall.add_student()
    window = open_window()
    page = window.page
    session_id = enter(window, lab.hall, name)
    page.goto(lab.page)
    page.get_by_label("Text").fill("essay")
    invalidate(lab.hall, name)
    page.get_by_role("button", name=button).click()
    cover = page.frame_locator("iframe")
    expect(cover.get_by_role("heading", name="Your session is expired")).to_be_visible()
    assert page.evaluate("document.body.inert")
    lab.hall.ask(lambda site: verify(site, name, session_id))
    expect(page.get_by_text("essay")).to_be_visible()
    expect(page.locator("iframe")).to_have_count(0)


def test_a_page_is_covered_while_nobody_is_logged_in(lab: Lab, open_window: OpenWindow) -> None:
    """Whoever logs in again in another tab goes on with what they had typed."""
    name = lab.hall.add_student()
    window = open_window()
    page = window.page
    enter(window, lab.hall, name)
    page.goto(lab.page)
    page.get_by_label("Text").fill("essay")
    other = window.context.new_page()
    other.goto(lab.hall.url("/"))
    other.get_by_role("button", name="Log out").click()
    expect(other.get_by_role("heading", name="Log in")).to_be_visible()
    cover = page.frame_locator("iframe")
    expect(cover.get_by_role("heading", name="You are logged out")).to_be_visible()
    with window.context.expect_page() as opened:
        cover.get_by_role("link", name="Log in in a new tab").click()
    log_in_page = opened.value
    log_in_page.get_by_label("User name").fill(name)
    log_in_page.get_by_label("Password").fill(PASSWORD)
    log_in_page.get_by_role("button", name="Log in").click()
    expect_lab(log_in_page)
    expect(page.locator("iframe")).to_have_count(0)
    expect(page.get_by_label("Text")).to_have_value("essay")
