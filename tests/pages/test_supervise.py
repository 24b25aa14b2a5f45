"""The supervisors' console."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import time_machine

from tests.conftest import MakeApp
from tests.hosts import OK, MakeHost, says
from tests.site import Site
from timApp.auth.site import current_site, db
from timApp.guard.reading.device import Device, device_of
from timApp.guard.waiting.codes import waiting_sessions
from timApp.net.note import read_change_note
from timApp.pages.supervise.typed import TypedCode, TypedLink, TypedSession, understand

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/131.0.0.0 Safari/537.36"
)
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def code_of_waiting(hall: Site) -> str:
    """Return the code of the one who waits."""
    with hall.app.app_context():
        [waiting] = waiting_sessions(db)
        return waiting.code


def test_only_supervisors_and_administrators_see_the_console(hall: Site) -> None:
    """Others get 403, anonymous browsers the login, and nothing changes by their posts."""
    hall.add_admin()
    for name in ("supervisor", "admin"):
        assert hall.logged_in(name).get_page("/supervise").status_code == 200
    student = hall.logged_in("alice")
    active = hall.active("alice")
    for path in ("", "/waiting", "/find?q=alice", "/person?user=alice", "/link/x"):
        assert student.get_page(f"/supervise{path}").status_code == 403
    form = {"user": "alice", "session_id": student.session_id}
    for action in ("verify", "invalidate", "end"):
        assert student.decide(f"/supervise/{action}", data=form).status_code == 403
    again = {**form, "action": "verify", "host": "x"}
    assert student.decide("/supervise/retry", data=again).status_code == 403
    assert hall.active("alice") == active
    assert hall.browser().get_page("/supervise").status_code == 302


def test_the_console_lists_who_waits(hall: Site) -> None:
    """Code, name, device and address of who waits are on the first page and in the list alone."""
    hall.blocked(FIREFOX)
    supervisor = hall.logged_in("supervisor")
    for path in ("/supervise", "/supervise/waiting"):
        page = supervisor.get_page(path).text
        for shown in (code_of_waiting(hall), "Alice", "Firefox 133 on Windows 10", "127.0.0.1"):
            assert shown in page


def test_several_blocked_logins_of_a_person_are_one_entry(hall: Site) -> None:
    """It has all their codes, each of which leads to its own login."""
    browsers = [hall.blocked(FIREFOX), hall.blocked(FIREFOX)]
    supervisor = hall.logged_in("supervisor")
    page = supervisor.get_page("/supervise").text
    assert page.count('class="waiting-row"') == 1
    assert "and 1 other login:" in page
    with hall.app.app_context():
        codes = {one.code: one.session_id for one in waiting_sessions(db)}
    assert set(codes.values()) == {one.session_id for one in browsers}
    for code, session_id in codes.items():
        assert code in page
        found = supervisor.get_page(f"/supervise/find?q={code}").location
        assert found.endswith(f"session={session_id}")


def test_name_code_link_and_session_text_all_find_the_person(hall: Site) -> None:
    """Whatever is typed or scanned leads to the comparison, and changes nothing."""
    browser = hall.blocked(FIREFOX)
    active = hall.active("alice")
    supervisor = hall.logged_in("supervisor")
    with hall.app.app_context():
        token = current_site().links.sign("alice", browser.session_id)
    link = f"/supervise/link/{token}"
    for text in (
        "alice",
        code_of_waiting(hall).lower(),
        f"http://localhost{link}",
        f"alice#{browser.session_id}",
    ):
        found = supervisor.get_page("/supervise/find", query_string={"q": text})
        assert found.status_code == 302, text
        page = supervisor.get_page(found.location)
        is_chosen = text != "alice"
        assert ("Let this one in." if is_chosen else "Verify this one") in page.text
        assert ("scanned or chose" in page.text) is is_chosen
    assert "scanned or chose" in supervisor.get_page(link).text
    assert hall.active("alice") == active


@pytest.mark.parametrize(
    "part", [lambda code: code[:3].lower(), lambda _: "127.0.0", lambda _: "alice 127.0.0.1"]
)
def test_find_finds_whom_the_list_shows_while_that_is_typed(
    hall: Site, part: Callable[[str], str]
) -> None:
    """A part of a code, an address or several words lead to the one who waits."""
    browser = hall.blocked(FIREFOX)
    text = part(code_of_waiting(hall))
    found = hall.logged_in("supervisor").get_page("/supervise/find", query_string={"q": text})
    assert found.location.endswith(f"/supervise/person?user=alice&session={browser.session_id}")


def test_several_who_wait_and_match_are_to_choose_from(hall: Site) -> None:
    """What they have in common is said of all of them; nobody is picked by chance."""
    hall.add_user("bob")
    hall.blocked(FIREFOX)
    hall.logged_in("bob", FIREFOX)
    hall.logged_in("bob", FIREFOX).get_page("/view/exam")
    page = hall.logged_in("supervisor").get_page("/supervise/find?q=127.0.0.1").text
    assert "Several people who wait match." in page
    choices = page.partition('id="choices"')[2].partition("</ul>")[0]
    assert "user=alice" in choices
    assert "user=bob" in choices


def test_by_name_the_session_that_waits_is_chosen(hall: Site) -> None:
    """Of one that waits the page shows what a scan of its code would; of several, none."""
    first = hall.blocked(FIREFOX)
    supervisor = hall.logged_in("supervisor")
    page = supervisor.get_page("/supervise/person?user=alice").text
    assert "This is the session that waits." in page
    assert code_of_waiting(hall) in page.partition("glance-code")[2].partition("</p>")[0]
    assert first.session_id in page.partition("Let this one in.")[0].rpartition("<form")[2]
    hall.blocked(CHROME)
    assert "This is the session" not in supervisor.get_page("/supervise/person?user=alice").text


@pytest.mark.parametrize("change", ["another digit", "a character of no code"])
def test_a_mistyped_code_offers_those_that_are_near(hall: Site, change: str) -> None:
    """It is told that nobody waits with it, or that no code is so, and who may be meant."""
    hall.blocked(FIREFOX)
    code = code_of_waiting(hall)
    digit = next(one for one in "34679" if one != code[3]) if change == "another digit" else "1"
    page = hall.logged_in("supervisor").get_page(f"/supervise/find?q={code[:3]}{digit}")
    assert page.status_code == 404
    told = "Nobody waits with the code" if change == "another digit" else "two letters of A C D"
    assert told in page.text
    near = page.text.partition("Is it one of these?")[2].partition("Waiting for verification")[0]
    assert code in near
    other = hall.logged_in("supervisor").get_page("/supervise/find?q=B111").text
    assert "Is it one of these?" not in other


@pytest.mark.parametrize("text", ["", "nobody", "KX47", "nobody#one", "a\0b", "x" * 10_000])
def test_what_finds_nobody_is_said_on_the_console(hall: Site, text: str) -> None:
    """The console comes back with what is wrong, and the text still in the field."""
    page = hall.logged_in("supervisor").get_page("/supervise/find", query_string={"q": text})
    assert 400 <= page.status_code < 500
    assert 'role="alert"' in page.text


@pytest.mark.parametrize("token", ["x", "WyJhIiwiYiJd.aaa.bbb"])
def test_a_forged_link_is_refused(hall: Site, token: str) -> None:
    """A link that was not made here shows no one and says what it is."""
    page = hall.logged_in("supervisor").get_page(f"/supervise/link/{token}")
    assert page.status_code == 422
    assert "not made by a server of this site" in page.text


def test_verifying_lets_the_person_go_on_and_is_recorded_with_the_reason(hall: Site) -> None:
    """The blocked session reads the exam, the other is blocked, and the record says who and why."""
    browser = hall.blocked(FIREFOX)
    form = {"user": "alice", "session_id": browser.session_id, "reason": "new computer"}
    page = hall.logged_in("supervisor").decide("/supervise/verify", data=form)
    assert page.status_code == 200
    assert hall.active("alice") == {browser.session_id}
    assert browser.get_page("/view/exam").status_code == 200
    change = hall.changes()[-1]
    assert (change.actor, change.reason, change.session_count) == ("supervisor", "new computer", 2)


def test_a_session_is_ended_for_good(hall: Site) -> None:
    """Whoever has it is nobody from then on; that it was so before is said, too."""
    browser = hall.logged_in("alice")
    supervisor = hall.logged_in("supervisor")
    compared = supervisor.get_page(f"/supervise/person?user=alice&session={browser.session_id}")
    assert "End for good" in compared.text
    form = {"user": "alice", "session_id": browser.session_id, "reason": "left"}
    page = supervisor.decide("/supervise/end", data=form)
    assert (page.status_code, "The session is over." in page.text) == (200, True)
    assert browser.get_page("/view/exam").status_code == 302
    change = hall.changes()[-1]
    assert (change.action.value, change.actor, change.reason) == ("end", "supervisor", "left")
    assert "The session was over already." in supervisor.decide("/supervise/end", data=form).text
    assert supervisor.decide("/supervise/end", data=form | {"home": "x"}).status_code == 422
    assert supervisor.decide("/supervise/end", data=form | {"session_id": "x"}).status_code == 404


def test_a_blocked_login_that_was_logged_out_is_settled(
    database_url: str, make_app: MakeApp
) -> None:
    """It holds the person's next login, also on their own device, until somebody settles it."""
    hall = Site(make_app(database_url, SESSIONS_AFTER_END="hold"))
    hall.add_exam_hall()
    own = hall.logged_in("alice")
    blocked = hall.logged_in("alice", FIREFOX)
    blocked.log_out()
    own.log_out()
    assert hall.logged_in("alice").get("/view/exam").status_code == 490
    supervisor = hall.logged_in("supervisor")
    page = supervisor.get_page("/supervise/person?user=alice").text
    assert page.count("Settle it") == 1
    for session_id in set(hall.sessions("alice")) - {own.session_id}:
        form = {"user": "alice", "session_id": session_id}
        assert supervisor.decide("/supervise/end", data=form).status_code == 200
    assert "Settle it" not in supervisor.get_page("/supervise/person?user=alice").text
    assert hall.logged_in("alice").get("/view/exam").status_code == 200


