"""Fixtures: a site whose people log in by a real provider, and browsers for both."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.databases import SQLiteDatabases
from tests.live import PATIENCE, LiveServer, Place, free_port, live_server
from tests.site import Site, open_app

HERE = Path(__file__).parent
SECRET = "a secret of the tests, which is long enough"


@dataclass
class House:
    """The provider, and the site that trusts it."""

    site: Site
    server: LiveServer
    provider_port: int
    #: What the provider has sent to the site's back channel, a form a line.
    sent: Path
    browsers: list[httpx.Client] = field(default_factory=list)

    @property
    def issuer(self) -> str:
        """What the provider calls itself."""
        return f"http://127.0.0.1:{self.provider_port}"

    def browser(self) -> httpx.Client:
        """Return a new browser."""
        headers = {"Accept": "text/html", "User-Agent": "Firefox"}
        browser = httpx.Client(follow_redirects=True, headers=headers, timeout=PATIENCE)
        self.browsers.append(browser)
        return browser

    def log_in(
        self, name: str, next_page: str = "/my-sessions"
    ) -> tuple[httpx.Client, httpx.Response]:
        """Return a browser in which somebody has logged in at the provider, and where that led."""
        browser = self.browser()
        form = browser.get(f"{self.server.url}/oidc/login", params={"next": next_page})
        assert form.status_code == 200, form.text
        said = {"prompt": "login", "login": name, "password": "x"}
        return browser, browser.post(form.url, data=said)

    @contextmanager
    def provider(self) -> Iterator[None]:
        """Let the provider run, with a key that is new."""
        said = {
            "port": self.provider_port,
            "site": self.server.url,
            "secret": SECRET,
            "kid": uuid4().hex,
            "sent": str(self.sent),
        }
        command = ["node", str(HERE / "provider.mjs"), json.dumps(said)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if line == "ready\n":
                    break
            else:
                pytest.fail("The provider has ended.")
            try:
                yield
            finally:
                process.terminate()


@pytest.fixture(scope="module")
def house(
    sqlite_databases: SQLiteDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """The site, whose provider is still to be started."""
    if shutil.which("node") is None or not (HERE / "node_modules").exists():
        pytest.skip("The provider needs Node, and `npm ci` in tests/oidc.")
    folder, port, provider = tmp_path_factory.mktemp("oidc"), free_port(), free_port()
    with ExitStack() as stack:
        url = stack.enter_context(sqlite_databases.fresh())
        site = Site(stack.enter_context(open_app(url, folder / "instance")))
        server = stack.enter_context(
            live_server(
                url,
                folder / "site",
                place=Place("127.0.0.1", port),
                OIDC_ISSUER=f"http://127.0.0.1:{provider}",
                OIDC_CLIENT_ID="timapp",
                OIDC_CLIENT_SECRET=SECRET,
                OIDC_GROUPS_CLAIM="groups",
            )
        )
        yield House(site, server, provider, folder / "sent")


@pytest.fixture(autouse=True)
def _close_browsers(house: House) -> Iterator[None]:
    """Close the browsers of a test."""
    yield
    for browser in house.browsers:
        browser.close()
    house.browsers.clear()
