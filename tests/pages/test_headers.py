"""What each answer tells browsers of what a page may do."""

import gzip

import pytest
from flask import Flask

from tests.conftest import MakeApp

FONT = "/bootstrap/static/css/font/fonts/bootstrap-icons.woff2"
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


@pytest.mark.parametrize("encoding", ["gzip, deflate, br", "gzip;q=0", ""])
@pytest.mark.parametrize("path", ["/static/ui/ui.css", "/bootstrap/static/css/bootstrap.min.css"])
def test_a_static_file_comes_compressed_to_whoever_understands_it(
    app: Flask, encoding: str, path: str
) -> None:
    """It is the same when it is unpacked, half as long at the most, and asked for once."""
    client = app.test_client()
    with client.get(path) as plain, client.get(path, headers={"Accept-Encoding": encoding}) as sent:
        is_packed = sent.headers.get("Content-Encoding") == "gzip"
        assert is_packed is encoding.startswith("gzip,")
        assert "Content-Encoding" not in plain.headers
        assert plain.headers["Vary"] == sent.headers["Vary"] == "Accept-Encoding"
        assert int(sent.headers["Content-Length"]) == len(sent.data)
        assert (gzip.decompress(sent.data) if is_packed else sent.data) == plain.data
        assert not is_packed or len(sent.data) * 2 < len(plain.data)
        known = {"If-None-Match": sent.headers["ETag"], "Accept-Encoding": encoding}
        weak = "W/" if is_packed else ""
        assert sent.headers["ETag"] == weak + plain.headers["ETag"]
    with client.get(path, headers=known) as again:
        assert (again.status_code, again.data) == (304, b"")
        assert again.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_no_parts_of_static_files_are_sent(app: Flask, encoding: str) -> None:
    """Of what is compressed they would fit together with nothing."""
    headers = {"Accept-Encoding": encoding}
    with app.test_client().get("/static/ui/ui.css", headers=headers) as whole:
        assert "Accept-Ranges" not in whole.headers
        headers |= {"Range": "bytes=10-19", "If-Range": whole.headers["ETag"]}
        expected = whole.data
    with app.test_client().get("/static/ui/ui.css", headers=headers) as answer:
        assert (answer.status_code, answer.data) == (200, expected)


@pytest.mark.parametrize("path", ["/login", FONT])
def test_nothing_else_is_compressed(app: Flask, path: str) -> None:
    """A font is already, and the length of a page would tell of the secrets in it."""
    with app.test_client().get(path, headers={"Accept-Encoding": "gzip"}) as answer:
        assert answer.status_code == 200
        assert "Content-Encoding" not in answer.headers