def test_whoever_left_the_room_comes_back_by_one_scan(hall: Site) -> None:
    """They see since when they are gone, and their code; it is said if they are paused already."""
    browser = hall.logged_in("alice")
    supervisor = hall.logged_in("supervisor")
    compared = supervisor.get_page(f"/supervise/person?user=alice&session={browser.session_id}")
    assert "Left the room" in compared.text
    form = {"user": "alice", "session_id": browser.session_id, "reason": "toilet"}
    page = supervisor.decide("/supervise/pause", data=form)
    assert (page.status_code, "The person is blocked" in page.text) == (200, True)
    change = hall.changes()[-1]
    assert (change.action.value, change.actor, change.reason) == ("pause", "supervisor", "toilet")
    again = supervisor.decide("/supervise/pause", data=form)
    assert "has left the room already" in again.text
    assert hall.changes()[-1].id == change.id
    for one in (browser, hall.logged_in("alice")):
        page = one.get_page("/view/exam")
        assert page.status_code == 490
        assert "You left the room at " in page.text
        assert "Show this code when you come back." in page.text
        assert "/supervise/link/" in page.text
    said = browser.get("/view/exam", headers={"Accept": "application/json"}).json
    assert said
    assert said["error"].startswith("You left the room at ")
    assert supervisor.decide("/supervise/verify", data=form).status_code == 200
    assert browser.get_page("/view/exam").status_code == 200
    assert supervisor.decide("/supervise/pause", data=form | {"home": "x"}).status_code == 422
    assert supervisor.decide("/supervise/pause", data=form | {"session_id": "x"}).status_code == 404
    assert hall.active("alice") == {browser.session_id}


