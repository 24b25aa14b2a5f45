"""What Flask's extensions do, and that none of the application's is disturbed."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from flask import Flask, request
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_babel import Babel, get_locale
from flask_login import LoginManager, current_user, login_user
from flask_sqlalchemy import SQLAlchemy
from flask_wtf.csrf import CSRFProtect, generate_csrf
from sqlalchemy import orm

from tests.embed.conftest import Browser
from tests.embed.hosts import Account, Guest, flask_guest
from tests.site import PASSWORD, Site, open_app
from timApp.embed.flask import UserSessions, current_name, embedded_site


@pytest.fixture
def options(sqlite_url: str, tmp_path: Path) -> dict[str, object]:
    """Where the guard of an application keeps what it knows."""
    return {
        "DATABASE_URL": sqlite_url,
        "INSTANCE_PATH": str(tmp_path),
        "SECRET_KEY": "a key for the tests",
    }


@pytest.fixture
def site(sqlite_url: str, tmp_path: Path) -> Iterator[Site]:
    """The site of its own on the same database."""
    with open_app(sqlite_url, tmp_path) as app:
        yield Site(app)


def test_whoever_is_remembered_has_a_session(options: dict[str, object], site: Site) -> None:
    """A login that Flask-Login takes from its own cookie is one like any other."""
    guest = flask_guest(options)
    with closing(guest.site):
        browser = Browser(guest, "Firefox")
        assert browser.let_in("ann", remember="yes").status_code == 200
        browser.forget("session")
        browser.forget("timapp")
        site_active = site.active("ann")
        assert browser.get().status_code == 490, "beside the session that no cookie leads to now"
        assert site.active("ann") == site_active
        assert len(site.sessions("ann")) == 2


def busy_app(folder: Path, options: dict[str, object]) -> tuple[Flask, Any]:
    """Return an application with extensions of its own, each in use."""
    app = Flask(__name__, instance_path=str(folder))
    app.config |= {
        "SECRET_KEY": "the application's own",
        "SQLALCHEMY_DATABASE_URI": f"sqlite:///{folder / 'own.db'}",
        "BABEL_DEFAULT_LOCALE": "de",
    }
    own = SQLAlchemy(app)

    class Note(own.Model):  # type: ignore[name-defined,misc]
        id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
        text: orm.Mapped[str]

    logins = LoginManager(app)
    logins.user_loader(Account)
    Babel(app)
    CSRFProtect(app)
    admin = Admin(app)
    admin.add_view(ModelView(Note, own))

    @app.get("/")
    def index() -> dict[str, object]:
        notes = own.session.scalars(sa.select(Note.text)).all()
        name = current_user.get_id()
        return {"name": name, "notes": notes, "locale": str(get_locale()), "csrf": generate_csrf()}

    @app.post("/in")
    def let_in() -> str:
        login_user(Account(request.form["name"]))
        return "in"

    @app.post("/note")
    def add() -> str:
        own.session.add(Note(text=request.form["text"]))
        own.session.commit()
        return "added"

    UserSessions(app, options=options)
    with app.app_context():
        own.create_all()
    return app, own


def test_no_extension_of_the_application_is_disturbed(
    options: dict[str, object], site: Site, tmp_path: Path
) -> None:
    """Its database, languages, forms and own administration go on as they did."""
    app, own = busy_app(tmp_path, options)
    with app.app_context():
        guard = embedded_site()
    guest = Guest(httpx.WSGITransport(app=app), guard, [])
    with closing(guard):
        browser = Browser(guest, "Firefox")
        token = browser.get().json()["csrf"]
        assert browser.ask("POST", "/in", data={"name": "ann"}).status_code == 400
        form = {"name": "ann", "csrf_token": token}
        assert browser.ask("POST", "/in", data=form).status_code == 200
        found = browser.get().json()
        assert (found["name"], found["locale"], found["notes"]) == ("ann", "de", [])
        form = {"text": "kept", "csrf_token": found["csrf"]}
        assert browser.ask("POST", "/note", data=form).status_code == 200
        assert browser.get().json()["notes"] == ["kept"]
        assert browser.get("/admin/note/").status_code == 200
        second = Browser(guest, "Chrome")
        form = {"name": "ann", "csrf_token": second.get().json()["csrf"]}
        assert second.ask("POST", "/in", data=form).status_code == 200
        assert second.get("/admin/note/").status_code == 490
        assert browser.get().json()["name"] == "ann"
    with app.app_context():
        names = set(sa.inspect(own.engine).get_table_names())
        own.engine.dispose()
    assert names == {"note"}
    assert set(own.metadata.tables) == {"note"}


def test_without_a_login_of_its_own_people_log_in_at_our_page(
    options: dict[str, object], site: Site
) -> None:
    """And go on where they wanted to go."""
    app = Flask(__name__)

    @app.get("/hello")
    def hello() -> str:
        return f"Hello, {current_name()}."

    UserSessions(app, options=options)
    site.add_user("ann")
    with app.app_context():
        guard = embedded_site()
    guest = Guest(httpx.WSGITransport(app=app), guard, [])
    with closing(guard):
        browser = Browser(guest, "Firefox")
        led = browser.get("/hello?a=1")
        assert (led.status_code, led.headers["Location"]) == (
            302,
            "/_timapp/login?next=%2Fhello%3Fa%3D1",
        )
        form = {"username": "ann", "password": PASSWORD, "next": "/hello?a=1"}
        page = browser.get(led.headers["Location"]).text
        form["csrf_token"] = page.partition('name="csrf_token" type="hidden" value="')[2].partition(
            '"'
        )[0]
        back = browser.ask("POST", "/_timapp/login", data=form)
        assert back.status_code == 302, back.text
        assert back.headers["Location"] == "/hello?a=1"
        assert browser.get("/hello").text == "Hello, ann."


def test_static_files_are_not_guarded(options: dict[str, object], site: Site) -> None:
    """They are the same for everybody, and pages that are blocked want them, too."""
    guest = flask_guest(options)
    with closing(guest.site):
        Browser(guest, "Firefox").let_in("ann")
        second = Browser(guest, "Chrome")
        second.let_in("ann")
        assert second.get().status_code == 490
        assert second.get("/static/nothing.css").status_code == 404
