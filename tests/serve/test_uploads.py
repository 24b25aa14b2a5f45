"""Uploads in the default configuration: who may send much, and what the others are told."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import LiveBrowser, LiveServer, live_server
from tests.serve.raw import RawAnswer, get, raw_client
from tests.site import Site, open_app

DOCUMENTS, LIST = "/administer/documents", "/administer/people/import"
_BOUNDARY = "x-x-x"


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[LiveServer]:
    """A server with the administrator admin and the student alice."""
    with open_app(database_url, tmp_path / "instance") as app:
        site = Site(app)
        site.add_admin()
        site.add_user("alice")
    with live_server(database_url, tmp_path / "site") as server:
        yield server


def logged_in(server: LiveServer, name: str) -> LiveBrowser:
    """Return a browser in which somebody is logged in."""
    browser = server.browser()
    assert browser.log_in(name).status == 200
    return browser


def head(path: str, length: int, *lines: str) -> bytes:
    """Return the head of a form with files."""
    kind = f"Content-Type: multipart/form-data; boundary={_BOUNDARY}"
    return get(path, f"Content-Length: {length}", kind, *lines).replace(b"GET", b"POST", 1)


def send(browser: LiveBrowser, port: int, path: str, name: str, content: bytes) -> RawAnswer:
    """Send a file by a form, as somebody's browser does."""
    said = f'Content-Disposition: form-data; name="file"; filename="{name}"'
    start = f"--{_BOUNDARY}\r\n{said}\r\n\r\n"
    body = start.encode() + content + f"\r\n--{_BOUNDARY}--\r\n".encode()
    lines = (
        f"Cookie: {browser.cookie_header()}",
        f"X-CSRFToken: {browser.csrf_token}",
        "Accept: text/html",
    )
    with raw_client(port) as client:
        return client.ask(head(path, len(body), *lines) + body)


def test_an_administrator_sends_as_much_as_is_promised(server: LiveServer) -> None:
    """An attachment of its largest size, and a class list of megabytes."""
    admin = logged_in(server, "admin")
    assert send(admin, server.port, DOCUMENTS, "a.md", b"# A\n\n![](a.png)").status == 303
    picture = b"P" * (5 * 2**20)
    assert send(admin, server.port, DOCUMENTS, "a.png", picture).status == 303
    assert admin.get("/view/a.png").body == picture
    lines = [f"student{number},Student number {number},{'x' * 100}" for number in range(20_000)]
    people = "\n".join(["username,real name,seat", *lines]).encode()
    assert len(people) > 2_000_000
    assert send(admin, server.port, LIST, "class.csv", people).status == 303
    assert send(admin, server.port, DOCUMENTS, "a.png", picture + b"P").status == 422


def test_whoever_is_no_administrator_is_refused_all_the_same(server: LiveServer) -> None:
    """A student's cookie is signed; nothing comes of what they send."""
    alice = logged_in(server, "alice")
    assert send(alice, server.port, DOCUMENTS, "a.md", b"x" * 2_000_000).status == 403


@pytest.mark.parametrize("path", [DOCUMENTS, LIST])
def test_whoever_is_not_known_is_refused_by_the_head(server: LiveServer, path: str) -> None:
    """With the limit of everybody: as a page in the reader's language, or as JSON."""
    for cookie in ("X: y", "Cookie: timapp=abc.def.ghi"):
        with raw_client(server.port) as client:
            answer = client.ask(head(path, 2_000_000, cookie))
            assert answer.status == 413
            assert b"at most 1 MiB" in answer.body
            assert answer.header("Content-Type") == "application/json"
    for lines in (("Accept-Language: fi",), ("Accept-Language: sv", "Cookie: a=b; language=fi")):
        with raw_client(server.port) as client:
            answer = client.ask(head(path, 2_000_000, "Accept: text/html", *lines))
            assert answer.status == 413
            page = answer.body.decode()
            assert '<html lang="fi"' in page
            assert "enintään 1 MiB" in page
            assert "/static/" in page


def test_what_an_administrator_sends_beyond_the_limit_is_told_the_limit(
    server: LiveServer,
) -> None:
    """Before it comes, and at other addresses the limit is that of everybody."""
    admin = logged_in(server, "admin")
    lines = (f"Cookie: {admin.cookie_header()}", "Accept: text/html")
    for path, limit in ((DOCUMENTS, b"20 MiB"), ("/user/sessions/verify", b"1 MiB")):
        with raw_client(server.port) as client:
            answer = client.ask(head(path, 30_000_000, *lines))
            assert answer.status == 413
            assert limit in answer.body
