"""Safe Exam Browser in windows of a real browser: what its scripts say, and what a copy shows."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page, Request, Route, expect

from tests.browser.chromium import PHONE
from tests.browser.conftest import OpenWindow
from tests.browser.hall import (
    EXAM,
    SUPERVISOR,
    Hall,
    enter,
    enter_blocked,
    exam_heading,
    log_in,
)
from tests.site import Site
from timApp.auth.site import db
from timApp.document.exam import set_documents
from timApp.guard.exams.browser import BrowserPlan, have_file
from timApp.guard.exams.plan import ExamPlan, add_exam
from timApp.guard.exams.sebfile import SebSite
from timApp.guard.rules.exambrowser import BrowserRule, hash_of
from timApp.util.clock import now

SEB = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 SEB/3.5"
#: As macOS and iOS have it: the keys are there after they were asked for, for the page's address.
API = """
window.SafeExamBrowser = {
  version: "SEB_macOS_3.5",
  security: {
    configKey: "", browserExamKey: "",
    async updateKeys(callback) {
      const text = new TextEncoder().encode(location.href.split("#")[0] + "KEY");
      const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", text));
      this.configKey = [...bytes].map((one) => one.toString(16).padStart(2, "0")).join("");
      callback();
    },
  },
};
"""


def plan(hall: Hall, name: str) -> tuple[int, str]:
    """Let an exam run that one person sits, in the browser alone; return its number and key."""

    def add(site: Site) -> tuple[int, str]:
        with site.app.app_context():
            browser, hour = BrowserPlan(BrowserRule.REQUIRED), timedelta(hours=1)
            exam = add_exam(
                db,
                ExamPlan(f"Exam of {name}", now() - hour, now() + hour, [name], browser=browser),
            )
            have_file(exam, SebSite(hall.url("/")))
            # Of each test its own, beside the exams of the others.
            set_documents(db, exam, ["exam"])
            db.session.commit()
            return exam.id, exam.seb_key or ""

    return hall.ask(add)


def show_key(page: Page, key: str) -> None:
    """Let each request have the header that a browser with the key sends."""

    def send(route: Route, request: Request) -> None:
        shown = {"X-SafeExamBrowser-ConfigKeyHash": hash_of(request.url, key)}
        route.continue_(headers={**request.headers, **shown})

    page.route("**/*", send)


def test_the_browsers_of_macos_and_ios_tell_their_key_by_a_script(
    hall: Hall, open_window: OpenWindow
) -> None:
    """The page that was refused opens by itself; another key opens nothing."""
    name = hall.add_student()
    number, key = plan(hall, name)
    window = open_window(user_agent=SEB)
    window.expect_status(403)
    enter(window, hall, name)
    window.page.add_init_script(API.replace("KEY", key))
    window.page.goto(hall.url(f"{EXAM}#part"))
    expect(exam_heading(window.page)).to_be_visible()
    window.page.goto(hall.url(f"/seb/exam/{number}"))
    expect(window.page.get_by_text("This is Safe Exam Browser with the settings")).to_be_visible()

    other = hall.add_student()
    plan(hall, other)
    wrong = open_window(user_agent=SEB)
    wrong.expect_status(403)
    enter(wrong, hall, other)
    wrong.page.add_init_script(API.replace("KEY", key))
    with wrong.page.expect_response("**/seb/key") as told:
        wrong.page.goto(hall.url(EXAM))
    assert told.value.json() == {"state": "wrong"}
    way = wrong.page.get_by_role("link", name="Open it in Safe Exam Browser")
    expect(way).to_be_visible()
    way.click()
    link = wrong.page.get_by_role("link", name="Open it in Safe Exam Browser")
    assert (link.get_attribute("href") or "").startswith("seb://")


def test_a_replayed_key_opens_the_exam_and_stands_out(
    own_hall: Hall, open_window: OpenWindow
) -> None:
    """In an ordinary Chromium it is right, and the supervisor's row says that it is not SEB."""
    hall = own_hall
    name = hall.add_student()
    _, key = plan(hall, name)
    window = open_window()
    window.expect_status(490)
    show_key(window.page, key)
    enter_blocked(window, hall, name)
    desk = open_window()
    log_in(desk, hall.url("/supervise"), SUPERVISOR)
    said = "Right key, but not Safe Exam Browser"
    expect(desk.page.get_by_text(said)).to_be_visible()
    desk.page.get_by_role("link", name=name.title()).click()
    expect(desk.page.get_by_text(said).first).to_be_visible()


def test_handing_in_serves_the_quit_link(hall: Hall, open_window: OpenWindow) -> None:
    """After it, one press leads to the address at which the exam browser ends."""
    name = hall.add_student()
    number, key = plan(hall, name)
    window = open_window(user_agent=SEB)
    show_key(window.page, key)
    enter(window, hall, name)
    window.page.goto(hall.url(EXAM))
    window.page.get_by_role("link", name="Hand in").click()
    window.page.get_by_role("button", name="Hand in for good").click()
    window.page.get_by_role("link", name="Quit Safe Exam Browser").click()
    expect(window.page.get_by_role("heading", name="Safe Exam Browser ends here")).to_be_visible()
    assert window.page.url == hall.url(f"/seb/exam/{number}/quit")


@pytest.mark.parametrize("size", [PHONE])
def test_an_administrator_sets_it_up_on_a_phone(
    hall: Hall, open_window: OpenWindow, size: tuple[int, int]
) -> None:
    """The exam asks for it, a key that is none is told, and a file of one's own takes its place."""
    hall.ask(lambda site: site.add_admin("boss"))
    window = open_window(size)
    window.expect_status(422)
    page = window.page
    log_in(window, hall.url("/administer/exams"), "boss")
    page.get_by_label("Title").fill("Geometry")
    page.get_by_label("Begins").fill("2090-12-01T09:00")
    page.get_by_label("Ends").fill("2090-12-01T12:00")
    page.get_by_label("Safe Exam Browser", exact=True).select_option("required")
    page.get_by_label("Config Key").fill("abc")
    page.get_by_role("button", name="Add the exam").click()
    expect(page.get_by_role("alert")).to_contain_text("is no key of Safe Exam Browser")
    page.get_by_label("Config Key").fill("")
    page.get_by_role("button", name="Add the exam").click()
    expect(page.get_by_role("alert")).to_contain_text("is added")
    page.get_by_role("link", name="Safe Exam Browser").first.click()
    link = page.get_by_role("link", name="seb://")
    expect(link).to_be_visible()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= size[0]
    file = {"name": "x.seb", "mimeType": "application/seb", "buffer": b"pswd"}
    page.get_by_label("File of settings").set_input_files(file)  # type: ignore[arg-type]
    page.get_by_role("button", name="Upload the file").click()
    expect(page.get_by_role("alert")).to_contain_text("This file is encrypted")
    page.get_by_label("Password that lets people out").fill("let me out")
    page.get_by_role("button", name="Make the file anew").click()
    expect(page.get_by_role("alert")).to_contain_text("has other settings now")
