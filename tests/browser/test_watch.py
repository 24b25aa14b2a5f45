"""Pages that are open and watch over the login that they were made for."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy.engine import make_url

from tests.browser.chromium import PHONE, Window
from tests.browser.conftest import OpenWindow
from tests.browser.hall import (
    EXAM,
    SUPERVISOR,
    Hall,
    blocked_heading,
    enter,
    enter_blocked,
    exam_heading,
    log_in,
    short_code,
    verify,
)
from tests.changes import invalidate_sessions
from tests.site import PASSWORD, Site
from timApp.auth.site import db
from timApp.user.user import require_user

_STATE = re.compile("/user/sessions/state$")
_NO_CONNECTION = "No connection to the server since"
#: How a gateway, a hotel's network or a broken server answer in the site's place.
_STRANGERS: dict[str, dict[str, Any]] = {
    "a page": {"status": 200, "content_type": "text/html", "body": "<h1>Welcome</h1>"},
    "forbidden": {"status": 403, "json": {"error": "Log in first."}},
    "redirected": {"status": 302, "headers": {"Location": "/login"}},
    "a login to the network": {"status": 511, "body": "Log in to the network."},
    "a broken gateway": {"status": 502, "body": "Bad gateway"},
    "other JSON": {"status": 200, "json": {"valid": False, "sessionId": None}},
    "null": {"status": 200, "json": None},
    "anonymous, but not for this page": {"status": 200, "json": {"standing": "anonymous"}},
}


def invalidate(hall: Hall, name: str) -> None:
    """Invalidate the sessions of a person."""

    def work(site: Site) -> None:
        with site.app.app_context():
            invalidate_sessions(require_user(db, name).id, None)
            db.session.commit()

    hall.ask(work)


def open_exam(window: Window, hall: Hall, name: str) -> str:
    """Log in and open the exam; return the session's id."""
    session_id = enter(window, hall, name)
    window.page.goto(hall.url(EXAM))
    expect(exam_heading(window.page)).to_be_visible()
    return session_id


def answer_with(page: Page, **answer: Any) -> Callable[[Route], None]:
    """Let somebody else answer when the page asks for the state; return what does so."""

    def handler(route: Route) -> None:
        route.fulfill(**answer)

    page.route(_STATE, handler)
    return handler


def test_an_open_document_leaves_the_screen_and_comes_back(
    hall: Hall, open_window: OpenWindow
) -> None:
    """Invalidated, the blocked page stands at the same address; verified, the text where it was."""
    name = hall.add_student()
    window = open_window(PHONE)
    page = window.page
    session_id = open_exam(window, hall, name)
    heading = page.get_by_role("article").get_by_role("heading").last
    heading.evaluate("heading => scrollTo(0, heading.getBoundingClientRect().top - 100)")
    place = heading.bounding_box()
    assert place is not None
    assert place["y"] < PHONE[1]

    invalidate(hall, name)
    expect(blocked_heading(page)).to_be_visible()
    expect(page.get_by_role("article")).to_have_count(0)
    expect(page).to_have_url(hall.url(EXAM))
    expect(page).to_have_title(re.compile("expired"))
    assert re.fullmatch("[A-Z]{2}[0-9]{2}", short_code(page))

    hall.ask(lambda site: verify(site, name, session_id))
    expect(exam_heading(page)).to_be_attached()
    expect(page).to_have_url(hall.url(EXAM))
    assert heading.bounding_box() == place
    assert page.evaluate("performance.getEntriesByType('navigation').length") == 1


@pytest.mark.parametrize("answer", _STRANGERS.values(), ids=_STRANGERS)
def test_only_this_site_ends_what_is_on_the_screen(
    hall: Hall, open_window: OpenWindow, answer: dict[str, Any]
) -> None:
    """Whatever somebody else answers in the site's place, the document stays, and is told of it."""
    window = open_window()
    window.expect_status(403, 502, 511)
    page = window.page
    page.clock.install()
    open_exam(window, hall, hall.add_student())
    answer_with(page, **answer)
    for _ in range(3):
        with page.expect_request(_STATE):
            page.clock.run_for(2_000)
    page.clock.run_for(6_000)
    expect(page.get_by_text(_NO_CONNECTION)).to_be_visible()
    expect(exam_heading(page)).to_be_visible()
    page.unroute_all()
    page.clock.run_for(4_000)
    expect(page.get_by_text(_NO_CONNECTION)).to_be_hidden()