@pytest.mark.parametrize("action", ["verify", "invalidate", "end", "pause"])
def test_supervisors_leave_administrators_alone(hall: Site, action: str) -> None:
    """The sessions of an administrator are for administrators to change."""
    hall.add_admin()
    hall.add_admin("boss")
    admin, supervisor = hall.logged_in("admin"), hall.logged_in("supervisor")
    page = supervisor.get_page("/supervise/person?user=admin").text
    assert "Only administrators may change the sessions of administrators." in page
    assert "End for good" not in page
    before = hall.sessions("admin")[admin.session_id]
    form = {"user": "admin", "session_id": admin.session_id}
    assert supervisor.decide(f"/supervise/{action}", data=form).status_code == 403
    after = hall.sessions("admin")[admin.session_id]
    assert (after.expired_at, after.logged_out_at) == (before.expired_at, before.logged_out_at)
    assert hall.logged_in("boss").decide(f"/supervise/{action}", data=form).status_code == 200


def test_supervisors_do_not_verify_themselves(hall: Site) -> None:
    """A supervisor's own session is for another supervisor to verify; they may end it."""
    supervisor = hall.logged_in("supervisor")
    other = hall.logged_in("supervisor")
    form = {"user": "supervisor", "session_id": other.session_id}
    assert supervisor.decide("/supervise/verify", data=form).status_code == 403
    assert hall.active("supervisor") == {supervisor.session_id, other.session_id}
    assert supervisor.decide("/supervise/end", data=form).status_code == 200
    assert hall.active("supervisor") == {supervisor.session_id}


