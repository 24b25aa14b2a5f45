"""Asks every address as everybody, for docs/access.md: `python -m tests.access_table`."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from werkzeug.routing import Rule

from tests.databases import SQLiteDatabases
from tests.site import Browser, Site, open_app
from timApp.auth.session.util import invalidate_sessions_for
from timApp.auth.site import db

ACCESS = Path(__file__).parents[1] / "docs" / "access.md"
_BEGIN, _END = "<!-- asked -->\n", "<!-- end -->\n"
_VALUES = {"user": "alice", "path": "exam", "token": "none"}

#: What a request has to say that is looked at before who asks.
_BODIES = {
    "sessions.validate_remote_session": {"username": "alice"},
    "sessions.invalidate_remote_session": {"username": "alice"},
    "hosts.sessions": {"username": "alice"},
    "login.log_in": {"username": "alice", "password": "wrong"},
}
#: That the table is about: rights and sessions, not tokens; and people log in over and over.
OPTIONS = {
    "WTF_CSRF_ENABLED": False,
    "SESSIONS_MAX_CONCURRENT_SESSIONS_PER_USER": None,
    "DIST_RIGHTS_RECEIVE_SECRET": "of servers",
}


def _blocked(site: Site) -> Browser:
    browser = site.logged_in("alice")
    with site.app.app_context():
        invalidate_sessions_for("alice")
        db.session.commit()
    return browser


#: Who asks, and how they come to a browser.
_PEOPLE: dict[str, Callable[[Site], Browser]] = {
    "nobody": lambda site: site.browser(),
    "blocked": _blocked,
    "student": lambda site: site.logged_in("bob"),
    "supervisor": lambda site: site.logged_in("supervisor"),
    "administrator": lambda site: site.logged_in("admin"),
}


def table(site: Site) -> str:
    """Return who gets through at each address; the site is as `fill` leaves it."""
    lines = [
        "| address | " + " | ".join(_PEOPLE) + " |",
        "|---" * (len(_PEOPLE) + 1) + "|",
    ]
    for method, rule in _addresses(site):
        cells = [_outcome(site, method, rule, come) for come in _PEOPLE.values()]
        lines.append(f"| `{method} {rule.rule}` | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def fill(site: Site) -> None:
    """Add the people who ask, and an exam that the students may view."""
    site.add_exam_hall()
    site.add_user("bob")
    site.add_document("exam", ["bob"])
    site.add_admin()


def written(text: str, found: str) -> str:
    """Return the text with the table in its place."""
    before, _, rest = text.partition(_BEGIN)
    return f"{before}{_BEGIN}{found}{_END}{rest.partition(_END)[2]}"


def _addresses(site: Site) -> list[tuple[str, Rule]]:
    found = [
        (method, rule)
        for rule in site.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not rule.endpoint.endswith("static")
    ]
    return sorted(found, key=lambda one: (one[1].rule, one[0]))


def _outcome(site: Site, method: str, rule: Rule, come: Callable[[Site], Browser]) -> str:
    with site.app.test_request_context():
        values = {name: _VALUES[name] for name in rule.arguments}
        _, path = rule.build(values) or ("", "")
    browser = come(site)
    body = _BODIES.get(rule.endpoint)
    response = browser.get(path) if method == "GET" else browser.post(path, body)
    if response.status_code == 490:
        return "490"
    if rule.endpoint.startswith("hosts.") and response.status_code == 400:
        return "-"
    is_wrong_password = rule.endpoint == "login.log_in"
    return "-" if response.status_code == 403 and not is_wrong_password else "yes"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        databases = SQLiteDatabases(Path(folder))
        with databases.fresh() as url, open_app(url, Path(folder), **OPTIONS) as app:
            fill(Site(app))
            ACCESS.write_text(written(ACCESS.read_text("utf-8"), table(Site(app))), "utf-8")
