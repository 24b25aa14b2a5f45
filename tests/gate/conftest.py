"""Fixtures: programs behind real proxies, beside one site that guards all of them."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPConnection
from itertools import count
from typing import Any

import pytest

from tests.databases import SQLiteDatabases
from tests.gate.program import program
from tests.gate.proxies import PROXIES, Proxy, running_proxy
from tests.live import LiveBrowser, LiveServer, free_port, live_server
from tests.site import PASSWORD, Site, open_app
from timApp.auth.site import db
from timApp.guard.exams.browser import BrowserPlan, have_file
from timApp.guard.exams.find import find_exam
from timApp.guard.exams.plan import ExamPlan, add_exam
from timApp.guard.exams.sebfile import SebSite
from timApp.guard.rules.exambrowser import BrowserRule
from timApp.user.user import create_user
from timApp.util.clock import now

PAGE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
FETCH = {"Accept": "*/*", "Sec-Fetch-Mode": "cors"}
#: Where nginx keeps for a second who may pass.
KEEPING = "nginx, keeping"
#: That wants Safe Exam Browser.
EXAM = "Algebra"
_numbers = count(1)


@dataclass
class Gatehouse:
    """A site that guards a host of each proxy, and the program that is behind all of them."""

    site: Site
    server: LiveServer
    program: int
    #: The port of each proxy.
    ports: dict[str, int]

    def add_student(self) -> str:
        """Add somebody who may pass; return the user name, which nobody else has."""
        name = f"student{next(_numbers)}"
        with self.site.app.app_context():
            create_user(db, name, PASSWORD, real_name="Älice, Å", groups=["Students"])
            db.session.commit()
        return name

    def verify(self, browser: LiveBrowser, name: str) -> None:
        """Have a supervisor verify the session of that browser."""
        form = {"user": name, "session_id": browser.session_id}
        supervisor = self.site.logged_in("supervisor")
        assert supervisor.decide("/supervise/verify", data=form).status_code == 200

    def exam_key(self) -> str:
        """Return the key of the exam, which runs for students from when it is first wanted."""
        with self.site.app.app_context():
            exam = find_exam(db, EXAM)
            if exam is None:
                times = now() - timedelta(hours=1), now() + timedelta(hours=1)
                browser = BrowserPlan(BrowserRule.REQUIRED)
                exam = add_exam(db, ExamPlan(EXAM, *times, ["Students"], browser=browser))
                have_file(exam, SebSite(f"{self.server.url}/"))
                db.session.commit()
            return exam.seb_key or ""


@dataclass
class Guarded:
    """A program behind a proxy."""

    proxy: Proxy
    port: int
    house: Gatehouse

    @property
    def origin(self) -> str:
        """Where people reach it."""
        return f"http://127.0.0.1:{self.port}"

    def ask(
        self,
        path: str,
        browser: LiveBrowser | None = None,
        how: dict[str, str] = PAGE,
        method: str = "GET",
        body: bytes | None = None,
    ) -> tuple[int, str | None, Any]:
        """Return status, Location and JSON (or text) of an answer."""
        headers = dict(how)
        if browser is not None:
            headers["Cookie"] = browser.cookie_header()
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            text = response.read().decode()
        try:
            said = json.loads(text)
        except ValueError:
            said = text
        return response.status, response.headers["Location"], said


@pytest.fixture(scope="module")
def gatehouse(
    sqlite_databases: SQLiteDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gatehouse]:
    """A site that guards a host of each proxy, of which /public/ is open to everybody."""
    folder = tmp_path_factory.mktemp("gate")
    ports = {name: free_port() for name in (*PROXIES, KEEPING, *map("{}, jupyter".format, PROXIES))}
    hosts: dict[str, dict[str, object]]
    hosts = {f"http://127.0.0.1:{port}": {"open": ["/public/*"]} for port in ports.values()}
    # By another name, each is a host of an exam.
    hosts |= {f"http://localhost:{port}": {"exam": EXAM} for port in ports.values()}
    with (
        sqlite_databases.fresh() as url,
        open_app(url, folder) as app,
        program() as upstream,
        live_server(url, folder / "live", GUARDED_HOSTS=hosts, TRUSTED_PROXIES=1) as server,
    ):
        site = Site(app)
        site.add_supervisor()
        yield Gatehouse(site, server, upstream, ports)


@pytest.fixture(scope="module", params=PROXIES)
def guarded(request: pytest.FixtureRequest, gatehouse: Gatehouse) -> Iterator[Guarded]:
    """The program behind each proxy."""
    port = gatehouse.ports[request.param]
    with running_proxy(request.param, port, gatehouse.server.port, gatehouse.program):
        yield Guarded(PROXIES[request.param], port, gatehouse)
