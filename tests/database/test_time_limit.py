"""Pages that ask the database for more than it answers in time."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
import sqlalchemy as sa

from tests.live import PATIENCE
from tests.site import Site
from tests.together import TakingTurns
from timApp.auth.site import db
from timApp.database.timelimit import TookTooLong, time_limit
from timApp.pages.administer import overview, session_list

_ENDLESS = """
    WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT (n + 1) % 1000 FROM number)
    SELECT count(*), count(*), count(*) FROM number
"""
_LONG = """
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400000)
    SELECT count(*) FROM n
"""


def ask_without_end(*_: Any, **__: Any) -> Any:
    """Ask the database for what it never answers."""
    return db.session.execute(sa.text(_ENDLESS)).all()


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch, site: Site) -> Site:
    """A site with an administrator, and next to no time for its pages."""
    monkeypatch.setattr(time_limit.__wrapped__, "__defaults__", (0.05,))  # type: ignore[attr-defined]
    site.add_admin()
    return site


def test_a_read_that_takes_too_long_is_stopped(site: Site) -> None:
    """It is stopped, and what comes after it has all the time again."""
    with site.app.app_context():
        with pytest.raises(TookTooLong), time_limit(db, 0.05):
            ask_without_end()
        with time_limit(db, 0.05):
            db.session.execute(sa.text("SELECT 1"))
        if db.engine.dialect.name == "postgresql":
            assert db.session.scalar(sa.text("SHOW statement_timeout")) == "0"
        assert db.session.scalar(sa.text(_LONG)) == 400_000


def test_a_transaction_that_ends_in_time_takes_the_limit_with_it(site: Site) -> None:
    """What rolls back by itself within the limit is no error, and leaves nothing behind."""
    with site.app.app_context():
        with time_limit(db), pytest.raises(TookTooLong), time_limit(db, 0.05):
            ask_without_end()
        assert db.session.scalar(sa.text(_LONG)) == 400_000


def test_other_errors_of_the_database_stay_what_they_are(site: Site) -> None:
    """Only the limit is told as one."""
    with site.app.app_context(), pytest.raises(sa.exc.DBAPIError), time_limit(db):
        db.session.execute(sa.text("SELECT * FROM nothing"))


def test_a_search_that_takes_too_long_says_what_to_do(
    hurried: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list says that the search was stopped and how to narrow it, and keeps what was typed."""
    monkeypatch.setattr(session_list, "session_page", ask_without_end)
    answer = hurried.logged_in("admin").get("/administer/sessions?origin=phone")
    assert answer.status_code == 422
    assert "This search took too long and was stopped." in answer.text
    assert 'value="phone"' in answer.text
    assert "There is no such session." not in answer.text


@pytest.mark.parametrize("action", ["verify", "invalidate"])
def test_everybody_can_be_changed_without_a_count(
    hurried: Site, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    """Where there are too many sessions to count, the page says so, and has its button."""
    monkeypatch.setattr(session_list, "effect_on_everybody", ask_without_end)
    answer = hurried.logged_in("admin").get(f"/administer/sessions/{action}-all")
    assert answer.status_code == 200
    assert "There are too many sessions to count" in answer.text
    assert f'action="/administer/sessions/{action}-all"' in answer.text


def test_the_overview_does_without_a_count(hurried: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of the overview is shown when there are too many active sessions to count."""

    def too_late(*_: object) -> None:
        raise TookTooLong

    monkeypatch.setattr(overview, "time_limit", too_late)
    answer = hurried.logged_in("admin").get("/administer")
    assert answer.status_code == 200
    assert answer.text.count("too many to count") == 2
    assert "Logins" in answer.text


def test_others_are_worked_on_while_a_page_searches(site: Site) -> None:
    """With one turn for all requests, a reader is answered while somebody's search takes long."""
    searches, is_read = Event(), Event()

    def answer(environ: dict[str, str], _start: object) -> list[bytes]:
        if environ["PATH_INFO"] == "/search":
            with site.app.app_context(), time_limit(db):
                searches.set()
                assert is_read.wait(PATIENCE)
        return [environ["PATH_INFO"].encode()]

    turns = TakingTurns(answer, 1)
    with ThreadPoolExecutor(2) as people:
        search = people.submit(turns, {"PATH_INFO": "/search"}, print)
        assert searches.wait(PATIENCE)
        reader = people.submit(turns, {"PATH_INFO": "/read"}, print)
        assert reader.result(PATIENCE) == [b"/read"]
        is_read.set()
        assert search.result(PATIENCE) == [b"/search"]
