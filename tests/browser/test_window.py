"""The windows that watch over the other tests."""

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import Window
from tests.browser.hall import Hall

# What goes wrong in a page, the event by which it is noticed, and what is said of it.
_FAULTS = {
    "script": ("setTimeout(() => { throw new Error('thrown') })", "pageerror", "script: thrown"),
    "console": ("console.error('complaint')", "console", "console: complaint"),
    "dialog": ("alert('hello')", "dialog", "dialog: hello"),
    "inline script": (
        "document.body.append(Object.assign(document.createElement('script'), {text: '1'}))",
        "console",
        "Content Security Policy directive 'default-src 'self''",
    ),
    # Chromium says so when it is to run, not when it is set, since its version 150.
    "inline handler": (
        "document.body.setAttribute('onclick', '1'); document.body.click()",
        "console",
        "Content Security Policy directive 'default-src 'self''",
    ),
    "handler that nobody triggers": (
        "document.body.setAttribute('onclick', '1')",
        "console",
        "An inline handler: onclick of body",
    ),
    "handler in added HTML": (
        "document.body.insertAdjacentHTML('beforeend', '<p><a onclick=\"1\">go</a></p>')",
        "console",
        "An inline handler: onclick of a",
    ),
    "status": ("fetch('/nowhere')", "console", "the server responded with a status of 404"),
    "request": ("new Image().src = 'https://127.0.0.1:1/'", "requestfailed", "request: csp"),
}


@pytest.mark.parametrize(("script", "event", "said"), _FAULTS.values(), ids=_FAULTS)
def test_a_window_notices_what_goes_wrong(
    chromium: Browser, hall: Hall, script: str, event: str, said: str
) -> None:
    """Errors, dialogs, breaches of the policy and answers nobody expects are kept as faults."""
    window = Window(chromium)
    window.page.goto(hall.url("/login"))
    assert window.faults == []
    with window.page.expect_event(event):
        window.page.evaluate(f"() => {{ {script} }}")
    window.close()
    assert any(said in fault for fault in window.faults), window.faults


def test_a_browser_reports_what_a_page_was_kept_from(chromium: Browser, hall: Hall) -> None:
    """Chromium sends a report of a picture from elsewhere, and it is taken."""
    window = Window(chromium)
    window.page.goto(hall.url("/login"))
    with window.page.expect_response("**/csp-report") as answer:
        window.page.evaluate("() => { new Image().src = 'https://127.0.0.1:1/' }")
    window.close()
    assert answer.value.status == 204
