"""What each answer tells browsers of what a page may do."""

import pytest
from flask import Flask

from tests.conftest import MakeApp

HSTS = "Strict-Transport-Security"


@pytest.mark.parametrize("path", ["/login", "/nowhere", "/static/ui/ui.css", "/readyz"])
def test_a_page_may_load_what_this_site_has_and_nothing_else(app: Flask, path: str) -> None:
    """The policy has no other site, nothing unsafe, and no way to change where links lead."""
    with app.test_client().get(path) as answer:
        policy = answer.headers["Content-Security-Policy"]
    directives = dict(part.strip().partition(" ")[::2] for part in policy.split(";"))
    assert directives == {
        "default-src": "'self'",
        "img-src": "'self' data:",
        "style-src": "'self'",
        "object-src": "'none'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "report-uri": "/csp-report",
    }


def test_reports_go_below_the_prefix_of_the_site(app: Flask) -> None:
    """A browser is told the address at which this very site takes them."""
    answer = app.test_client().get("/login", base_url="https://localhost/tim")
    assert answer.headers["Content-Security-Policy"].endswith("; report-uri /tim/csp-report")


@pytest.mark.parametrize("seconds", [3600, None])
def test_browsers_are_bound_to_https_as_configured(
    sqlite_url: str, make_app: MakeApp, seconds: int | None
) -> None:
    """Only with the option and over HTTPS, and never by a file that is the same for both."""
    client = make_app(sqlite_url, HSTS_SECONDS=seconds).test_client()
    told = seconds and f"max-age={seconds}"
    for base, path, expected in (
        ("https://localhost", "/login", told),
        ("https://localhost", "/nowhere", told),
        ("http://localhost", "/login", None),
        ("https://localhost", "/static/ui/ui.css", None),
    ):
        with client.get(path, base_url=base) as answer:
            assert answer.headers.get(HSTS) == expected
