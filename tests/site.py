"""A site as tests see it: people, documents, browsers."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask, session
from flask.testing import FlaskClient
from flask_login import login_user
from werkzeug.test import TestResponse

from tests.shortcuts import SharedTemplates
from timApp.app import create_app
from timApp.auth.session.util import add_user_session
from timApp.auth.site import db
from timApp.auth.visitor import Visitor
from timApp.document.model import save_document
from timApp.guard.cookie import SESSION_ID_KEY
from timApp.guard.tables.change import SessionChange
from timApp.guard.tables.session import UserSession
from timApp.item.accesstype import AccessType
from timApp.item.block import grant_access
from timApp.user.user import User, create_user, require_user
from timApp.user.usergroup import ADMIN_GROUP, SUPERVISOR_GROUP, require_group
from timApp.util.names import key_of

PASSWORD = "correct horse"

_templates = SharedTemplates()


@contextmanager
def open_app(database_url: str, instance: Path, **options: object) -> Iterator[Flask]:
    """Yield an application on the database, and close its connections afterwards."""
    app = create_app(
        {
            "TESTING": True,
            "SECRET_KEY": "a key for the tests",
            "DATABASE_URL": database_url,
            "INSTANCE_PATH": str(instance),
            **options,
        }
    )
    app.jinja_env.bytecode_cache = _templates
    yield app
    with app.app_context():
        db.engine.dispose()
        # For good: what a host answers later is kept over a connection that nobody would close.
        db.engine.pool.dispose()


def log_in_here(user: User, session_id: str | None) -> None:
    """Log somebody in with that session in the request of this context, as the login does."""
    groups = frozenset(one.name for one in user.groups if one.personal_user_id is None)
    session_is_active = any(one.session_id == session_id for one in user.active_sessions)
    login_user(
        Visitor(
            user.id,
            user.name,
            user.real_name,
            user.email,
            groups,
            session_id,
            session_is_active,
        )
    )
    session[SESSION_ID_KEY] = session_id


class Browser:
    """One cookie jar, with the CSRF token it was given at login."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self.csrf_token = ""
        self.session_id = ""

    def log_in(self, username: str, password: str = PASSWORD) -> TestResponse:
        """Log in as an API caller does."""
        response = self.client.post("/login", json={"username": username, "password": password})
        if response.status_code == 200:
            self.csrf_token = response.json["csrfToken"]  # type: ignore[index]
            self.session_id = response.json["sessionId"]  # type: ignore[index]
        return response

    def log_out(self) -> TestResponse:
        """Log out with the token."""
        return self.post("/logout")

    def get(self, path: str, **options: Any) -> TestResponse:
        """Ask for a page as an API caller does."""
        return self.client.get(path, **options)

    def get_page(self, path: str, **options: Any) -> TestResponse:
        """Ask for a page as a person's browser does."""
        return self.client.get(path, headers={"Accept": "text/html,*/*;q=0.8"}, **options)

    def post(self, path: str, json: object = None, **options: Any) -> TestResponse:
        """Change something with the cookie and the CSRF token."""
        headers = {"X-CSRFToken": self.csrf_token}
        return self.client.post(path, json=json, headers=headers, **options)

    def decide(self, path: str, data: dict[str, Any]) -> TestResponse:
        """Send a supervisor's form; return where that leads to."""
        answer = self.post(path, data=data)
        return self.get_page(answer.location) if answer.status_code == 303 else answer


class Site:
    """The application, and ways to fill it and to look at it."""

    def __init__(self, app: Flask) -> None:
        self.app = app

    def browser(self, user_agent: str = "Firefox") -> Browser:
        """Return a new browser that nobody is logged in with."""
        client = self.app.test_client()
        client.environ_base["HTTP_USER_AGENT"] = user_agent
        return Browser(client)

    def logged_in(self, username: str, user_agent: str = "Firefox") -> Browser:
        """Return a new browser that the user has logged in with."""
        browser = self.browser(user_agent)
        assert browser.log_in(username).status_code == 200
        return browser

    def add_user(self, name: str, groups: Iterable[str] = ()) -> None:
        """Add a user with the password `PASSWORD`."""
        with self.app.app_context():
            create_user(db, name, PASSWORD, real_name=name.title(), groups=groups)
            db.session.commit()

    def add_older_user(self, name: str) -> None:
        """Add a user with a name from before, which nobody may be given any more."""
        self.add_user("older")
        with self.app.app_context():
            user = require_user(db, "older")
            (group,) = user.groups
            user.name = group.name = name
            user.name_key = key_of(name)
            db.session.commit()

    def add_admin(self, name: str = "admin") -> None:
        """Add an administrator."""
        self.add_user(name, [ADMIN_GROUP])

    def add_supervisor(self, name: str = "supervisor") -> None:
        """Add a supervisor of sessions."""
        self.add_user(name, [SUPERVISOR_GROUP])

    def add_document(self, path: str, viewers: Iterable[str] = (), source: str = "# Exam") -> None:
        """Add a document that the users and groups may view."""
        with self.app.app_context():
            document, _ = save_document(db, path, source)
            for name in viewers:
                grant_access(db, document.block, require_group(db, name), AccessType.VIEW)
            db.session.commit()

    def add_exam_hall(self) -> None:
        """Add the exam, the student alice who may view it, and a supervisor."""
        self.add_user("alice")
        self.add_supervisor()
        self.add_document("exam", ["alice"])

    def add_session(self, username: str, session_id: str) -> None:
        """Add a session of that id as a login does."""
        with self.app.app_context():
            add_user_session(require_user(db, username), session_id, "test")
            db.session.commit()

    def blocked(self, user_agent: str = "Firefox") -> Browser:
        """Return a browser in which alice's login is blocked, and that was shown the page."""
        self.logged_in("alice", user_agent)
        browser = self.logged_in("alice", user_agent)
        assert browser.get_page("/view/exam").status_code == 490
        return browser

    def user_id(self, name: str) -> int:
        """Return the id of a user."""
        with self.app.app_context():
            return require_user(db, name).id

    def sessions(self, username: str) -> dict[str, UserSession]:
        """Return the user's sessions by id, read afresh."""
        with self.app.app_context():
            user_id = sa.select(User.id).where(User.name == username).scalar_subquery()
            found = db.session.scalars(sa.select(UserSession).where(UserSession.user_id == user_id))
            return {session.session_id: session for session in found}

    def states(self, username: str) -> dict[str, tuple[object, ...]]:
        """Return all there is to know of the user's sessions."""
        return {
            id_: (s.logged_in_at, s.expired_at, s.logged_out_at, s.origin)
            for id_, s in self.sessions(username).items()
        }

    def active(self, username: str) -> set[str]:
        """Return the ids of the user's active sessions."""
        sessions = self.sessions(username)
        return {id_ for id_, session in sessions.items() if not session.expired}

    def changes(self) -> list[SessionChange]:
        """Return the record of changes, oldest first."""
        with self.app.app_context():
            return list(db.session.scalars(sa.select(SessionChange).order_by(SessionChange.id)))
