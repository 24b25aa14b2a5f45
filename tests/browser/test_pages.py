"""What is true of every page: everybody can use it, and no text of anybody breaks it."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import COLOUR_SCHEMES, DESKTOP, PHONE, Window
from tests.browser.conftest import OpenWindow
from tests.browser.hall import STUDENTS, Hall, open_hall
from tests.browser.pages import PAGES, SitePage, open_page
from tests.databases import SQLiteDatabases
from tests.site import Site

_HTML = """<script>window.ran = 1</script><img src=x onerror="window.ran=1">"'</bdi>&lt;{{1}}"""
_BACKWARDS = "\u202eEvil \u200f(1) \u2067\u05d0\u05d1\u05d2 \U0001f468\u200d\U0001f469 e\u0301"
_NAME = f"{_HTML}{_BACKWARDS}{'W' * 140}"
_USER_AGENTS = (_HTML[:41], _HTML[41:], _BACKWARDS, "W" * 200)

# The texts that stand in no element which keeps the direction of what it holds to itself.
_OUTSIDE_BDI = """marks => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) {
        const node = walker.currentNode;
        const isIsolated = node.parentElement.closest("bdi, tspan");
        if (marks.some(mark => node.data.includes(mark)) && !isIsolated) found.push(node.data);
    }
    return found;
}"""

_RUN_AXE = "axe.run({resultTypes: ['violations']})"

# Text nodes of the line that the element stands in, from left to right, as far as they are ours.
_ORDER_OF_BRACKETS = """heading => {
    const walker = document.createTreeWalker(heading, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) {
        const node = walker.currentNode;
        if (node.parentElement.tagName === "BDI") continue;
        for (const [index, char] of [...node.data].entries()) {
            if (!"()".includes(char)) continue;
            const range = document.createRange();
            range.setStart(node, index);
            range.setEnd(node, index + 1);
            found.push([range.getBoundingClientRect().x, char]);
        }
    }
    return found.sort((a, b) => a[0] - b[0]).map(([, char]) => char).join("");
}"""


@pytest.fixture(scope="module")
def hall(
    chromium: Browser, sqlite_databases: SQLiteDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Hall]:
    """A hall with hosts that do not answer, and a document with a hostile title."""

    def add_document(site: Site) -> None:
        site.add_document("hostile", [STUDENTS], f"# \\{_NAME}")

    folder = tmp_path_factory.mktemp("pages")
    hosts = {"hosts": ["http://127.0.0.1:1", "http://127.0.0.1:2"]}
    with (
        sqlite_databases.fresh() as url,
        open_hall(
            url,
            folder,
            DIST_RIGHTS_HOSTS={"exam": hosts, "none": {"hosts": []}},
            DIST_RIGHTS_SEND_SECRET="a secret",
            SESSIONS_VERIFY_TARGETS=["exam", "none"],
        ) as hall,
    ):
        hall.ask(add_document)
        yield hall


@pytest.fixture(scope="module")
def windows(chromium: Browser) -> Iterator[dict[str, Window]]:
    """A window for axe, which the content security policy does not let in, and one as people have.

    There are many pages, and a new window for each takes its time.
    """
    windows = {"axe": Window(chromium, bypass_csp=True), "phone": Window(chromium, PHONE)}
    yield windows
    for window in windows.values():
        window.close()


def overflow(page: Page) -> int:
    """Return by how many pixels the page is wider than the window."""
    width: int = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return width


@pytest.mark.parametrize("site_page", PAGES, ids=lambda site_page: site_page.name)
def test_everybody_can_use_the_page(
    hall: Hall, windows: dict[str, Window], site_page: SitePage
) -> None:
    """Axe finds nothing to complain of, at any size and in any colours; nothing is cut off."""
    window = windows["axe"]
    page = window.page
    open_page(window, hall, site_page)
    page.evaluate(AXE_SCRIPT)
    for size in (DESKTOP, PHONE):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        assert overflow(page) <= 0
        for colour_scheme in COLOUR_SCHEMES:
            page.emulate_media(color_scheme=colour_scheme)
            expect(page.locator("html")).to_have_attribute("data-bs-theme", colour_scheme)
            found = AxeResults(page.evaluate(_RUN_AXE))
            assert found.violations_count == 0, (size, colour_scheme, found.generate_report())
    assert window.faults == []


@pytest.mark.parametrize("site_page", PAGES, ids=lambda site_page: site_page.name)
def test_text_of_people_and_browsers_stays_text(
    hall: Hall, windows: dict[str, Window], site_page: SitePage
) -> None:
    """Names, titles and user agents with HTML, quotes and marks are shown, not obeyed."""
    window = windows["phone"]
    page = window.page
    open_page(window, hall, site_page, real_name=_NAME, user_agents=_USER_AGENTS)
    assert overflow(page) <= 0
    expect(page.locator("script:not([src]), img")).to_have_count(0)
    assert page.evaluate("window.ran") is None
    assert page.evaluate(_OUTSIDE_BDI, ["\u202e", "<img", "WWW"]) == []
    if site_page.visitor != "nobody":
        expect(page.locator("bdi").filter(has_text=_NAME).first).to_have_text(_NAME)
    assert window.faults == []


def test_what_turns_text_round_ends_with_the_text(hall: Hall, open_window: OpenWindow) -> None:
    """A right-to-left name leaves the brackets behind it the way round they are."""
    (comparison,) = (one for one in PAGES if one.name == "comparison")
    window = open_window()
    open_page(window, hall, comparison, real_name="\u202eabc\u200f \u2067")
    heading = window.page.get_by_role("heading", level=1)
    assert heading.evaluate(_ORDER_OF_BRACKETS) == "()"
