"""Everybody who may ask a site something, of each role of `tests.rights`."""

import sqlite3
from contextlib import closing
from pathlib import Path

from flask import Flask
from itsdangerous import URLSafeSerializer
from sqlalchemy.engine import make_url
from werkzeug.test import TestResponse

from tests.rights import ROLES
from tests.signing import SITE_URL
from tests.site import PASSWORD, Site
from timApp.auth.session.util import invalidate_sessions_for
from timApp.auth.site import db
from timApp.net.signature import address_of, sign_request
from timApp.user.usergroup import ADMIN_GROUP, SUPERVISOR_GROUP

SECRET, _TOKEN = "the secret of our hosts", "the token of those who watch"
#: What the site has to be like; rights and sessions are asked for, not the tokens of forms.
OPTIONS = {
    "WTF_CSRF_ENABLED": False,
    "DIST_RIGHTS_RECEIVE_SECRET": SECRET,
    "SITE_URL": SITE_URL,
    "METRICS_TOKEN": _TOKEN,
}
_GROUPS = {"supervisor": SUPERVISOR_GROUP, "administrator": ADMIN_GROUP}


class Everybody:
    """One of each role, on a site of a SQLite database; each request finds it as it was made.

    Beside them there is alice, who is logged in, and a document, the exam, which the students may
    view.
    """

    def __init__(self, app: Flask, folder: Path) -> None:
        """Let them log in; what has to be kept of the database goes into the folder."""
        self.app = app
        self._client = app.test_client(use_cookies=False)
        site = Site(app)
        site.add_user("alice")
        self.session_id = site.logged_in("alice").session_id
        self._known = {role: _log_in(site, role) for role in ROLES if _has_session(role)}
        site.add_document("exam", [_name("student"), _name("blocked student")])
        self._live = str(make_url(app.config["DATABASE_URL"]).database)
        self._kept = str(folder / "kept.db")
        _copy(self._live, self._kept)

    def ask(
        self,
        role: str,
        method: str,
        path: str,
        *,
        query: str = "",
        body: bytes = b"",
        content_type: str | None = None,
    ) -> TestResponse:
        """Return what somebody of the role is answered, read to its end."""
        answer = self._client.open(
            path,
            method=method,
            query_string=query,
            data=body or None,
            content_type=content_type,
            headers=self._headers(role, f"{path}?{query}" if query else path, body),
        )
        answer.get_data()
        answer.close()
        if method != "GET" and answer.status_code < 400:
            _copy(self._kept, self._live)
        return answer

    def _headers(self, role: str, target: str, body: bytes) -> dict[str, str]:
        if role in self._known:
            return self._known[role]
        match role:
            case "host":
                return _signature(target, body, SECRET)
            case "watcher":
                return {"Authorization": f"Bearer {_TOKEN}"}
            case "forger":
                claims = URLSafeSerializer("another key").dumps({"_user_id": "1"})
                name = self.app.config["SESSION_COOKIE_NAME"]
                token = {"Authorization": "Bearer another token", "Cookie": f"{name}={claims!s}"}
                # At the addresses for watchers and for hosts alike.
                return _signature(target, body, "another secret") | token
        return {}


def _has_session(role: str) -> bool:
    return role.rpartition(" ")[2] in {"student", "supervisor", "administrator"}


def _name(role: str) -> str:
    return role.replace(" ", "-")


def _log_in(site: Site, role: str) -> dict[str, str]:
    """Add somebody of the role who is logged in; return the headers by which they are known."""
    group = _GROUPS.get(role.rpartition(" ")[2])
    name = _name(role)
    site.add_user(name, [] if group is None else [group])
    browser = site.browser()
    answer = browser.client.post("/login", json={"username": name, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    if role.startswith("blocked"):
        with site.app.app_context():
            invalidate_sessions_for(name)
            db.session.commit()
    cookies = [one.partition(";")[0] for one in answer.headers.getlist("Set-Cookie")]
    return {"Cookie": "; ".join(cookies), "X-CSRFToken": answer.json["csrfToken"]}  # type: ignore[index]


def _signature(target: str, body: bytes, secret: str) -> dict[str, str]:
    return sign_request(address_of(SITE_URL, target), body, secret).headers


def _copy(source: str, target: str) -> None:
    """Let one database be as the other is, also while somebody has it open."""
    with closing(sqlite3.connect(source)) as of, closing(sqlite3.connect(target)) as to:
        of.backup(to)
