"""The login form: what it shows, and what it says when it cannot be taken."""

import re
from html import unescape

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from tests.conftest import MakeApp
from tests.site import PASSWORD, Browser, Site
from timApp.auth import authenticate
from timApp.auth.site import db
from timApp.util.errors import Busy

PAGE = {"Accept": "text/html"}


@pytest.fixture
def alone(sqlite_url: str, make_app: MakeApp) -> Site:
    """A site with one person."""
    site = Site(make_app(sqlite_url))
    site.add_user("alice")
    return site


def send(browser: Browser, **fields: object) -> TestResponse:
    """Send the form of the page."""
    page = browser.get_page("/login").text
    found = re.search(r'name="csrf_token" type="hidden" value="([^"]+)"', page)
    assert found
    content = {"csrf_token": unescape(found[1]), **fields}
    return browser.client.post("/login", data=content, headers=PAGE)


def inputs(page: str) -> dict[str, str]:
    """Return the tags of the fields by name."""
    tags = re.findall(r"<input[^>]*>", page)
    return {tag.partition('name="')[2].partition('"')[0]: tag for tag in tags}


def test_the_form_is_made_for_people_and_their_password_managers(alone: Site) -> None:
    """The name has the focus, browsers know what to fill in, and both are required and short."""
    tags = inputs(alone.browser().get_page("/login").text)
    assert set(tags) == {"csrf_token", "next", "username", "password"}
    for part in ('autocomplete="username"', " autofocus", " required", 'maxlength="255"'):
        assert part in tags["username"]
    for part in ('autocomplete="current-password"', 'type="password"', " required"):
        assert part in tags["password"]
    assert "autofocus" not in tags["password"]


@pytest.mark.parametrize(
    ("fields", "name", "problem"),
    [
        ({"username": "", "password": "x"}, "username", "This field is required."),
        ({"password": "x"}, "username", "This field is required."),
        ({"username": "alice", "password": ""}, "password", "This field is required."),
        (
            {"username": "x" * 256, "password": "x"},
            "username",
            "Field cannot be longer than 255 characters.",
        ),
    ],
)
def test_what_is_wrong_stands_beside_its_field(
    alone: Site, fields: dict[str, str], name: str, problem: str
) -> None:
    """Seen and heard: the field is marked as wrong and refers to the words, once."""
    answer = send(alone.browser(), **fields)
    assert answer.status_code == 422
    tag = inputs(answer.text)[name]
    assert 'aria-invalid="true"' in tag
    assert f'aria-describedby="{name}-errors"' in tag
    beside = answer.text.partition(f'id="{name}-errors"')[2].partition("</div>\n  </div>")[0]
    assert beside.count(problem) == answer.text.count(problem) == 1


def test_a_typed_name_stays_and_the_password_does_not(alone: Site) -> None:
    """After a wrong password only that has to be typed again."""
    answer = send(alone.browser(), username='al"ice', password="secret word", next="/view/exam")
    assert answer.status_code == 403
    assert 'role="alert">Wrong user name or password.<' in answer.text
    tags = inputs(answer.text)
    assert 'value="al&#34;ice"' in tags["username"]
    assert 'value="/view/exam"' in tags["next"]
    assert "secret word" not in answer.text


def test_after_a_wrong_password_that_has_the_focus(alone: Site) -> None:
    """The name was typed already; beside an empty form the name has it."""
    tags = inputs(send(alone.browser(), username="alice", password="wrong").text)
    assert "autofocus" in tags["password"]
    assert "autofocus" not in tags["username"]


def test_a_form_that_is_out_of_date_comes_back_renewed(alone: Site) -> None:
    """With another page's token nobody is logged in, and the page says to try again."""
    browser = alone.browser()
    answer = send(browser, csrf_token="guessed", username="alice", password=PASSWORD)
    assert answer.status_code == 422
    assert "This page was out of date and is renewed now. Please try again." in answer.text
    assert alone.active("alice") == set()


def test_too_many_logins_at_once_are_asked_to_wait(
    alone: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page comes back with 503, what to do, when, and the name that was typed."""

    def refuse(_known: object, _password: str, **_how: object) -> bool:
        raise Busy("Too many people log in right now. Try again in a moment.", retry_after=7)

    monkeypatch.setattr(authenticate, "password_matches", refuse)
    answer = send(alone.browser(), username="alice", password=PASSWORD)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "7")
    assert "Try again in a moment." in answer.text
    assert 'value="alice"' in inputs(answer.text)["username"]


@pytest.mark.parametrize(
    "fields",
    [
        {"username": "alice", "password": PASSWORD, "remember": "yes"},
        {"username": ["alice", "bob"], "password": PASSWORD},
        {"username": "alice", "password": [PASSWORD, PASSWORD]},
    ],
)
def test_a_form_with_more_than_the_page_has_is_refused(
    alone: Site, fields: dict[str, object]
) -> None:
    """Nothing of it is passed over, and nobody is logged in."""
    assert send(alone.browser(), **fields).status_code == 422
    assert alone.active("alice") == set()


def test_the_login_page_needs_no_database(alone: Site) -> None:
    """Whoever has a cookie sees the page while the database fails, and may log in again later."""
    browser = alone.logged_in("alice")
    with alone.app.app_context():
        db.session.execute(sa.text("ALTER TABLE useraccount RENAME TO away"))
        db.session.commit()
    assert browser.get_page("/my-sessions").status_code == 503
    page = browser.get_page("/login")
    assert page.status_code == 200
    assert "alice" not in page.text.lower()