def test_changes_from_the_console_need_the_csrf_token(hall: Site) -> None:
    """Without the token a post is 400 and changes nothing."""
    browser = hall.blocked(FIREFOX)
    active = hall.active("alice")
    supervisor = hall.logged_in("supervisor")
    form = {"user": "alice", "session_id": browser.session_id}
    assert supervisor.client.post("/supervise/verify", data=form).status_code == 400
    assert hall.active("alice") == active


@pytest.mark.parametrize("action", ["verify", "invalidate", "end"])
def test_unknown_people_and_sessions_change_nothing(hall: Site, action: str) -> None:
    """A post that names nobody, no session or an unknown one is a 4xx."""
    hall.blocked(FIREFOX)
    active = hall.active("alice")
    supervisor = hall.logged_in("supervisor")
    for form in ({}, {"user": "x"}, {"user": "alice"}, {"user": "alice", "session_id": "x\0"}):
        assert 400 <= supervisor.decide(f"/supervise/{action}", data=form).status_code < 500
    assert hall.active("alice") == active


@pytest.fixture
def make_hall(database_url: str, make_app: MakeApp) -> Callable[..., Site]:
    """What makes the site with alice, a supervisor and the target exam of these hosts."""

    def make(*urls: str) -> Site:
        hall = Site(
            make_app(
                database_url,
                DIST_RIGHTS_HOSTS={"exam": {"hosts": urls}},
                DIST_RIGHTS_SEND_SECRET="secret",
                SESSIONS_VERIFY_TARGETS=["exam"],
            )
        )
        hall.add_user("alice")
        hall.add_supervisor()
        return hall

    return make


def outcome_in(page: str) -> str:
    """Return the part of a page that says what has come of a decision."""
    return page.partition('aria-labelledby="done"')[2].partition("</section>")[0]


def test_failed_hosts_are_shown_and_can_be_asked_again(
    make_hall: Callable[..., Site], make_host: MakeHost
) -> None:
    """The outcome names each host, and a retry asks those that failed, and no others."""
    good, bad = make_host(), make_host(says(503, '{"error": "<b>not now"}'))
    hall = make_hall(good.url, bad.url)
    browser = hall.logged_in("alice")
    supervisor = hall.logged_in("supervisor")
    assert bad.url in supervisor.get_page("/supervise/person?user=alice").text
    subject = {"user": "alice", "session_id": browser.session_id}
    form = {**subject, "target": "exam", "reason": "new computer"}
    page = outcome_in(supervisor.decide("/supervise/verify", data=form).text)
    assert page.count("\n      done") == 1
    assert "&lt;b&gt;not now" in page
    assert "It will be told as soon as it answers." in page
    again = {**subject, "action": "verify", "host": bad.url}
    assert "&lt;b&gt;not now" in supervisor.decide("/supervise/retry", data=again).text
    bad.answer = OK
    for _ in range(2):
        page = outcome_in(supervisor.decide("/supervise/retry", data=again).text)
        assert page.count("\n      done") == 2
        assert "/supervise/retry" not in page
    told = [
        [asked for asked in host.asked if asked.path == "/user/sessions/verify"]
        for host in (good, bad)
    ]
    assert [len(asked) for asked in told] == [1, 3]
    notes = [read_change_note(asked.headers["TimApp-Change"]) for asked in told[0] + told[1]]
    assert notes == [notes[0]] * 4
    assert notes[0] is not None
    assert (notes[0].by, notes[0].reason) == ("supervisor", "new computer")
    foreign = {**again, "host": "http://127.0.0.1:2"}
    assert supervisor.decide("/supervise/retry", data=foreign).status_code == 422