def test_a_gateway_does_not_take_the_place_of_the_blocked_page(
    hall: Hall, open_window: OpenWindow
) -> None:
    """The document is gone at once, and the blocked page comes as soon as the site is back."""
    name = hall.add_student()
    window = open_window()
    window.expect_status(502)
    page = window.page
    open_exam(window, hall, name)
    page.route(hall.url(EXAM), lambda route: route.fulfill(status=502, body="<h1>Bad gateway</h1>"))
    invalidate(hall, name)
    expect(page.get_by_text("the page is closed")).to_be_visible()
    expect(page.get_by_role("article")).to_have_count(0)
    page.unroute_all()
    expect(blocked_heading(page)).to_be_visible()


def test_who_is_logged_in_is_told_of_another_login_once(
    hall: Hall, open_window: OpenWindow
) -> None:
    """The open document says when somebody was blocked as them; read, it is not said again."""
    name = hall.add_student()
    window = open_window(PHONE)
    page = window.page
    open_exam(window, hall, name)
    told = page.get_by_role("status").filter(has_text="Somebody tried to log in as you at")
    expect(told).to_be_hidden()
    hall.log_in_elsewhere(name)
    expect(told).to_be_visible()
    expect(told.locator("time")).to_have_text(re.compile("[0-2][0-9]:[0-5][0-9]"))
    expect(exam_heading(page)).to_be_visible()
    page.get_by_role("button", name="I have read it").click()
    expect(told).to_be_hidden()
    page.reload()
    with page.expect_response(_STATE):
        pass
    expect(told).to_be_hidden()
    expect(exam_heading(page)).to_be_visible()


def test_a_phone_without_a_network_says_so(hall: Hall, open_window: OpenWindow) -> None:
    """The blocked page says when it last heard from the server, and its code stays as it is."""
    window = open_window(PHONE)
    window.expect_no_server()
    page = window.page
    page.clock.install()
    enter_blocked(window, hall, hall.add_student())
    expect(page.get_by_text("Last heard from the server at")).to_be_visible()
    code = short_code(page)
    window.context.set_offline(True)
    page.clock.run_for(7_000)
    expect(page.get_by_text(_NO_CONNECTION)).to_be_visible()
    expect(page.get_by_text("Last heard from the server at")).to_be_hidden()
    page.get_by_role("link", name="Try again").tap()
    expect(blocked_heading(page)).to_be_visible()
    assert short_code(page) == code
    window.context.set_offline(False)
    page.get_by_role("link", name="Try again").tap()
    page.clock.run_for(3_000)
    expect(page.get_by_text(_NO_CONNECTION)).to_be_hidden()


def test_a_clock_that_is_set_back_renews_the_code_all_the_same(
    hall: Hall, open_window: OpenWindow
) -> None:
    """The page's own clock counts, whatever the device's says."""
    window = open_window()
    page = window.page
    page.clock.install()
    enter_blocked(window, hall, hall.add_student())
    page.evaluate("document.querySelector('figure').className = 'old'")
    page.evaluate("Date.now = () => 0")
    page.clock.fast_forward("10:00")
    expect(page.locator("figure.old")).to_have_count(0)


