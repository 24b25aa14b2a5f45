"""Every page of the site, and how to get there: what is true of all of them is tested on each."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

from playwright.sync_api import Page, expect

from tests.browser.chromium import Window
from tests.browser.hall import EXAM, Hall, enter, verify_button
from timApp.user.usergroup import ADMIN_GROUP, SUPERVISOR_GROUP

_NOBODY, _STUDENT, _BLOCKED = "nobody", "student", "blocked"
_SITTER = "sitter"
_NEWCOMER, _SUPERVISOR, _ADMIN = "newcomer", "supervisor", "admin"
_GROUPS = {_NEWCOMER: [], _SUPERVISOR: [SUPERVISOR_GROUP], _ADMIN: [ADMIN_GROUP]}

_FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0"
_SAFARI = (
    "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/17.5 Mobile/15E148 Safari/604.1"
)

_visitors, _exams = count(1), count(1)


def _nothing(page: Page) -> None:
    """Stay on the page as it is."""


@dataclass(frozen=True)
class SitePage:
    """A page as somebody sees it."""

    name: str
    #: nobody, student, sitter (a student in an exam), blocked (a student who waits), newcomer
    #: (with no rights), supervisor, admin
    visitor: str
    #: The address; `{student}`, `{session}` and `{token}` are those of a student who waits.
    path: str
    status: int = 200
    #: What is done on that page to get to the one that is meant.
    then: Callable[[Page], None] = _nothing
    #: Whether a student waits.
    somebody_waits: bool = True


def _fail_to_log_in(page: Page) -> None:
    page.get_by_label("User name").fill("nobody")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_be_visible()


def _log_in_without_a_name(page: Page) -> None:
    page.get_by_label("User name").fill(" ")
    page.get_by_label("User name").evaluate("field => field.form.noValidate = true")
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("[aria-invalid=true]").first).to_be_visible()


def _refused_password(page: Page) -> None:
    page.get_by_label("Password that you have").fill("wrong")
    page.get_by_label("New password", exact=True).fill("purple llama sings")
    page.get_by_role("button", name="Set the new password").click()
    expect(page.get_by_text("This is not your password.")).to_be_visible()


def _prove_wrongly(page: Page) -> None:
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("This is not your password.")).to_be_visible()


def _verify(page: Page) -> None:
    verify_button(page).click()
    expect(page.get_by_role("heading", name="Verified: ")).to_be_visible()


def _invalidate(page: Page) -> None:
    page.get_by_text(re.compile("other session")).click()
    page.get_by_role("button", name="Invalidate").first.click()
    expect(page.get_by_role("heading", name="Invalidated: ")).to_be_visible()


def _verify_all_of_the_page(page: Page) -> None:
    page.get_by_label("Select all on this page").check()
    page.get_by_role("button", name="Verify selected").click()
    expect(page.get_by_role("alert").first).to_contain_text("is verified")
    expect(page.get_by_role("alert").last).to_contain_text("not verified")


def _invalidate_all_of_the_page(page: Page) -> None:
    page.get_by_label("Select all on this page").check()
    page.get_by_role("button", name="Invalidate selected").click()
    expect(page.get_by_role("alert")).to_contain_text("invalidated")


def _fill_in_exam(page: Page, groups: str) -> None:
    page.get_by_label("Title").fill(f"Algebra {next(_exams)}")
    page.get_by_label("Begins").fill("2090-12-01T09:00")
    page.get_by_label("Ends").fill("2090-12-01T12:00")
    page.get_by_label("Groups").fill(groups)
    page.get_by_role("button", name="Add the exam").click()


def _add_exam(page: Page) -> None:
    _fill_in_exam(page, "")
    expect(page.get_by_role("alert")).to_contain_text("is added")


def _open_browser_settings(page: Page) -> None:
    page.get_by_label("Safe Exam Browser", exact=True).select_option("required")
    _add_exam(page)
    page.get_by_role("link", name="Safe Exam Browser").first.click()
    expect(page.get_by_role("button", name="Make the file anew")).to_be_visible()


def _open_page_of_browser(page: Page) -> None:
    _open_browser_settings(page)
    page.locator("dd a[href*='/seb/']").first.click()
    expect(page.get_by_role("link", name="Open it in Safe Exam Browser")).to_be_visible()


def _add_receiver(page: Page) -> None:
    page.get_by_label("What it is called").fill(f"receiver {next(_exams)}")
    page.get_by_label("Address that is told").fill("https://moodle.example.org/hook")
    page.get_by_role("button", name="Add the receiver").click()
    expect(page.get_by_label("Secret")).to_be_visible()


def _add_exam_of_nobody(page: Page) -> None:
    _fill_in_exam(page, "Mr Nobody")
    expect(page.get_by_role("alert")).to_contain_text("Mr Nobody")


def _add_admin_again(page: Page) -> None:
    page.get_by_label("User name").fill("Mr\N{LINE SEPARATOR}Nobody")
    page.get_by_role("button", name="Add the person").click()
    expect(page.get_by_role("alert")).to_be_visible()


def _add_person(page: Page) -> None:
    page.get_by_label("User name").fill(f"added{next(_exams)}")
    page.get_by_label("Real name").fill("Added Anders")
    page.get_by_role("button", name="Add the person").click()
    expect(page.get_by_text("Print the slip now")).to_be_visible()


def _change_what_is_stale(page: Page) -> None:
    # As it is when the form was opened before somebody else has saved theirs.
    page.locator("form[aria-labelledby=change-person] input[name=mark]").evaluate(
        "field => field.value = 'of before'"
    )
    page.get_by_label("Real name").fill("Another")
    page.get_by_role("button", name="Save the changes").click()
    expect(page.get_by_role("alert")).to_contain_text("Somebody else has changed")


def _ask_to_delete_person(page: Page) -> None:
    page.get_by_role("link", name="Delete").click()
    expect(page.get_by_role("button", name="Delete the account")).to_be_visible()


def _delete_person(page: Page) -> None:
    _ask_to_delete_person(page)
    page.get_by_role("button", name="Delete the account").click()
    expect(page.get_by_role("alert")).to_contain_text("The account is deleted")


def _ask_to_begin(page: Page) -> None:
    _add_exam(page)
    page.get_by_role("link", name="Begin").first.click()
    expect(page.get_by_role("button", name="Begin the exam")).to_be_visible()


def _ask_to_end(page: Page) -> None:
    _ask_to_begin(page)
    page.get_by_role("button", name="Begin the exam").click()
    page.get_by_role("link", name="End").first.click()
    expect(page.get_by_role("button", name="End the exam")).to_be_visible()


def _open_change(page: Page) -> None:
    _add_exam(page)
    page.get_by_role("link", name="Change").first.click()
    expect(page.get_by_role("button", name="Save the changes")).to_be_visible()


def _open_change_of_what_runs(page: Page) -> None:
    _ask_to_begin(page)
    page.get_by_role("button", name="Begin the exam").click()
    page.get_by_role("link", name="Change").first.click()
    expect(page.get_by_text("This exam runs")).to_be_visible()


def _change_what_somebody_has_changed(page: Page) -> None:
    _open_change(page)
    # As it is when the form was opened before somebody else has saved theirs.
    page.locator("input[name=shown]").evaluate("field => field.value = 'of before'")
    page.get_by_label("Title").fill("Logic")
    page.get_by_label("Ends").fill("2090-12-01T13:00")
    page.get_by_label("Who may log in to a free slot").select_option("any")
    page.get_by_role("button", name="Save the changes").click()
    expect(page.get_by_role("alert")).to_contain_text("Somebody else has changed")


def _open_sessions_of_exam(page: Page) -> None:
    _ask_to_begin(page)
    page.get_by_role("button", name="Begin the exam").click()
    page.get_by_role("main").get_by_role("link", name="Sessions").first.click()
    expect(page.get_by_text("Only the exam")).to_be_visible()


def _ask_to_delete(page: Page) -> None:
    _add_exam(page)
    page.get_by_role("link", name="Delete").first.click()
    expect(page.get_by_role("button", name="Delete the exam")).to_be_visible()


def _look_at_several(page: Page) -> None:
    page.get_by_role("button", name="Choose all that are shown").click()
    page.get_by_role("button", name="Look at those who are chosen").click()
    expect(page.get_by_role("button", name="Let them in")).to_be_visible()


def _let_several_in(page: Page) -> None:
    _look_at_several(page)
    page.get_by_role("button", name="Let them in").click()
    expect(page.get_by_role("heading", name="Decided about")).to_be_visible()


def _send_list(page: Page) -> None:
    text = f"username,real name,seat\nlisted{next(_exams)},Liisa Listed,B-14\n"
    file = {"name": "class.csv", "mimeType": "text/csv", "buffer": text.encode()}
    page.get_by_label("File").set_input_files(file)  # type: ignore[arg-type]
    page.get_by_role("button", name="Look at the list").click()
    expect(page.get_by_text("1 new, 0 changed")).to_be_visible()


def _carry_list_out(page: Page) -> None:
    _send_list(page)
    page.get_by_role("button", name="Carry it out").click()
    expect(page.get_by_text("Print the slips now")).to_be_visible()


def _hand_in(page: Page) -> None:
    page.get_by_role("button", name="Hand in for good").click()
    expect(page.get_by_role("heading", name="Handed in")).to_be_visible()


_ACCOUNT = "/administer/people/account?user={student}"
_EXAMS, _FAILED = "/administer/exams", "/administer/failed-logins"
# Exams of other pages may run.
_SESSIONS = "/administer/sessions?exam="
_COMPARISON = "/supervise/person?user={student}&session={session}"

PAGES = [
    SitePage("login", _NOBODY, "/login"),
    SitePage("login with a wrong password", _NOBODY, "/login", then=_fail_to_log_in),
    SitePage("login without a name", _NOBODY, "/login", then=_log_in_without_a_name),
    SitePage("documents", _STUDENT, "/"),
    SitePage("no documents", _NEWCOMER, "/"),
    SitePage("document", _STUDENT, EXAM),
    SitePage("blocked", _BLOCKED, EXAM, 490),
    SitePage("forbidden document", _NEWCOMER, EXAM, 403),
    SitePage("unknown document", _STUDENT, "/view/nowhere", 404),
    SitePage("unknown address", _NOBODY, "/nowhere", 404),
    SitePage("console", _SUPERVISOR, "/supervise"),
    SitePage("console of an administrator", _ADMIN, "/supervise"),
    SitePage("console with nobody", _SUPERVISOR, "/supervise", somebody_waits=False),
    SitePage("console with an error", _SUPERVISOR, "/supervise/find?q=Mr%20Nobody", 404),
    SitePage("console with several people", _SUPERVISOR, "/supervise/find?q=s"),
    SitePage("several at once", _SUPERVISOR, "/supervise", then=_look_at_several),
    SitePage("several verified", _SUPERVISOR, "/supervise", then=_let_several_in),
    SitePage("other servers", _SUPERVISOR, "/supervise/servers"),
    SitePage("other servers, forbidden", _STUDENT, "/supervise/servers", 403),
    SitePage("comparison", _SUPERVISOR, _COMPARISON),
    SitePage("comparison by link", _SUPERVISOR, "/supervise/link/{token}"),
    SitePage("comparison by name", _SUPERVISOR, "/supervise/person?user={student}"),
    SitePage("comparison without the session", _SUPERVISOR, f"{_COMPARISON}-"),
    SitePage("unknown person", _SUPERVISOR, "/supervise/person?user=nobody", 404),
    SitePage("forged link", _SUPERVISOR, "/supervise/link/x", 422),
    SitePage("forged link to a seat", _NOBODY, "/?seat=B-14&signature=x", 422),
    SitePage("console, forbidden", _STUDENT, "/supervise", 403),
    SitePage("overview", _ADMIN, "/administer?exam="),
    SitePage("overview of an hour", _ADMIN, "/administer?period=hour&exam="),
    SitePage("overview, forbidden", _SUPERVISOR, "/administer", 403),
    SitePage("one person", _ADMIN, "/administer/person?user={student}"),
    SitePage("older changes of one person", _ADMIN, "/administer/person?user={student}&before=1"),
    SitePage("unknown one person", _ADMIN, "/administer/person?user=nobody", 404),
    SitePage("own sessions", _STUDENT, "/my-sessions"),
    SitePage("new password", _STUDENT, "/my-password"),
    SitePage("new password refused", _STUDENT, "/my-password", then=_refused_password),
    SitePage("password again", _ADMIN, "/confirm"),
    SitePage("own passkeys, but there are none", _ADMIN, "/account/passkeys"),
    SitePage("somebody's passkeys", _ADMIN, "/administer/person/passkeys?user={student}"),
    SitePage("password again refused", _ADMIN, "/confirm", then=_prove_wrongly),
    SitePage("failed logins", _ADMIN, _FAILED),
    SitePage("failed logins, unknown person", _ADMIN, f"{_FAILED}?user=Mr%20Nobody", 404),
    SitePage("no failed logins", _ADMIN, f"{_FAILED}?user={{student}}&address=x"),
    SitePage("documents in an exam", _SITTER, "/"),
    SitePage("hand in", _SITTER, "/hand-in"),
    SitePage("nothing to hand in", _STUDENT, "/hand-in"),
    SitePage("handed in", _SITTER, "/hand-in", then=_hand_in),
    SitePage("quit link of Safe Exam Browser", _NOBODY, "/seb/exam/1/quit"),
    SitePage("no Safe Exam Browser", _NOBODY, "/seb/exam/0", 404),
    SitePage("settings of Safe Exam Browser", _ADMIN, _EXAMS, then=_open_browser_settings),
    SitePage("page of Safe Exam Browser", _ADMIN, _EXAMS, then=_open_page_of_browser),
    SitePage("forged receipt", _NOBODY, "/handed-in?receipt=x", 422),
    SitePage("verified, but not everywhere", _SUPERVISOR, _COMPARISON, then=_verify),
    SitePage("invalidated, but not everywhere", _SUPERVISOR, _COMPARISON, then=_invalidate),
    SitePage("all sessions", _ADMIN, _SESSIONS),
    SitePage("all sessions, but there are none", _ADMIN, f"{_SESSIONS}&origin=nowhere"),
    SitePage("all sessions with errors", _ADMIN, f"{_SESSIONS}&user=Mr%20Nobody&until=x", 404),
    SitePage(
        "selection verified in part",
        _ADMIN,
        f"{_SESSIONS}&user={{student}}",
        then=_verify_all_of_the_page,
    ),
    SitePage(
        "selection changed",
        _ADMIN,
        f"{_SESSIONS}&user={{student}}",
        then=_invalidate_all_of_the_page,
    ),
    SitePage("all that are found", _ADMIN, "/administer/sessions/matching?exam=&user={student}"),
    SitePage("record", _ADMIN, "/administer/record?exam="),
    SitePage("record of one", _ADMIN, "/administer/record?exam=&actor={student}&action=login"),
    SitePage("record with errors", _ADMIN, "/administer/record?exam=&actor=-&user=-&until=x", 404),
    SitePage("confirmation to verify all", _ADMIN, "/administer/sessions/verify-all"),
    SitePage("confirmation to invalidate all", _ADMIN, "/administer/sessions/invalidate-all"),
    SitePage("people", _ADMIN, "/administer/people?q={student}"),
    SitePage("people, but there are none", _ADMIN, "/administer/people?q=nobody-at-all"),
    SitePage("person to be added", _ADMIN, "/administer/people/new"),
    SitePage("person refused", _ADMIN, "/administer/people/new", then=_add_admin_again),
    SitePage("slip of a person", _ADMIN, "/administer/people/new", then=_add_person),
    SitePage("account", _ADMIN, _ACCOUNT),
    SitePage("account changed by two at once", _ADMIN, _ACCOUNT, then=_change_what_is_stale),
    SitePage("confirmation to delete a person", _ADMIN, _ACCOUNT, then=_ask_to_delete_person),
    SitePage("deleted account", _ADMIN, _ACCOUNT, then=_delete_person),
    SitePage("class list to send", _ADMIN, "/administer/people/import"),
    SitePage("class list to look at", _ADMIN, "/administer/people/import", then=_send_list),
    SitePage("slips of a class list", _ADMIN, "/administer/people/import", then=_carry_list_out),
    SitePage("receivers of events", _ADMIN, "/administer/receivers"),
    SitePage("receiver added", _ADMIN, "/administer/receivers", then=_add_receiver),
    SitePage("tokens of programs", _ADMIN, "/administer/tokens"),
    SitePage("documents", _ADMIN, "/administer/documents"),
    SitePage("documents, but there are none", _ADMIN, "/administer/documents?find=none-at-all"),
    SitePage("exams", _ADMIN, _EXAMS, then=_add_exam),
    SitePage("exam refused", _ADMIN, _EXAMS, then=_add_exam_of_nobody),
    SitePage("confirmation to begin an exam", _ADMIN, _EXAMS, then=_ask_to_begin),
    SitePage("confirmation to end an exam", _ADMIN, _EXAMS, then=_ask_to_end),
    SitePage("exam to be changed", _ADMIN, _EXAMS, then=_open_change),
    SitePage("exam that runs, to be changed", _ADMIN, _EXAMS, then=_open_change_of_what_runs),
    SitePage("exam changed by two at once", _ADMIN, _EXAMS, then=_change_what_somebody_has_changed),
    SitePage("sessions of an exam", _ADMIN, _EXAMS, then=_open_sessions_of_exam),
    SitePage("confirmation to delete an exam", _ADMIN, _EXAMS, then=_ask_to_delete),
    SitePage("unknown exam", _ADMIN, f"{_EXAMS}/begin?exam=x", 404),
    SitePage("exams, forbidden", _SUPERVISOR, _EXAMS, 403),
]


def open_page(
    window: Window,
    hall: Hall,
    site_page: SitePage,
    real_name: str = "Siiri Student",
    user_agents: Sequence[str] = (_FIREFOX, _SAFARI),
) -> None:
    """Open a page in the window, which has a new visitor of that name now.

    The student whom the page is about, if it is about one, has the same name, and sessions that
    come from these user agents.
    """
    window.hand_over()
    window.expect_status(403, 404, 409, 422)
    hall.let_nobody_wait()
    visitor = site_page.visitor
    student = hall.add_student(real_name)
    if visitor == _SITTER:
        hall.plan_exam(student)
    if visitor in {_STUDENT, _SITTER}:
        enter(window, hall, student)
    elif visitor in _GROUPS:
        name = f"{visitor}{next(_visitors)}"
        hall.add_person(name, real_name, *_GROUPS[visitor])
        enter(window, hall, name)
    devices = [hall.log_in_elsewhere(student, user_agent) for user_agent in user_agents]
    waiting = devices[-1]
    if visitor == _BLOCKED:
        enter(window, hall, student)
    if site_page.somebody_waits:
        assert hall.ask(lambda _site: waiting.get_page(EXAM).status_code) == 490
    token = hall.token(student, waiting.session_id)
    path = site_page.path.format(student=student, session=waiting.session_id, token=token)
    answer = window.page.goto(hall.url(path))
    assert answer is not None
    assert answer.status == site_page.status
    site_page.then(window.page)
