"""An ASGI program as people run it: behind uvicorn, over connections that are kept."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.live import PATIENCE, PROJECT, eventually, free_port
from tests.site import PASSWORD, Site, open_app
from timApp.user.usergroup import ADMIN_GROUP


@pytest.fixture
def site(sqlite_url: str, tmp_path: Path) -> Iterator[Site]:
    """The site of its own on the same database."""
    with open_app(sqlite_url, tmp_path) as app:
        site = Site(app)
        site.add_user("ann")
        site.add_user("root", groups=[ADMIN_GROUP])
        yield site


@pytest.fixture
def connection(site: Site, sqlite_url: str, tmp_path: Path) -> Iterator[HTTPConnection]:
    """A connection to the example in FastAPI, behind a proxy that says who somebody is."""
    port, log = free_port(), tmp_path / "log"
    environment = os.environ | {
        "PYTHONPATH": str(PROJECT),
        "TIM_DATABASE_URL": sqlite_url,
        "TIM_INSTANCE_PATH": str(tmp_path),
        "TIM_SECRET_KEY": "a key for the tests",
        "TIM_TRUSTED_PROXIES": "1",
    }
    folder = PROJECT / "examples" / "fastapi"
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(folder), "app:app"]
    with log.open("w") as file:
        process = subprocess.Popen(
            [*command, "--port", str(port)], stdout=file, stderr=file, env=environment
        )
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)

    def attempt() -> bool | None:
        assert process.poll() is None, log.read_text()
        try:
            connection.request("GET", "/_timapp/healthz")
            return connection.getresponse().read() != b"" or None
        except OSError:
            connection.close()
            return None

    with closing(connection):
        eventually(attempt)
        yield connection
    process.terminate()
    process.wait(PATIENCE)


def answered(
    connection: HTTPConnection, path: str, *headers: tuple[str, str], body: str | None = None
) -> tuple[int, str]:
    """Return status and text of an answer, with the connection kept."""
    connection.putrequest("GET" if body is None else "POST", path)
    for name, value in headers:
        connection.putheader(name, value)
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(None if body is None else body.encode())
    response = connection.getresponse()
    text = response.read().decode()
    cookies = response.headers.get_all("Set-Cookie", [])
    return response.status, "; ".join(cookies) if body is not None else text


def test_pages_come_one_after_the_other_over_one_connection(connection: HTTPConnection) -> None:
    """Files, pages and JSON, and what is not there; no matter what was asked before."""
    statuses = [
        answered(connection, path)[0]
        for _ in range(5)
        for path in ("/_timapp/login", "/_timapp/nothing", "/_timapp/openapi.json", "/")
    ]
    assert statuses == [200, 404, 200, 302] * 5


def test_a_header_with_an_underscore_is_not_the_one_with_a_hyphen(
    connection: HTTPConnection, site: Site
) -> None:
    """What a client says beside its proxy does not count."""
    credentials = f'{{"username": "ann", "password": "{PASSWORD}"}}'
    status, _ = answered(
        connection,
        "/_timapp/login",
        ("Content-Type", "application/json"),
        ("X-Forwarded-For", "10.0.0.9"),
        ("X_Forwarded_For", "192.0.2.66"),
        body=credentials,
    )
    assert status == 200
    (session,) = site.sessions("ann").values()
    assert session.origin.startswith("[10.0.0.9]")


def test_an_address_with_odd_bytes_is_answered(connection: HTTPConnection) -> None:
    """By the site, with what it makes of them, and not with an error of the server."""
    for path in ("/_timapp/view/%ff%00", "/_timapp/login?next=%ff%fe", "/%e4?x=%00"):
        assert answered(connection, path)[0] < 500
