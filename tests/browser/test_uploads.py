"""What administrators send by the forms of their pages, in the default configuration."""

import pytest
from playwright.sync_api import FilePayload, expect

from tests.browser.chromium import DESKTOP, PHONE
from tests.browser.conftest import OpenWindow
from tests.browser.hall import Hall, enter
from timApp.user.usergroup import ADMIN_GROUP

_PAGE = "/administer/documents"


@pytest.fixture(scope="module")
def boss(hall: Hall) -> str:
    """The name of an administrator."""
    hall.add_person("sender", "The Sender", ADMIN_GROUP)
    return "sender"


def test_a_picture_of_some_megabytes_comes_with_its_document(
    hall: Hall, boss: str, open_window: OpenWindow
) -> None:
    """As a camera makes it, by the form."""
    window = open_window()
    enter(window, hall, boss)
    page = window.page
    page.goto(hall.url(_PAGE))
    files: list[FilePayload] = [
        {"name": "shown.md", "mimeType": "text/markdown", "buffer": b"# Shown\n\n[](shown.png)"},
        {"name": "shown.png", "mimeType": "image/png", "buffer": b"P" * 2_500_000},
    ]
    page.get_by_label("Or files, or a ZIP").set_input_files(files)
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_text("1 attachment is new or changed.")).to_be_visible()


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_what_is_too_large_is_answered_with_a_page_that_says_the_limit(
    hall: Hall, boss: str, open_window: OpenWindow, size: tuple[int, int]
) -> None:
    """In the reader's language, and it leads back."""
    window = open_window(size)
    window.expect_status(413)
    enter(window, hall, boss)
    window.context.add_cookies([{"name": "language", "value": "sv", "url": hall.url("/")}])
    page = window.page
    page.goto(hall.url(_PAGE))
    large: FilePayload = {"name": "a.png", "mimeType": "image/png", "buffer": b"P" * 21_000_000}
    page.locator("#file").set_input_files(large)
    page.locator("form[enctype] button").click()
    expect(page.get_by_text("högst 20 MiB")).to_be_visible()
    page.get_by_role("main").get_by_role("link").click()
    expect(page).to_have_url(hall.url("/"))