def test_other_tabs_notice_who_is_logged_in(hall: Hall, open_window: OpenWindow) -> None:
    """When somebody else logs in in the same browser, the first one's document leaves the screen.

    The login stands there instead, and says who is logged in.
    """
    name, other = hall.add_student(), hall.add_student("Olli Other")
    window = open_window()
    open_exam(window, hall, name)
    tab = window.context.new_page()
    tab.goto(hall.url("/login"))
    tab.get_by_label("User name").fill(other)
    tab.get_by_label("Password").fill(PASSWORD)
    tab.get_by_role("button", name="Log in").click()
    expect(tab.get_by_role("button", name="Log out")).to_be_visible()
    window.page.bring_to_front()
    expect(window.page.get_by_text("You are logged in as Olli Other.")).to_be_visible()
    expect(exam_heading(window.page)).to_have_count(0)
    window.page.get_by_role("link", name="Go on as Olli Other").click()
    expect(window.page).to_have_url(hall.url(EXAM))


def test_a_logout_in_one_tab_ends_the_others(hall: Hall, open_window: OpenWindow) -> None:
    """The others go to the login, from which Back does not show the exam."""
    window = open_window()
    open_exam(window, hall, hall.add_student())
    tab = window.context.new_page()
    tab.goto(hall.url("/my-sessions"))
    tab.get_by_role("banner").get_by_role("button", name="Log out").click()
    window.page.bring_to_front()
    expect(window.page.get_by_label("User name")).to_be_visible()
    tab.go_back()
    expect(tab.get_by_label("User name")).to_be_visible()


def test_a_console_whose_login_ended_goes_to_the_login(hall: Hall, open_window: OpenWindow) -> None:
    """No login page is put into the list."""
    window = open_window(PHONE)
    enter(window, hall, SUPERVISOR)
    window.page.goto(hall.url("/supervise"))
    expect(window.page.get_by_text("Last heard from the server at")).to_be_visible()
    window.context.clear_cookies(name="timapp")
    expect(window.page.get_by_label("Password")).to_be_visible()
    assert window.page.url.startswith(hall.url("/login?next="))


def test_a_gateways_page_is_no_list(hall: Hall, open_window: OpenWindow) -> None:
    """What somebody else answers does not take the place of who waits."""
    student, window = open_window(), open_window(PHONE)
    name = hall.add_student("Siiri Student")
    enter_blocked(student, hall, name)
    enter(window, hall, SUPERVISOR)
    page = window.page
    page.goto(hall.url("/supervise"))
    row = page.get_by_role("listitem").filter(has_text="Siiri Student").filter(has_text=name)
    expect(row).to_be_visible()
    page.route("**/supervise/waiting", lambda route: route.fulfill(body="<h1>Welcome</h1>"))
    for _ in range(2):
        with page.expect_response("**/supervise/waiting"):
            pass
    expect(row).to_be_visible()
    expect(page.get_by_role("heading", name="Welcome")).to_have_count(0)


def test_without_scripts_a_document_is_asked_for_again(hall: Hall, open_window: OpenWindow) -> None:
    """Where JavaScript is off, the page asks for itself, and the blocked one takes its place."""
    name = hall.add_student()
    window = open_window(java_script_enabled=False)
    window.page.goto(hall.url("/login?next=/view/exam"))
    log_in(window, hall.url(EXAM), name)
    expect(exam_heading(window.page)).to_be_visible()
    invalidate(hall, name)
    expect(blocked_heading(window.page)).to_be_visible()
    expect(window.page.get_by_text("Last heard from the server at")).to_be_hidden()


def test_a_page_that_could_not_be_had_comes_by_itself(hall: Hall, open_window: OpenWindow) -> None:
    """When the server cannot answer, the browser asks again, and nobody has to do anything."""
    window = open_window()
    enter(window, hall, hall.add_student())
    file = Path(str(make_url(hall.database_url).database))
    away = file.with_suffix(".away")

    def leave_file(site: Site) -> None:
        """Let no process have it that does not look whether it is still there."""
        with site.app.app_context():
            db.engine.dispose()

    hall.ask(leave_file)
    file.rename(away)
    try:
        window.page.goto(hall.url(EXAM))
        expect(window.page.get_by_text("asks again by itself in a few seconds")).to_be_visible()
    finally:
        away.rename(file)
    expect(exam_heading(window.page)).to_be_visible(timeout=15_000)
    window.faults.clear()  # that it was answered 503
