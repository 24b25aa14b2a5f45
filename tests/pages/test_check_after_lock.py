"""A page says that a session was verified only if it is: what is checked is checked under the lock.

Between the form and its button, or while another transaction holds the person, a session may be
logged out; then nobody says that it was verified.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from werkzeug.test import TestResponse

from tests.changes import log_out_session
from tests.site import Browser, Site
from timApp.auth.site import db
from timApp.cli.group import cli
from timApp.guard.vocabulary import Action


@pytest.fixture
def hall(site: Site) -> Site:
    """A site with an exam, a student, a supervisor and an administrator."""
    site.add_exam_hall()
    site.add_admin()
    return site


class Doors:
    """The ways in which somebody verifies a session, as they are open before it is logged out."""

    def __init__(self, hall: Site, session_id: str) -> None:
        self.hall = hall
        self.session_id = session_id
        self.supervisor = hall.logged_in("supervisor")
        self.admin = hall.logged_in("admin")
        self.key = f"{hall.user_id('alice')}:{session_id}"
        # The forms are shown.
        page = self.supervisor.get_page(f"/supervise/person?user=alice&session={session_id}")
        assert "Verify this one" in page.text
        assert self.key in self.admin.get_page("/administer/sessions").text

    def console(self) -> TestResponse:
        """Press the button of the console."""
        form = {"user": "alice", "session_id": self.session_id}
        return post_page(self.supervisor, "/supervise/verify", form)

    def route(self) -> TestResponse:
        """Ask the administrators' route."""
        path = "/user/sessions/alice/verify"
        return self.admin.post(path, json={"session_id": self.session_id})

    def picked(self) -> TestResponse:
        """Verify what was selected in the list."""
        return post_page(self.admin, "/administer/sessions/verify", {"session": self.key})


def post_page(browser: Browser, path: str, form: dict[str, str]) -> TestResponse:
    """Send a page's form."""
    content = {**form, "csrf_token": browser.csrf_token}
    headers = {"Accept": "text/html"}
    return browser.client.post(path, data=content, headers=headers, follow_redirects=True)


def verifications(hall: Site) -> int:
    """Return how many verifications are recorded."""
    return sum(change.action is Action.VERIFY for change in hall.changes())


@pytest.mark.parametrize("door", ["console", "route", "picked"])
def test_a_session_that_is_logged_out_meanwhile_is_not_verified(hall: Site, door: str) -> None:
    """The answer is 409 and says what happened, and never "Verified"; nothing is active."""
    blocked = hall.blocked()
    doors = Doors(hall, blocked.session_id)
    active = hall.active("alice")
    blocked.log_out()
    answer = getattr(doors, door)()
    assert answer.status_code == 409
    assert "is logged out" in answer.text
    assert "Verified" not in answer.text
    assert hall.active("alice") == active
    assert verifications(hall) == 0


def test_the_command_line_does_not_verify_it_either(
    hall: Site, database_url: str, tmp_path: Path
) -> None:
    """It says why, on one line, and fails."""
    blocked = hall.blocked()
    blocked.log_out()
    result = CliRunner().invoke(
        cli,
        ["session", "verify", "alice", blocked.session_id],
        env={"TIM_DATABASE_URL": database_url, "TIM_INSTANCE_PATH": str(tmp_path)},
    )
    assert result.exit_code == 1
    assert "is logged out" in result.stderr
    assert "Verified" not in result.output
    assert verifications(hall) == 0


@contextmanager
def lock_wanted(hall: Site) -> Iterator[Event]:
    """Yield what is set once somebody asks the database for a lock."""
    wanted = Event()

    def note(_c: Any, _u: Any, statement: str, *_rest: Any) -> None:
        if "BEGIN IMMEDIATE" in statement or "KEY UPDATE" in statement:
            wanted.set()

    with hall.app.app_context():
        engine = db.engine
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield wanted
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize("door", ["console", "route", "picked"])
def test_a_verification_waits_for_the_logout_before_it(hall: Site, door: str) -> None:
    """Two transactions: the one that comes second sees what the first has committed."""
    blocked = hall.blocked()
    doors = Doors(hall, blocked.session_id)
    active = hall.active("alice")
    with ThreadPoolExecutor(1) as pool, hall.app.app_context():
        log_out_session(hall.user_id("alice"), blocked.session_id)
        with lock_wanted(hall) as wanted:
            asked = pool.submit(getattr(doors, door))
            assert wanted.wait(timeout=30)
        assert not asked.done()
        db.session.commit()
        answer = asked.result()
    assert answer.status_code == 409
    assert "Verified" not in answer.text
    assert hall.active("alice") == active
    assert verifications(hall) == 0


def test_a_session_that_is_ended_twice_stays_ended(hall: Site) -> None:
    """In `my sessions`, one that was logged out since the page was shown is over, as it says."""
    mine = hall.logged_in("supervisor", "Phone")
    other = hall.logged_in("supervisor", "Laptop")
    assert other.session_id in mine.get_page("/my-sessions").text
    other.log_out()
    before = hall.sessions("supervisor")[other.session_id].logged_out_at
    changes = len(hall.changes())
    answer = mine.post("/my-sessions/end", data={"session_id": other.session_id})
    assert answer.status_code == 303
    assert hall.sessions("supervisor")[other.session_id].logged_out_at == before
    assert len(hall.changes()) == changes
    assert "The session is ended." in mine.get_page("/my-sessions").text


def test_an_invalidation_that_found_nothing_active_says_so(hall: Site) -> None:
    """A session that has expired since the form was shown was not invalidated by this button."""
    browser = hall.logged_in("alice")
    supervisor = hall.logged_in("supervisor")
    form = {"user": "alice", "session_id": browser.session_id}
    page = post_page(supervisor, "/supervise/invalidate", form).text
    assert "Invalidated on this server." in page
    again = post_page(supervisor, "/supervise/invalidate", form)
    assert again.status_code == 200
    assert "Invalidated" not in again.text
    assert "expired already, so nothing was changed on this server." in again.text
    assert sum(change.action is Action.INVALIDATE for change in hall.changes()) == 1


def test_a_second_verification_finds_it_verified(hall: Site) -> None:
    """Two supervisors who verify the same session both read what is true: it is verified."""
    blocked = hall.blocked()
    supervisor = hall.logged_in("supervisor")
    form = {"user": "alice", "session_id": blocked.session_id}
    for _ in range(2):
        page = post_page(supervisor, "/supervise/verify", form)
        assert "Verified on this server." in page.text
        assert hall.active("alice") == {blocked.session_id}
