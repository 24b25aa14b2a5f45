"""Links that supervisors follow, whatever has become of them, and what they do then."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from playwright.sync_api import expect

from tests.browser.chromium import PHONE
from tests.browser.conftest import OpenWindow
from tests.browser.hall import (
    EXAM,
    SUPERVISOR,
    Hall,
    enter,
    enter_blocked,
    exam_heading,
    open_hall,
    verified_heading,
    verify_button,
)
from tests.databases import SQLiteDatabases
from tests.live import free_port, live_server
from timApp.guard.vocabulary import Action
from timApp.guard.waiting.link import LINK_LIFETIME

SECRET = "the secret of the hosts"


def test_a_forged_link_shows_nobody(hall: Hall, open_window: OpenWindow) -> None:
    """A link with another signature says that it was not made here, and offers nothing to do."""
    name = hall.add_student()
    session_id = hall.log_in_elsewhere(name).session_id
    content, _, signature = hall.token(name, session_id).rpartition(".")
    phone = open_window(PHONE)
    phone.expect_status(422)
    enter(phone, hall, SUPERVISOR)
    for token in (f"{content}.{signature[::-1]}", "x", f"{content}."):
        phone.page.goto(hall.url(f"/supervise/link/{token}"))
        expect(phone.page.get_by_text("was not made by a server of this site")).to_be_visible()
        expect(phone.page.get_by_role("main")).not_to_contain_text(name)
        expect(phone.page.get_by_role("main").get_by_role("button")).to_have_count(0)


def test_an_expired_link_shows_nobody(hall: Hall, open_window: OpenWindow) -> None:
    """A link that is too old says so, and offers to type the code of the page."""
    name = hall.add_student()
    session_id = hall.log_in_elsewhere(name).session_id
    with time_machine.travel(datetime.now(UTC) - timedelta(seconds=LINK_LIFETIME + 2), tick=False):
        token = hall.token(name, session_id)
    phone = open_window(PHONE)
    phone.expect_status(422)
    enter(phone, hall, SUPERVISOR)
    phone.page.goto(hall.url(f"/supervise/link/{token}"))
    expect(phone.page.get_by_text("This link is too old. Scan the code")).to_be_visible()
    expect(phone.page.get_by_role("button", name="Verify")).to_have_count(0)
    expect(phone.page.get_by_role("main")).not_to_contain_text(name)
    expect(phone.page.get_by_label("Name, seat, short code or scanned link")).to_be_focused()


def test_a_link_is_spent_by_the_verification(hall: Hall, open_window: OpenWindow) -> None:
    """Followed again after it, a link says so, offers nothing to do and changes nothing."""
    name = hall.add_student()
    student, phone = open_window(), open_window(PHONE)
    session_id = enter_blocked(student, hall, name)
    with time_machine.travel(datetime.now(UTC) - timedelta(seconds=5), tick=False):
        link = hall.url(f"/supervise/link/{hall.token(name, session_id)}")
    enter(phone, hall, SUPERVISOR)
    phone.page.goto(link)
    chosen = phone.page.get_by_role("region").filter(has_text="scanned or chose")
    expect(chosen.get_by_role("definition").first).to_have_text("Blocked: over the limit")
    verify_button(phone.page).tap()
    expect(verified_heading(phone.page, name.title())).to_be_visible()

    changes = len(hall.ask(lambda site: site.changes()))
    phone.expect_status(422)
    for _ in range(2):
        phone.page.goto(link)
        expect(phone.page.get_by_text("This link is spent")).to_be_visible()
        expect(chosen).to_have_count(0)
    assert hall.active(name) == {session_id}
    assert len(hall.ask(lambda site: site.changes())) == changes
    expect(exam_heading(student.page)).to_be_visible()


@pytest.mark.parametrize("action", [Action.VERIFY, Action.INVALIDATE])
def test_the_reason_is_kept(hall: Hall, open_window: OpenWindow, action: Action) -> None:
    """What the supervisor did is recorded with their words for why, and it takes effect."""
    name = hall.add_student()
    active, blocked, phone = open_window(), open_window(), open_window(PHONE)
    active_id = enter(active, hall, name)
    blocked_id = enter(blocked, hall, name)
    enter(phone, hall, SUPERVISOR)
    phone.page.goto(hall.url(f"/supervise/person?user={name}"))
    card = phone.page.get_by_role("region").filter(
        has_text="Blocked" if action is Action.VERIFY else "Active"
    )
    card.get_by_label("Reason").fill("Computer 7 broke: “smoke”")
    button = "Verify this one" if action is Action.VERIFY else "Invalidate"
    card.get_by_role("button", name=button).tap()
    heading = "Verified" if action is Action.VERIFY else "Invalidated"
    expect(phone.page.get_by_role("heading", name=f"{heading}: {name.title()}")).to_be_visible()

    change = hall.ask(lambda site: site.changes())[-1]
    assert (change.action, change.actor) == (action, SUPERVISOR)
    assert change.reason == "Computer 7 broke: “smoke”"
    assert change.session_id == (blocked_id if action is Action.VERIFY else active_id)
    assert hall.active(name) == ({blocked_id} if action is Action.VERIFY else set())
    for window, may_read in ((active, False), (blocked, action is Action.VERIFY)):
        answer = window.page.goto(hall.url(EXAM))
        assert answer is not None
        assert answer.status == (200 if may_read else 490)


def test_the_outcome_says_what_came_of_it_host_by_host(
    sqlite_databases: SQLiteDatabases, open_window: OpenWindow, tmp_path: Path
) -> None:
    """A host that answers and one that does not are told apart, and the latter is asked again."""
    port = free_port()
    late = f"http://127.0.0.1:{port}"
    receive: dict[str, Any] = {"DIST_RIGHTS_RECEIVE_SECRET": SECRET}
    with (
        sqlite_databases.fresh() as here_url,
        sqlite_databases.fresh() as there_url,
        open_hall(there_url, tmp_path / "there", **receive) as there,
        open_hall(
            here_url,
            tmp_path / "here",
            DIST_RIGHTS_HOSTS={"exam": {"hosts": [there.server.url, late]}},
            DIST_RIGHTS_SEND_SECRET=SECRET,
            SESSIONS_VERIFY_TARGETS=["exam"],
        ) as here,
    ):
        name = here.add_student()
        there.add_person(name, "Siiri Student")
        session_there = there.log_in_elsewhere(name).session_id
        session_id = here.log_in_elsewhere(name).session_id
        supervisor = open_window()
        enter(supervisor, here, SUPERVISOR)
        page = supervisor.page
        page.goto(here.url(f"/supervise/person?user={name}"))
        expect(page.get_by_role("region").filter(has_text=there.server.url)).to_have_count(2)
        card = page.get_by_role("region").filter(has_text="This server")
        expect(card.get_by_role("checkbox", name="exam")).to_be_checked()
        card.get_by_role("button", name="Verify this one").click()

        hosts = page.get_by_role("region", name="Verified").get_by_role("listitem")
        expect(page.get_by_role("status")).to_have_text("Verified on this server.")
        expect(hosts).to_have_count(2)
        expect(hosts.filter(has_text=there.server.url)).to_contain_text("done")
        expect(hosts.filter(has_text=late)).to_contain_text("Connection refused")
        assert here.active(name) == {session_id}
        # The verified session is on the other server, so the one over there is over.
        assert session_there not in there.active(name)

        again = page.get_by_role("button", name="Ask the failed hosts again")
        again.click()
        expect(hosts.filter(has_text=late)).to_contain_text("Connection refused")
        with live_server(there_url, tmp_path / "late", port=port, **receive):
            again.click()
            expect(hosts.filter(has_text=late)).to_contain_text("done")
        expect(again).to_have_count(0)
