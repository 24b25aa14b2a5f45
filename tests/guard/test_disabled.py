"""Whose account is closed: their sessions are over, and none begins."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.commandline import CommandLine
from tests.conftest import MakeApp
from tests.site import PASSWORD, Browser, Site
from tests.together import PATIENCE
from timApp.auth.site import current_guard, db
from timApp.guard.changes.change import Change, OnePerson
from timApp.guard.logins.outcome import AccountClosed
from timApp.guard.vocabulary import Action, Actor, ActorKind, Cause
from timApp.user.people import require_person

BOSS = Actor(ActorKind.COMMAND_LINE, "boss")
CURRENT = "/user/sessions/current"


def change(site: Site, action: Action, name: str = "alice") -> bool:
    """Close or open an account; tell whether anything was changed."""
    with site.app.app_context():
        scope = OnePerson(name, site.user_id(name))
        receipt = current_guard().apply(Change(action, scope, BOSS), db)
        db.session.commit()
        return receipt.takes_effect


def statuses(*browsers: Browser) -> list[int]:
    """Return how the browsers are answered that ask who is logged in."""
    return [browser.get(CURRENT).status_code for browser in browsers]


@pytest.mark.parametrize("tracks", [True, False])
def test_all_sessions_end_and_none_begins_until_the_account_is_open_again(
    database_url: str, make_app: MakeApp, tracks: bool
) -> None:
    """Also the blocked ones, and those of administrators; also where sessions are not tracked."""
    site = Site(make_app(database_url, SESSIONS_ENABLE=tracks))
    site.add_exam_hall()
    site.add_admin("boss")
    browsers = [site.logged_in(name) for name in ("alice", "alice", "boss")]
    assert statuses(*browsers) == [200] * 3
    for name in ("alice", "boss"):
        assert change(site, Action.DISABLE, name)
        assert site.browser().log_in(name).status_code == 403
        assert not change(site, Action.DISABLE, name)
    assert statuses(*browsers) == [403] * 3
    assert all(one.cause is Cause.DISABLED for one in site.sessions("alice").values())
    assert change(site, Action.ENABLE)
    assert not change(site, Action.ENABLE)
    assert statuses(*browsers) == [403 if tracks else 200] * 2 + [403]
    assert statuses(site.logged_in("alice")) == [200]


def test_only_the_right_password_is_told_of_it(site: Site) -> None:
    """On the page and in JSON; whoever guesses learns nothing, and in the browser one sees why."""
    site.app.config["WTF_CSRF_ENABLED"] = False
    site.add_user("alice")
    browser = site.logged_in("alice")
    change(site, Action.DISABLE)
    assert "Your account is closed." in browser.get_page("/login").text
    told = "This account is closed."
    for typed, words in ((PASSWORD, told), ("a wrong one", "Wrong user name or password.")):
        answer = site.browser().log_in("alice", typed)
        assert answer.status_code == 403
        assert (answer.json or {})["error"].startswith(words)
        fields = {"username": "alice", "password": typed}
        page = site.browser().client.post("/login", data=fields, headers={"Accept": "text/html"})
        assert page.status_code == 403
        assert words in page.text
        assert 'value="alice"' in page.text


def test_a_login_that_is_under_way_begins_no_session(site: Site) -> None:
    """Whoever has shown the password before, and waits for the lock, is told when they get it."""
    site.add_user("alice")

    def begin() -> None:
        with site.app.app_context():
            current_guard().begin(alice, "a test", work=db)
            db.session.commit()

    with site.app.app_context(), ThreadPoolExecutor(1) as others:
        alice = require_person(db, "alice")
        scope = OnePerson("alice", alice.id)
        current_guard().apply(Change(Action.DISABLE, scope, BOSS), db)
        login = others.submit(begin)
        db.session.commit()
        with pytest.raises(AccountClosed):
            login.result(PATIENCE)
    assert site.sessions("alice") == {}


def test_it_is_recorded_and_shown_with_who_did_it(hall: Site) -> None:
    """Once each, also where no session ended; it is on the person's page."""
    hall.add_admin()
    for action in (Action.DISABLE, Action.DISABLE, Action.ENABLE):
        change(hall, action)
    entries = [(one.action, one.actor, one.session_count) for one in hall.changes()]
    assert entries == [(Action.DISABLE, "boss", 0), (Action.ENABLE, "boss", 0)]
    page = hall.logged_in("admin").get_page("/administer/person?user=alice").text
    assert page.index("Opened the account again") < page.index("Closed the account")


def test_the_command_line_closes_and_opens_accounts(
    database_url: str, make_app: MakeApp, tmp_path: Path
) -> None:
    """`user disable` and `user enable` say what came of it, and whom they do not know."""
    site = Site(make_app(database_url))
    timapp = CommandLine(database_url, tmp_path)
    site.add_user("alice")
    browser = site.logged_in("alice")
    said = timapp.done("user", "disable", "ALICE")
    assert said == "Closed the account of alice; 1 session ended.\n"
    assert statuses(browser) == [403]
    assert "closed already" in timapp.done("user", "disable", "alice")
    assert timapp.done("user", "enable", "alice") == "Opened the account of alice again.\n"
    assert "open already" in timapp.done("user", "enable", "alice")
    assert "'nobody'" in timapp.refused("user", "disable", "nobody")
    assert statuses(site.logged_in("alice")) == [200]
