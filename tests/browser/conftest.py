"""Fixtures: Chromium, its windows, and a site to open in them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import DESKTOP, ColourScheme, Window, chromium_path, running_chromium
from tests.browser.hall import Hall, open_hall
from tests.databases import PostgreSQLDatabases, SQLiteDatabases
from tests.missing import is_missing


@pytest.fixture(scope="package")
def chromium_command() -> str:
    """The path of the system's Chromium; without one, the tests are skipped."""
    path = chromium_path()
    if path is None:
        is_missing("There is no Chromium here (Debian: apt-get install chromium).")
    return path


# Not for longer than this package's tests, and not before the databases are made: the site cannot
# work in a thread in which Playwright has its asyncio loop (see `Hall.ask`).
@pytest.fixture(scope="package")
def chromium(
    chromium_command: str,
    sqlite_databases: SQLiteDatabases,
    postgresql_databases: PostgreSQLDatabases,
) -> Iterator[Browser]:
    """The system's Chromium, running."""
    with running_chromium(chromium_command) as browser:
        yield browser


class OpenWindow(Protocol):
    """Opens windows."""

    def __call__(
        self, size: tuple[int, int] = DESKTOP, colour_scheme: ColourScheme = "light", **options: Any
    ) -> Window:
        """Open a window; the options are those of Playwright's contexts."""


@pytest.fixture
def open_window(chromium: Browser) -> Iterator[OpenWindow]:
    """What opens windows. After the test they are closed, and no page may have had a fault."""
    windows: list[Window] = []

    def open_one(
        size: tuple[int, int] = DESKTOP, colour_scheme: ColourScheme = "light", **options: Any
    ) -> Window:
        windows.append(Window(chromium, size, colour_scheme, **options))
        return windows[-1]

    yield open_one
    for window in windows:
        window.close()
    assert [fault for window in windows for fault in window.faults] == []


@pytest.fixture(scope="module")
def hall(
    chromium: Browser, sqlite_databases: SQLiteDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Hall]:
    """An exam hall on SQLite, for tests that bring their own people and leave others alone."""
    with sqlite_databases.fresh() as url, open_hall(url, tmp_path_factory.mktemp("hall")) as hall:
        yield hall


@pytest.fixture
def own_hall(chromium: Browser, database_url: str, tmp_path: Path) -> Iterator[Hall]:
    """An exam hall that a test has for itself, on each kind of database."""
    with open_hall(database_url, tmp_path) as hall:
        yield hall
