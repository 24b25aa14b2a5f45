"""What a site answers while its database does not."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
import time_machine
from werkzeug.test import TestResponse

from tests.site import Browser
from timApp.guard.rules.validity import SEEN_INTERVAL_ACTIVE
from timApp.util.clock import CLOCK_LEEWAY, now

#: Seconds within which everything is answered, and documents. Far more than the limits of the site
#: (4 and 1.5 s), and far less than a wait for what never comes.
SOON = 5.0
DOCUMENT_SOON = 2.0
#: Seconds that a busy machine may add.
_GRACE = 5.0


def is_unavailable(ask: Callable[[], TestResponse], within: float = SOON) -> None:
    """Check that a request is answered in time: 503, and when to come again."""
    begun = time.monotonic()
    answer = ask()
    took = time.monotonic() - begun
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert took < within + _GRACE


@contextmanager
def lines_in_log(caplog: pytest.LogCaptureFixture, count: int) -> Iterator[None]:
    """Check that a line is written meanwhile, no more than so many, and none with a traceback."""
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        yield
    assert 1 <= len(caplog.records) <= count, caplog.text  # the same is said once in a while
    for record in caplog.records:
        assert record.exc_info is None
        assert "the database does not answer: " in record.getMessage()
        assert record.getMessage().isprintable()


@contextmanager
def seen_long_ago() -> Iterator[None]:
    """Let so much time pass that it is to be written down of everybody that they are seen."""
    with time_machine.travel(now() + CLOCK_LEEWAY + timedelta(seconds=SEEN_INTERVAL_ACTIVE)):
        yield


def is_blocked_without_code(browser: Browser, path: str) -> None:
    """Check that people and programs are told that they are blocked, and that there is no code."""
    assert browser.get(path).status_code == 490
    page = browser.get_page(path)
    assert page.status_code == 490
    assert "This server cannot show a short code just now." in page.text
    assert 'class="short-code"' not in page.text
    assert "/supervise/link/" in page.text


def is_blocked_with_code(browser: Browser, path: str) -> None:
    """Check that people are told that they are blocked, with a code."""
    page = browser.get_page(path)
    assert page.status_code == 490
    assert 'class="short-code"' in page.text
