"""The system's Chromium, and windows of it in which every fault of a page is noticed."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Page,
    Request,
    expect,
    sync_playwright,
)

#: Milliseconds until a test gives up on a page. Pages that work never take so long.
PATIENCE_MS = 30_000

#: Widths and heights of windows, in CSS pixels.
DESKTOP = (1280, 800)
PHONE = (360, 740)
ColourScheme = Literal["light", "dark"]
COLOUR_SCHEMES: tuple[ColourScheme, ...] = ("light", "dark")

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# What Chromium says of an answer that is no 2xx or 3xx.
_STATUS_MESSAGE = re.compile(
    r"Failed to load resource: the server responded with a status of (\d+)"
)
_EXPIRED = 490

# A page that breaks the content security policy, or whose script is cut off, says so here too.
_WATCH = """
    document.addEventListener("securitypolicyviolation", (event) =>
        console.error(`The policy forbids ${event.violatedDirective}: ${event.blockedURI}`));
    // Of a handler in the HTML Chromium says nothing until it is to run.
    const complainOf = (element) => element.getAttributeNames?.()
        .filter((name) => name.startsWith("on"))
        .forEach((name) => console.error(`An inline handler: ${name} of ${element.localName}`));
    new MutationObserver((records) => records.forEach(({target, type, addedNodes}) => {
        if (type === "attributes") { complainOf(target); }
        for (const node of addedNodes) {
            [node, ...(node.querySelectorAll?.("*") ?? [])].forEach(complainOf);
        }
    })).observe(document, {subtree: true, childList: true, attributes: true});
"""


def chromium_path() -> str | None:
    """Return where the system's Chromium is, or None."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


@contextmanager
def running_chromium(path: str, *arguments: str) -> Iterator[Browser]:
    """Yield a Chromium without a screen, with further arguments.

    Meanwhile the thread counts as one with a running asyncio loop, which is Playwright's.
    """
    expect.set_options(timeout=PATIENCE_MS)
    # Root has no sandbox.
    as_root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=[*_ARGUMENTS, *as_root, *arguments]
        )
        try:
            yield browser
        finally:
            browser.close()


class Window:
    """A browser window of one person: cookies of its own, and one page.

    Whatever goes wrong in the page is kept in `faults`: errors in its scripts and in the console,
    breaches of the content security policy, dialogs, and requests without an answer.
    """

    def __init__(
        self,
        browser: Browser,
        size: tuple[int, int] = DESKTOP,
        colour_scheme: ColourScheme = "light",
        **options: Any,
    ) -> None:
        width, height = size
        self.context: BrowserContext = browser.new_context(
            viewport={"width": width, "height": height},
            has_touch=size == PHONE,
            color_scheme=colour_scheme,
            locale="en-GB",
            timezone_id="Europe/Helsinki",
            reduced_motion="reduce",
            **options,
        )
        self.context.set_default_timeout(PATIENCE_MS)
        self.context.add_init_script(_WATCH)
        self.faults: list[str] = []
        self._expected = {f"status {_EXPIRED}"}
        self.page: Page = self.context.new_page()
        self.page.on("console", self._note_console)
        self.page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        self.page.on("dialog", self._note_dialog)
        self.page.on("requestfailed", self._note_failure)

    def expect_status(self, *statuses: int) -> None:
        """Take answers with these statuses for no fault from now on; 490 never is one."""
        self._expected |= {f"status {status}" for status in statuses}

    def expect_no_server(self) -> None:
        """Take a server that refuses connections, or is not to be reached, for no fault."""
        self._expected |= {"net::ERR_CONNECTION_REFUSED", "net::ERR_CONNECTION_RESET"}
        self._expected |= {"net::ERR_EMPTY_RESPONSE", "net::ERR_SOCKET_NOT_CONNECTED"}
        self._expected |= {"net::ERR_INTERNET_DISCONNECTED"}

    def hand_over(self) -> None:
        """Leave the page and forget its visitor and its faults, for the next one."""
        self.page.goto("about:blank")
        self.context.clear_cookies()
        self.faults.clear()

    def close(self) -> None:
        """Close the window; what still happens in it is nobody's fault."""
        faults = list(self.faults)
        self.context.close()
        self.faults = faults

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type != "error":
            return
        status = _STATUS_MESSAGE.match(message.text)
        if status is not None and f"status {status[1]}" in self._expected:
            return
        if any(message.text.endswith(expected) for expected in self._expected):
            return
        self.faults.append(f"console: {message.text} ({message.location.get('url')})")

    def _note_dialog(self, dialog: Dialog) -> None:
        self.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _note_failure(self, request: Request) -> None:
        # A request that is under way when the page is left is broken off by Chromium.
        if request.failure not in self._expected | {"net::ERR_ABORTED"}:
            self.faults.append(f"request: {request.failure} ({request.url})")
