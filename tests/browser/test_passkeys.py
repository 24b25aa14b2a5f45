"""A passkey from end to end, in a browser whose authenticator is Chromium's virtual one."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, expect

from tests.browser.conftest import OpenWindow
from tests.browser.hall import Hall, log_in, open_hall
from tests.databases import SQLiteDatabases
from tests.live import free_port
from tests.site import PASSWORD, Site
from timApp.auth.site import db
from timApp.user.factor.proof import SessionProof
from timApp.user.usergroup import ADMIN_GROUP
from timApp.util.clock import now

_AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
}


@pytest.fixture
def hall(chromium: Browser, sqlite_databases: SQLiteDatabases, tmp_path: Path) -> Iterator[Hall]:
    """A site that is known by a name: passkeys belong to one."""
    port = free_port()
    url = f"http://localhost:{port}"
    with (
        sqlite_databases.fresh() as database,
        open_hall(database, tmp_path, port=port, SITE_URL=url) as hall,
    ):
        yield hall


def _prove_long_ago(site: Site) -> None:
    with site.app.app_context():
        long_ago = now() - timedelta(hours=1)
        db.session.execute(sa.update(SessionProof).values(proved_at=long_ago))
        db.session.commit()


def test_a_passkey_is_made_logs_in_and_confirms(hall: Hall, open_window: OpenWindow) -> None:
    """All of it with the buttons of the pages; a form that was sent late is carried out with it."""
    hall.add_person("keyholder", "Kerttu Keyholder", ADMIN_GROUP)
    window = open_window()
    window.expect_status(403)  # where the password is wanted again
    page = window.page
    session = window.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": _AUTHENTICATOR})
    there = hall.server.url.replace("127.0.0.1", "localhost")
    log_in(window, there, "keyholder")
    hall.ask(_prove_long_ago)
    page.goto(f"{there}/account/passkeys")
    page.get_by_label("What you call it").fill("my phone")
    page.get_by_role("button", name="Make a passkey").click()
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    page.get_by_label("What you call it").fill("my phone")
    page.get_by_role("button", name="Make a passkey").click()
    expect(page.get_by_text("The passkey my phone is added.")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    page.get_by_label("User name").fill("keyholder")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    hall.ask(_prove_long_ago)
    page.goto(f"{there}/administer/sessions/invalidate-all")
    page.get_by_label("Reason").fill("a drill")
    page.get_by_role("button", name="Invalidate all sessions").click()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_text("No session is active")).to_be_visible()
    assert hall.ask(lambda site: site.changes()[-1].reason) == "a drill"