def test_a_retry_says_what_has_become_of_the_change(
    make_hall: Callable[..., Site], make_host: MakeHost
) -> None:
    """What got too old, or was superseded by a later change, is told as such."""
    host = make_host(says(503))
    hall = make_hall(host.url)
    first, second = (hall.logged_in("alice").session_id for _ in range(2))

    def post(to: str, session_id: str, **more: str) -> str:
        form = {"user": "alice", "session_id": session_id, **more}
        return supervisor.decide(f"/supervise/{to}", data=form).text

    with time_machine.travel(NOON, tick=False) as clock:
        supervisor = hall.logged_in("supervisor")
        post("verify", first, target="exam")
        clock.shift(601)
        page = post("retry", first, action="verify", host=host.url)
        assert "not told in time, and dropped." in page
        post("invalidate", first, target="exam")
        host.answer = OK
        clock.shift(1)
        post("verify", second, target="exam")
        page = post("retry", first, action="invalidate", host=host.url)
        assert "not told, as a later change has taken its place." in page
    asked = [one.path.rpartition("/")[2] for one in host.asked]
    assert [one for one in asked if one != "waiting"] == ["verify", "invalidate", "verify"]


def test_names_and_browsers_full_of_html_are_shown_as_text(hall: Site) -> None:
    """What a browser says of itself is never markup on the supervisors' pages."""
    hall.logged_in("alice")
    browser = hall.logged_in("alice", "<script>alert(1)</script>\"'")
    browser.get_page("/view/exam")
    supervisor = hall.logged_in("supervisor")
    for path in ("/supervise", "/supervise/person?user=alice"):
        page = supervisor.get_page(path).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize(
    ("origin", "device"),
    [
        (f"[10.0.0.7] {FIREFOX}", Device("10.0.0.7", "Firefox 133", "Windows 10")),
        ("[::1] curl/8.1", Device("::1", "curl 8")),
        (f"[::1] {CHROME} SEB/3.7.0", Device("::1", "Safe Exam Browser 3", "Windows 10")),
        (f"[::1] {CHROME} RLDB/2.1.1.1", Device("::1", "LockDown Browser 2", "Windows 10")),
        ("[1.2.3.4] ", Device("1.2.3.4", "")),
        ("anything", Device("", "anything")),
        ("", Device("", "")),
    ],
)
def test_origins_are_told_in_words(origin: str, device: Device) -> None:
    """Address, browser and system are told apart; what is not understood is shown as it is."""
    assert device_of(origin) == device


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("alice", TypedSession("alice")),
        (" alice ", TypedSession("alice")),
        ("alice#one", TypedSession("alice", "one")),
        ("a#b#one", TypedSession("a#b", "one")),
        ("#one", TypedSession("#one")),
        ("kx 47", TypedCode("KX47", "kx 47")),
        ("https://a.example/x/supervise/link/to%2Eken?x=1", TypedLink("to.ken")),
        ("https://a.example/other", TypedSession("https://a.example/other")),
        ("http://[", TypedSession("http://[")),
    ],
)
def test_the_field_understands_links_codes_sessions_and_names(text: str, meaning: object) -> None:
    """What is none of the others is a name."""
    assert understand(text) == meaning
