"""A new password of one's own: who may have it, and what ends by it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.commandline import CommandLine
from tests.conftest import MakeApp
from tests.site import PASSWORD, Browser, Site
from tests.together import PATIENCE
from timApp.auth.authenticate import authenticate
from timApp.auth.newpassword import set_password
from timApp.auth.site import current_guard, db
from timApp.guard.logins.outcome import PasswordChanged
from timApp.guard.vocabulary import Action, Actor, ActorKind, Cause
from timApp.user.attempts.rule import FREE
from timApp.user.newpassword import check_new_password
from timApp.user.people import require_person
from timApp.user.user import User
from timApp.util.errors import BadInput

NEW = "purple llama sings"
PAGE = "/my-password"
CURRENT = "/user/sessions/current"


@pytest.fixture
def home(database_url: str, make_app: MakeApp) -> Site:
    """A site with alice, who may have any number of sessions."""
    site = Site(make_app(database_url, SESSIONS_MAX_CONCURRENT_SESSIONS_PER_USER=None))
    site.add_user("alice")
    return site


def send(browser: Browser, old: str, new: str) -> tuple[int, str]:
    """Send the form as a person does; return the status and the page, or where it leads."""
    answer = browser.client.post(
        PAGE,
        data={"old_password": old, "password": new, "csrf_token": browser.csrf_token},
        headers={"Accept": "text/html"},
    )
    return answer.status_code, answer.location or answer.text


def test_a_new_password_ends_the_other_sessions_and_counts_from_then_on(home: Site) -> None:
    """The own one goes on; the others are told why, and the record says who did it."""
    own, other = home.logged_in("alice"), home.logged_in("alice")
    assert "not easy to guess" in own.get_page(PAGE).text
    assert send(own, PASSWORD, NEW) == (303, "/my-sessions")
    assert "1 other session is ended" in own.get_page("/my-sessions").text
    assert (own.get(CURRENT).status_code, other.get(CURRENT).status_code) == (200, 403)
    assert home.sessions("alice")[other.session_id].cause is Cause.NEW_CREDENTIALS
    assert "Your password was changed" in other.get_page("/login").text
    entry = home.changes()[-1]
    assert (entry.action, entry.actor, entry.session_count) == (Action.NEW_CREDENTIALS, "alice", 1)
    assert home.browser().log_in("alice").status_code == 403
    assert home.browser().log_in("alice", NEW).status_code == 200


def test_whoever_does_not_know_the_old_one_gets_none(home: Site) -> None:
    """It is guessed as slowly as at the login, and nothing changes."""
    own, other = home.logged_in("alice"), home.logged_in("alice")
    for _ in range(FREE):
        status, page = send(own, "a wrong one", NEW)
        assert status == 403
        assert "This is not your password." in page
    # The first of them counted for the address, before it was known that the browser is hers.
    assert send(own, "a wrong one", NEW)[0] == 403
    status, page = send(own, PASSWORD, NEW)
    assert status == 429
    assert "Wait 1 s" in page
    assert other.get(CURRENT).status_code == 200


@pytest.mark.parametrize(
    ("new", "words"),
    [
        ("", "This field is required."),
        ("k7#vQ2x", "shorter than 8 characters"),
        ("password1", "easy to guess"),
        ("ALICE", "shorter than 8"),
        ("alice1990", "easy to guess"),
        ("qwertyuiop", "easy to guess"),
        ("tab\tand more of it", "not everybody can type or see"),
        ("x" * 1025, "1024 characters"),
        (PASSWORD, "This is the password that you have."),
    ],
)
def test_what_is_wrong_with_a_password_is_told_beside_it(
    sqlite_url: str, make_app: MakeApp, new: str, words: str
) -> None:
    """It is not shown again, and the old one stays."""
    home = Site(make_app(sqlite_url))
    home.add_user("alice")
    status, page = send(home.logged_in("alice"), PASSWORD, new)
    assert status == 422
    assert words in page.partition('id="password-error"')[2].partition("</div>")[0]
    assert not new or new not in page
    assert len(home.changes()) == 1


def test_the_user_name_is_no_password() -> None:
    """In whatever spelling, and however long it is."""
    with pytest.raises(BadInput, match="must not be the user name") as caught:
        check_new_password("PURPLE llama  sings", "purple llama sings")
    assert caught.value.field == "password"
    assert check_new_password("purple llama sings", "alice") == "purple llama sings"


def test_a_login_with_the_old_password_that_is_under_way_begins_no_session(home: Site) -> None:
    """Whoever has shown it before, and waits for the lock, is told when they get it."""

    def begin() -> None:
        with home.app.app_context():
            current_guard().begin(alice, "a test", proof=alice.password_hash, work=db)
            db.session.commit()

    boss = Actor(ActorKind.COMMAND_LINE, "boss")
    with home.app.app_context(), ThreadPoolExecutor(1) as others:
        alice = require_person(db, "alice")
        set_password(alice, NEW, boss)
        login = others.submit(begin)
        db.session.commit()
        with pytest.raises(PasswordChanged):
            login.result(PATIENCE)
    assert home.sessions("alice") == {}
    with home.app.test_request_context():
        assert authenticate("alice", NEW).name == "alice"


def test_whoever_has_no_password_of_the_site_is_told_so(home: Site) -> None:
    """There is nothing to be changed for whom others vouch."""
    browser = home.logged_in("alice")
    with home.app.app_context():
        db.session.execute(sa.update(User).values(password_hash=None))
        db.session.commit()
    assert "You have no password of this site." in browser.get_page(PAGE).text
    assert send(browser, PASSWORD, NEW)[0] == 409


def test_the_command_line_sets_one_and_ends_all_sessions(
    database_url: str, make_app: MakeApp, tmp_path: Path
) -> None:
    """The old one logs in no more; one that is easy to guess is refused, and changes nothing."""
    site = Site(make_app(database_url))
    timapp = CommandLine(database_url, tmp_path)
    site.add_user("alice")
    browser = site.logged_in("alice")
    passwd = ("user", "passwd", "alice", "--password-stdin")
    assert "easy to guess" in timapp.refused(*passwd, stdin="letmein1\n")
    assert browser.get(CURRENT).status_code == 200
    said = timapp.done(*passwd, stdin=f"{NEW}\n")
    assert said == "Set the password of alice; 1 session ended.\n"
    assert browser.get(CURRENT).status_code == 403
    assert site.browser().log_in("alice").status_code == 403
    assert site.browser().log_in("alice", NEW).status_code == 200
    assert site.changes()[1].actor_kind is ActorKind.COMMAND_LINE
