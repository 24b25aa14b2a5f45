"""A change of the key that signs: what was signed with a former one is still taken."""

import re
from pathlib import Path

import pytest

from tests.conftest import MakeApp
from tests.live import free_port, live_server
from tests.site import PASSWORD, Site
from timApp.auth.site import current_site
from timApp.guard.waiting.link import ForgedLink

OLD, NEW = "the old key, and a long one", "the new key, and a long one"


def test_a_key_is_changed_and_nobody_is_logged_out(
    sqlite_url: str, make_app: MakeApp, tmp_path: Path
) -> None:
    """Sessions of a former key go on in `timapp run`, with open forms; without it they are over."""
    people = Site(make_app(sqlite_url))
    people.add_user("alice")
    people.add_user("bob")
    port = free_port()
    with live_server(sqlite_url, tmp_path, port=port, SECRET_KEY=OLD) as server:
        alice, bob = server.logged_in("alice"), server.browser()
        assert alice.get("/user/sessions/current").json["valid"] is True
        form = re.search(r'csrf_token" type="hidden" value="([^"]+)', bob.get_page("/login").text)
        assert form
    with live_server(sqlite_url, tmp_path, port=port, SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=[OLD]):
        current = {"sessionId": alice.session_id, "valid": True}
        assert alice.get("/user/sessions/current").json == current
        fields = {"username": "bob", "password": PASSWORD, "csrf_token": form[1]}
        assert bob.submit("/login", fields).status == 200
        assert bob.get("/user/sessions/current").json["valid"] is True
    with live_server(sqlite_url, tmp_path, port=port, SECRET_KEY=NEW):
        assert alice.get("/user/sessions/current").status == 403
        assert bob.get("/user/sessions/current").json["valid"] is True


def test_a_change_with_a_token_of_a_former_key_is_taken(sqlite_url: str, make_app: MakeApp) -> None:
    """A program that has logged in before the change logs out after it with what it was given."""
    before = Site(make_app(sqlite_url, SECRET_KEY=OLD))
    before.add_user("alice")
    browser = before.logged_in("alice")
    cookie = browser.client.get_cookie("timapp")
    assert cookie is not None
    for options, status in (
        ({"SECRET_KEY": NEW, "SECRET_KEY_FALLBACKS": [OLD]}, 200),
        ({"SECRET_KEY": NEW}, 400),
    ):
        later = Site(make_app(sqlite_url, **options)).browser()
        later.client.set_cookie("timapp", cookie.value)
        later.csrf_token = browser.csrf_token
        assert later.post("/logout").status_code == status


def test_a_link_of_a_former_key_is_followed(sqlite_url: str, make_app: MakeApp) -> None:
    """A QR code on a page from before the change still leads to its session; new ones too."""
    former = make_app(sqlite_url, SECRET_KEY=OLD)
    now = make_app(sqlite_url, SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=["an even older key", OLD])
    later = make_app(sqlite_url, SECRET_KEY=NEW)
    with former.app_context():
        old = current_site().links.sign("alice", "one")
    with now.app_context():
        assert current_site().links.read(old).username == "alice"
        new = current_site().links.sign("alice", "one")
    with later.app_context():
        assert current_site().links.read(new).username == "alice"
        with pytest.raises(ForgedLink):
            current_site().links.read(old)
