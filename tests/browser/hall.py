"""An exam hall: a site with a server, and people who do things in the windows of a browser."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from playwright.sync_api import Locator, Page, expect

from tests.browser.chromium import Window
from tests.live import LiveServer, live_server
from tests.site import PASSWORD, Browser, Site, open_app
from timApp.auth.site import current_site, db
from timApp.cli.commands.demo_content import DOCUMENTS
from timApp.guard.exams.plan import ExamPlan, add_exam
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.waiting import WaitingSession
from timApp.user.user import create_user
from timApp.user.usergroup import SUPERVISOR_GROUP
from timApp.util.clock import now

EXAM = "/view/exam"
STUDENTS = "Students"
SUPERVISOR = "supervisor"

# It has what documents have: headings, code, a table.
(_EXAM_SOURCE,) = (page.source for page in DOCUMENTS if page.path == "exam/part1")
_T = TypeVar("_T")
_numbers = count(1)


class Hall:
    """The site, seen from its database and from its address."""

    def __init__(self, site: Site, thread: Executor, database_url: str, server: LiveServer) -> None:
        self.database_url = database_url
        self.server = server
        self._site = site
        self._thread = thread

    def ask(self, work: Callable[[Site], _T]) -> _T:
        """Return what comes of work on the site.

        It is done in another thread: ours has Playwright's asyncio loop, and Flask, which ends its
        requests in a loop of its own, refuses to have two.
        """
        return self._thread.submit(work, self._site).result()

    def at(self, server: LiveServer) -> "Hall":
        """Return the same site at another server."""
        return Hall(self._site, self._thread, self.database_url, server)

    def let_nobody_wait(self) -> None:
        """Forget who waited in tests before."""

        def forget(site: Site) -> None:
            with site.app.app_context():
                db.session.execute(sa.delete(WaitingSession))
                db.session.commit()

        self.ask(forget)

    def active(self, name: str) -> set[str]:
        """Return the ids of the person's active sessions."""
        return self.ask(lambda site: site.active(name))

    def add_student(self, real_name: str = "") -> str:
        """Add a student who may read the exam; return the user name, which nobody else has."""
        name = f"student{next(_numbers)}"
        self.add_person(name, real_name or name.title(), STUDENTS)
        return name

    def add_person(self, name: str, real_name: str, *groups: str) -> None:
        """Add a person with that name, who is in these groups."""

        def add(site: Site) -> None:
            with site.app.app_context():
                create_user(db, name, PASSWORD, real_name=real_name, groups=groups)
                db.session.commit()

        self.ask(add)

    def plan_exam(self, name: str) -> str:
        """Let an exam run that only that person sits; return its title."""
        title = f"Algebra of {name}"

        def plan(site: Site) -> None:
            with site.app.app_context():
                a_minute = timedelta(minutes=1)
                add_exam(db, ExamPlan(title, now() - a_minute, now() + 60 * a_minute, [name]))
                db.session.commit()

        self.ask(plan)
        return title

    def log_in_elsewhere(self, name: str, user_agent: str = "Firefox") -> Browser:
        """Log the person in on a device that is not looked at, and whose server is another one.

        What it does from then on is work on the site (see `ask`).
        """

        def log_in(site: Site) -> Browser:
            if user_agent.isascii():
                return site.logged_in(name, user_agent)
            browser = site.logged_in(name)
            # No header has such characters, but the database may have them.
            with site.app.app_context():
                session = sa.update(UserSession).filter_by(session_id=browser.session_id)
                db.session.execute(session.values(origin=f"[127.0.0.1] {user_agent}"))
                db.session.commit()
            return browser

        return self.ask(log_in)

    def token(self, name: str, session_id: str) -> str:
        """Return what a link to the session has in it, signed now."""

        def sign(site: Site) -> str:
            with site.app.app_context():
                return current_site().links.sign(name, session_id)

        return self.ask(sign)

    def url(self, path: str) -> str:
        """Return the address of a page."""
        return self.server.url + path


@contextmanager
def open_hall(
    database_url: str, folder: Path, *, port: int | None = None, **options: Any
) -> Iterator[Hall]:
    """Yield a site with an exam and a supervisor, and its running server.

    The server has a free port, if no `port` is given. `options` are the site's options.
    """

    def fill(site: Site) -> None:
        site.add_user(SUPERVISOR, [SUPERVISOR_GROUP])
        site.add_user("first", [STUDENTS])  # a group begins with its first member
        site.add_document("exam", [STUDENTS], _EXAM_SOURCE)

    with ThreadPoolExecutor(max_workers=1) as thread:
        opened = open_app(database_url, folder, **options)
        site = Site(thread.submit(opened.__enter__).result())
        try:
            thread.submit(fill, site).result()
            with live_server(database_url, folder / "live", port=port, **options) as server:
                yield Hall(site, thread, database_url, server)
        finally:
            thread.submit(opened.__exit__, None, None, None).result()


def log_in(window: Window, address: str, name: str) -> None:
    """Open the address, and log in with the form that comes instead."""
    page = window.page
    page.goto(address)
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("button", name="Log out")).to_be_visible()


def enter(window: Window, hall: Hall, name: str) -> str:
    """Log in without the form, which other tests are about; return the session's id."""
    device = hall.log_in_elsewhere(name, window.page.evaluate("navigator.userAgent"))
    cookie = device.client.get_cookie("timapp")
    assert cookie is not None
    window.context.add_cookies(
        [
            {
                "name": cookie.key,
                "value": cookie.value,
                "url": hall.url("/"),
                "httpOnly": True,
                "sameSite": "Lax",
            }
        ]
    )
    return device.session_id


def enter_blocked(window: Window, hall: Hall, name: str) -> str:
    """Log in on another device and then here, and open the exam; return this session's id."""
    hall.log_in_elsewhere(name)
    session_id = enter(window, hall, name)
    answer = window.page.goto(hall.url(EXAM))
    assert answer is not None
    assert answer.status == 490
    return session_id


def blocked_heading(page: Page) -> Locator:
    """Return the heading of the blocked page, of a new login as of one that was ended since."""
    return page.get_by_role(
        "heading", name=re.compile("Your login is blocked|Your session is expired")
    )


def exam_heading(page: Page) -> Locator:
    """Return the heading of the exam."""
    return page.get_by_role("heading", name="Exam, part 1")


def verified_heading(page: Page, name: str) -> Locator:
    """Return the heading of the page that says that the person is verified."""
    return page.get_by_role("heading", name=f"Verified: {name}")


def verify_button(page: Page) -> Locator:
    """Return the button that verifies the session that was scanned or chosen."""
    chosen = page.get_by_role("region").filter(has_text="This is the session you scanned or chose.")
    return chosen.get_by_role("button", name="Let this one in.")


def short_code(page: Page) -> str:
    """Return the short code on the blocked page."""
    return page.get_by_role("figure").get_by_role("strong").inner_text()


def verify(site: Site, name: str, session_id: str) -> None:
    """Have a supervisor verify the session, who is not looked at."""
    supervisor = site.logged_in(SUPERVISOR)
    form = {"user": name, "session_id": session_id}
    assert supervisor.decide("/supervise/verify", data=form).status_code == 200
