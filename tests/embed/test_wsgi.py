"""A WSGI program in front of which people log in at timApp's own page."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy.engine import make_url
from werkzeug.test import create_environ, run_wsgi_app

from tests.embed.conftest import Browser
from tests.embed.hosts import Guest
from tests.live import eventually
from tests.site import PASSWORD, Site, open_app
from timApp.auth.site import db
from timApp.database.dialects.sqlitefile import NoDatabaseFile
from timApp.embed.wsgi import guarded
from timApp.user.people import Identity


def told(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Say who asks, as it is told to programs."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    names = sorted(name for name in environ if "REMOTE_" in name and name != "REMOTE_ADDR")
    return [", ".join(f"{name}={environ[name]}" for name in names).encode()]


@pytest.fixture
def site(sqlite_url: str, tmp_path: Path) -> Iterator[Site]:
    """The site of its own on the same database, with somebody to log in."""
    with open_app(sqlite_url, tmp_path) as app:
        site = Site(app)
        site.add_user("ann")
        yield site


@pytest.fixture
def guest(site: Site, sqlite_url: str, tmp_path: Path) -> Iterator[Guest]:
    """The program, guarded, on the same database."""
    options = {
        "DATABASE_URL": sqlite_url,
        "INSTANCE_PATH": str(tmp_path),
        "SECRET_KEY": "a key for the tests",
    }
    program = guarded(told, options=options)
    with closing(program.site):
        yield Guest(httpx.WSGITransport(app=program), program.site, [])


def logged_in(guest: Guest, agent: str) -> Browser:
    """Return a browser that ann has logged in with."""
    browser = Browser(guest, agent)
    credentials = {"username": "ann", "password": PASSWORD}
    assert browser.ask("POST", "/_timapp/login", json=credentials).status_code == 200
    return browser


def test_the_program_is_told_who_asks(guest: Guest) -> None:
    """By the variable that every server tells it by; nothing of a client's gets there."""
    browser = logged_in(guest, "Firefox")
    forged = {"Remote-User": "root", "Remote_User": "root", "Remote-Groups": "Administrators"}
    forged["Remote-Email"] = "root@example.org"
    assert browser.get(headers=forged).text == "REMOTE_USER=ann"
    nobody = Browser(guest, "Chrome").get("/", headers=forged)
    assert nobody.status_code == 302


def test_the_second_browser_is_blocked(guest: Guest) -> None:
    """In the place of the program's answer."""
    logged_in(guest, "Firefox")
    assert logged_in(guest, "Chrome").get().status_code == 490


def test_a_program_may_begin_its_answer_anew(sqlite_url: str, tmp_path: Path, site: Site) -> None:
    """As PEP 3333 lets it after an error: one session begins, and its cookie is sent."""

    def program(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ["example.name"] = "bob"
        start_response("200 OK", [])
        start_response("500 Oh", [], (ValueError, ValueError(), None))
        return [b""]

    options = {
        "DATABASE_URL": sqlite_url,
        "INSTANCE_PATH": str(tmp_path),
        "SECRET_KEY": "a key for the tests",
    }

    def who(environ: dict[str, Any]) -> Identity | None:
        name = environ.get("example.name")
        return None if name is None else Identity(name)

    guard = guarded(program, who, options)
    answers: list[tuple[str, list[tuple[str, str]]]] = []

    def start(status: str, headers: list[tuple[str, str]], *_: Any) -> Any:
        answers.append((status, headers))

    with closing(guard.site):
        guard(create_environ("/"), start)
    assert [status for status, _ in answers] == ["200 OK", "500 Oh"]
    first, second = (dict(headers)["Set-Cookie"] for _, headers in answers)
    assert first == second
    assert len(site.sessions("bob")) == 1


@pytest.mark.parametrize("who", [None, lambda _: Identity("ben")])
def test_a_database_that_is_away_is_said_in_the_place_of_the_program(
    sqlite_url: str, tmp_path: Path, site: Site, who: Any
) -> None:
    """As timApp's own server does: a page asks again by itself, what was sent is not repeated."""
    options = {"DATABASE_URL": sqlite_url, "INSTANCE_PATH": str(tmp_path), "SECRET_KEY": "k" * 16}
    asked: list[str] = []

    def program(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        asked.append(environ["REQUEST_METHOD"])
        return told(environ, start_response)

    guard = guarded(program, who, options)
    with closing(guard.site):
        guest = Guest(httpx.WSGITransport(app=guard), guard.site, [])
        browser = Browser(guest, "Firefox") if who else logged_in(guest, "Firefox")
        assert browser.get().status_code == 200
        with site.app.app_context():
            db.engine.dispose()
        file = Path(str(make_url(sqlite_url).database))
        away = file.rename(file.with_suffix(".away"))
        # Whatever reads notices it within ten milliseconds.
        eventually(lambda: browser.get().status_code == 503 or None)
        asked.clear()
        for method in ("GET", "POST"):
            answer = browser.ask(method, "/")
            assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
            assert ("Refresh" in answer.headers) is (method == "GET")
            assert ("asks again by itself" in answer.text) is (method == "GET")
        away.rename(file)
        assert asked == []
        assert browser.get().status_code == 200


def test_no_page_offers_a_logout_that_does_not_log_out(
    sqlite_url: str, tmp_path: Path, site: Site
) -> None:
    """As where the application has its own login, and nobody has said how it logs out."""
    options = {"DATABASE_URL": sqlite_url, "INSTANCE_PATH": str(tmp_path), "SECRET_KEY": "k" * 16}
    program = guarded(told, lambda _: Identity("ben"), options)
    with closing(program.site):
        guest = Guest(httpx.WSGITransport(app=program), program.site, [])
        browser, second = Browser(guest, "Firefox"), Browser(guest, "Chrome")
        assert browser.get().status_code == 200
        page = browser.get("/_timapp/my-sessions")
        assert page.status_code == 200
        blocked = second.get()
        assert blocked.status_code == 490
        for text in (page.text, blocked.text):
            assert "Log out" not in text
        assert browser.get("/_timapp/login?next=/_timapp/").headers["Location"].startswith("/?")
        environ = create_environ("/_timapp/login", "http://localhost") | {"SCRIPT_NAME": "/shop"}
        _, status, headers = run_wsgi_app(program, environ)
        assert (status, headers["Location"]) == ("302 FOUND", "/shop/")


def test_a_name_that_is_no_parameter_is_refused(guest: Guest, sqlite_url: str) -> None:
    """A path that is open by a mistyped name would be closed, and nobody would know why."""
    mistyped: Any = {"open_to_blockd": ["/help/*"]}
    with pytest.raises(TypeError, match="open_to_blockd"):
        guarded(told, options={"DATABASE_URL": sqlite_url}, **mistyped)


def test_without_its_database_it_does_not_begin(tmp_path: Path) -> None:
    """And says what to run."""
    options = {
        "DATABASE_URL": f"sqlite:///{tmp_path / 'none.db'}",
        "INSTANCE_PATH": str(tmp_path),
        "SECRET_KEY": "a key for the tests",
    }
    with pytest.raises(NoDatabaseFile, match="timapp db upgrade"):
        guarded(told, options=options)
