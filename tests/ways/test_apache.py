"""A real Apache logs people in, in front of the real server."""

import base64
import grp
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.databases import SQLiteDatabases
from tests.live import PATIENCE, PROJECT, Place, eventually, free_port, live_server
from tests.missing import is_missing
from tests.ways.pages import standing, token_of

_APACHE, _MODULES = "/usr/sbin/apache2", Path("/usr/lib/apache2/modules")
_LOADED = (
    "mpm_event",
    "authn_core",
    "authn_file",
    "authz_core",
    "authz_user",
    "auth_basic",
    "headers",
    "proxy",
    "proxy_http",
)
_PAGE = {"Accept": "text/html", "User-Agent": "Firefox"}


@contextmanager
def apache(port: int, site: int) -> Iterator[None]:
    """Run the example at a port, in front of a site, for ann with the password x."""
    if shutil.which(_APACHE) is None:
        is_missing("apache2 is not installed (Debian: apt-get install apache2).")
    with tempfile.TemporaryDirectory(prefix="apache") as made:
        folder = Path(made)
        folder.chmod(0o755)
        text = (PROJECT / "examples/login/apache.conf").read_text("utf-8")
        for example, here in (
            ("127.0.0.1:5000", f"127.0.0.1:{site}"),
            ("Listen 8080", f"Listen 127.0.0.1:{port}"),
            ("*:8080", f"127.0.0.1:{port}"),
            ("/etc/apache2", made),
        ):
            text = text.replace(example, here)
        (folder / "site.conf").write_text(text, "utf-8")
        digest = base64.b64encode(hashlib.sha1(b"x").digest()).decode()  # noqa: S324 - Apache's
        (folder / "people").write_text(f"ann:{{SHA}}{digest}\n", "utf-8")
        lines = [
            "ServerName 127.0.0.1",
            "PidFile httpd.pid",
            "ErrorLog log",
            *(f"LoadModule {one}_module {_MODULES}/mod_{one}.so" for one in _LOADED),
            *(["User nobody", f"Group {grp.getgrgid(65534).gr_name}"] if os.getuid() == 0 else []),
            "Include site.conf",
            "",
        ]
        (folder / "httpd.conf").write_text("\n".join(lines), "utf-8")
        command = [_APACHE, "-D", "FOREGROUND", "-d", made, "-f", f"{made}/httpd.conf"]
        with subprocess.Popen(command) as process:
            try:
                eventually(lambda: _answers(port))
                yield
            finally:
                process.terminate()


def _answers(port: int) -> bool | None:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz").is_success or None
    except httpx.TransportError:
        return None


def test_apache_says_who_it_is(sqlite_databases: SQLiteDatabases, tmp_path: Path) -> None:
    """Whom it has logged in, whatever a visitor says beside that; and nobody else is believed."""
    port, behind = free_port(), free_port()
    with (
        sqlite_databases.fresh() as url,
        live_server(
            url,
            tmp_path,
            place=Place("127.0.0.1", behind),
            TRUSTED_PROXIES=1,
            TRUSTED_HEADER="X-Remote-User",
            TRUSTED_HEADER_FROM=["127.0.0.1"],
        ) as server,
        apache(port, behind),
    ):
        forged = {"X-Remote-User": "admin", "X_Remote_User": "admin", "x-remote-user": "eve"}
        front = f"http://127.0.0.1:{port}"
        with httpx.Client(headers=_PAGE | forged, timeout=PATIENCE, base_url=front) as browser:
            assert browser.get("/header/login").status_code == 401
            browser.auth = ("ann", "x")
            form = browser.get("/header/login", params={"next": "/my-sessions"})
            assert form.status_code == 200
            assert ">ann<" in form.text
            assert "admin" not in form.text
            said = {"csrf_token": token_of(form), "next": "/my-sessions"}
            assert browser.post("/header/login", data=said).headers["Location"] == "/my-sessions"
            assert standing(browser) == ("ann", "valid")
        elsewhere = httpx.HTTPTransport(local_address="127.0.0.9")
        with httpx.Client(headers=_PAGE, transport=elsewhere, base_url=server.url) as browser:
            form = browser.get("/login")
            for method in ("GET", "POST"):
                body = {"csrf_token": token_of(form)} if method == "POST" else None
                headers = {"X-Remote-User": "ann", "X-Forwarded-For": "127.0.0.1"}
                answer = browser.request(method, "/header/login", data=body, headers=headers)
                assert answer.status_code == 403
            assert standing(browser) == (None, "anonymous")


def test_a_header_that_came_twice_is_refused_by_the_real_server(
    sqlite_databases: SQLiteDatabases, tmp_path: Path
) -> None:
    """And one with underscores in its name is not that header."""
    with (
        sqlite_databases.fresh() as url,
        live_server(
            url,
            tmp_path,
            TRUSTED_HEADER="X-Remote-User",
            TRUSTED_HEADER_FROM=["127.0.0.1"],
        ) as server,
    ):
        address = f"{server.url}/header/login"
        for second in ("ann", "eve"):
            headers = [*_PAGE.items(), ("X-Remote-User", "ann"), ("X-Remote-User", second)]
            assert httpx.get(address, headers=headers).status_code == 400
        assert httpx.get(address, headers=_PAGE | {"X_Remote_User": "ann"}).status_code == 403
        right = _PAGE | {"X-Remote-User": "ann", "X_Remote_User": "eve"}
        page = httpx.get(address, headers=right)
        assert page.status_code == 200
        assert "eve" not in page.text
