"""A real server tells a real receiver of all that happens, and is asked for the rest."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request

import pytest
import sqlalchemy as sa

from tests.commandline import CommandLine
from tests.live import LiveBrowser, LiveServer, direct_opener, eventually, live_server
from tests.receivers.inbox import Inbox, read_set
from tests.site import Site
from timApp.auth.site import db
from timApp.guard.tables.session import UserSession
from timApp.receivers.event import reference_of
from timApp.receivers.securityevent import SESSION_REVOKED

#: The events that there are to be told of here.
FIVE = {f"session.{one}" for one in ("blocked", "verified", "invalidated", "ended", "copied")}


@pytest.fixture
def command_line(site: Site, tmp_path: Path) -> CommandLine:
    """The command line of the site, which knows the server by an address."""
    run = CommandLine(site.app.config["DATABASE_URL"], tmp_path)
    run.env |= {"TIM_SITE_URL": "http://127.0.0.1", "TIM_WEBHOOK_NETWORKS": '["127.0.0.1"]'}
    return run


def poll(server: LiveServer, path: str, token: str, content: object) -> Any:
    """Fetch as a receiver does."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = Request(server.url + path, json.dumps(content).encode(), headers)
    with direct_opener(LiveBrowser(server.url).cookies).open(request) as answer:
        return json.loads(answer.read())


def copied(owner: LiveBrowser) -> LiveBrowser:
    """Return a browser with a copy of a browser's cookies."""
    thief = LiveBrowser(owner.base_url, "Chrome")
    for cookie in owner.cookies:
        thief.cookies.set_cookie(cookie)
    return thief


def let_pass(site: Site, seconds: float) -> None:
    """Let so much time pass for the cookies: what was noted of them is that much older."""
    with site.app.app_context():
        for session in db.session.scalars(sa.select(UserSession)):
            if session.token_since is not None:
                session.token_since -= timedelta(seconds=seconds)
        db.session.commit()


def test_a_server_tells_of_all_that_happens(
    site: Site, inbox: Inbox, command_line: CommandLine, tmp_path: Path
) -> None:
    """Blocked, verified, invalidated, ended and copied arrive; what is revoked can be fetched."""
    site.add_exam_hall()
    site.add_admin()
    secret = command_line.done("webhook", "add", "moodle", inbox.url).strip()
    token, address = command_line.done("webhook", "add", "siem", "--kind", "ssf-poll").split()
    path = urlsplit(address).path
    database_url = site.app.config["DATABASE_URL"]
    networks = ["127.0.0.0/8"]
    folder = tmp_path / "live"
    with live_server(database_url, folder, workers=2, WEBHOOK_NETWORKS=networks) as server:
        first, second = server.logged_in("alice"), server.logged_in("alice")
        admin = server.logged_in("admin")
        for action in ("verify", "invalidate", "end"):
            said = {"session_id": second.session_id}
            assert admin.post(f"/user/sessions/alice/{action}", said).status == 200
        third = server.logged_in("alice")
        thief = copied(third)
        let_pass(site, 61)

        def uses_new_cookie() -> bool | None:
            # What is to be written down of it is left out while somebody else writes.
            third.get_page("/view/exam")
            return site.sessions("alice")[third.session_id].token_used > 0 or None

        eventually(uses_new_cookie)
        let_pass(site, 11)
        assert thief.get_page("/view/exam").status == 490

        def told() -> dict[tuple[str, str], Any] | None:
            said = [one.verified(secret) for one in list(inbox.got)]
            found = {(one["type"], one["data"]["session"]): one["data"] for one in said}
            return found if len({kind for kind, _ in found}) == len(FIVE) else None

        found = eventually(told)
        assert {kind for kind, _ in found} == FIVE
        of = {one: reference_of(one.session_id) for one in (first, second, third)}
        assert found["session.verified", of[second]]["by"] == {"kind": "user", "name": "admin"}
        assert found["session.invalidated", of[first]]["cause"] == "another verified"
        assert ("session.copied", of[third]) in found
        assert ("session.blocked", of[second]) in found
        fetched = eventually(lambda: revoked(server, path, token, 4))
        keys = server.browser().get("/ssf/jwks.json").json
        claims = [read_set(one, keys)[1] for one in fetched.values()]
        assert all(SESSION_REVOKED in one["events"] for one in claims)
        assert {one["sub_id"]["session"]["id"] for one in claims} == set(of.values())
        assert poll(server, path, token, {"ack": list(fetched)})["sets"] == {}


def revoked(server: LiveServer, path: str, token: str, count: int) -> dict[str, str] | None:
    """Return the tokens that are there to be fetched, if they are so many."""
    sets: dict[str, str] = poll(server, path, token, {})["sets"]
    return sets if len(sets) >= count else None
