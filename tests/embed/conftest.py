"""Fixtures: one application in each framework, on each database."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.embed.django_guest import django_guest
from tests.embed.hosts import BASE, SUPERVISOR, Guest, asgi_guest, flask_guest, wsgi_guest
from tests.site import Site, open_app

_MAKERS = {"flask": flask_guest, "wsgi": wsgi_guest, "asgi": asgi_guest}
_PAGE = {"Accept": "text/html,*/*;q=0.8"}


class Browser:
    """One cookie jar, for the application and the pages."""

    def __init__(self, guest: Guest, agent: str) -> None:
        self.cookies = httpx.Cookies()
        self._guest = guest
        self._agent = agent

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Ask for something, as a person's browser does; redirects are not followed."""
        headers = _PAGE | {"User-Agent": self._agent} | more.pop("headers", {})
        transport = self._guest.transport
        if isinstance(transport, httpx.BaseTransport):
            with httpx.Client(transport=transport, base_url=BASE, cookies=self.cookies) as client:
                answer = client.request(method, path, headers=headers, **more)
                self.cookies = client.cookies
            return answer
        return asyncio.run(self._asked(transport, method, path, headers, more))

    async def _asked(
        self,
        transport: httpx.AsyncBaseTransport,
        method: str,
        path: str,
        headers: dict[str, str],
        more: dict[str, Any],
    ) -> httpx.Response:
        async with httpx.AsyncClient(
            transport=transport, base_url=BASE, cookies=self.cookies
        ) as client:
            answer = await client.request(method, path, headers=headers, **more)
            self.cookies = client.cookies
        return answer

    def forget(self, start: str) -> None:
        """Lose the cookies whose names begin so."""
        for cookie in list(self.cookies.jar):
            if cookie.name.startswith(start):
                self.cookies.delete(cookie.name, cookie.domain, cookie.path)

    def get(self, path: str = "/", **more: Any) -> httpx.Response:
        """Look at a page."""
        return self.ask("GET", path, **more)

    def let_in(self, name: str, **more: str) -> httpx.Response:
        """Log in at the application."""
        return self.ask("POST", "/in", params={"name": name, **more})


@dataclass
class House:
    """An application with timApp inside, and the site that it shares its database with."""

    framework: str
    guest: Guest
    site: Site

    def browser(self, agent: str = "Firefox") -> Browser:
        """Return a new browser."""
        return Browser(self.guest, agent)

    def let_in(self, name: str) -> Browser:
        """Return a new browser that somebody has logged in with."""
        browser = self.browser()
        assert browser.let_in(name).status_code == 200
        return browser

    def verify(self, name: str, session_id: str) -> None:
        """Have a supervisor verify a session, who is one by the application's word."""
        supervisor = self.let_in(SUPERVISOR)
        page = supervisor.get(f"/_timapp/supervise/person?user={name}&session={session_id}")
        token = page.text.partition('name="csrf_token" value="')[2].partition('"')[0]
        form = {"csrf_token": token, "user": name, "session_id": session_id}
        done = supervisor.ask("POST", "/_timapp/supervise/verify", data=form)
        assert done.status_code == 303, done.text


@pytest.fixture(params=["flask", "wsgi", "asgi", "django"])
def house(
    request: pytest.FixtureRequest,
    database_url: str,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[House]:
    """The application in one of the frameworks."""
    options = {
        "DATABASE_URL": database_url,
        "INSTANCE_PATH": str(tmp_path),
        "SECRET_KEY": "a key for the tests",
    }
    with ExitStack() as stack:
        site = Site(stack.enter_context(open_app(database_url, tmp_path)))
        if request.param == "django":
            guest = django_guest(options, tmp_path_factory.getbasetemp())
        else:
            guest = _MAKERS[request.param](options)
        stack.callback(guest.site.close)
        yield House(request.param, guest, site)
