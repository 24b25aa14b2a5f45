"""What holds in each framework, on each database."""

import pytest
import sqlalchemy as sa

from tests.embed.conftest import House
from tests.embed.hosts import SUPERVISOR
from tests.site import PASSWORD
from timApp.auth.site import db
from timApp.guard.tables.session import UserSession
from timApp.user.usergroup import ADMIN_GROUP


def session_ids(house: House, name: str) -> list[str]:
    """Return the ids of somebody's sessions, oldest first."""
    found = house.site.sessions(name).values()
    return [one.session_id for one in sorted(found, key=lambda one: one.logged_in_at)]


def test_whoever_logs_in_at_the_application_has_a_session(house: House) -> None:
    """By the name that the application knows, and with its own cookies as they were."""
    browser = house.let_in("ann")
    assert browser.get().text == "Hello, ann."
    (session_id,) = session_ids(house, "ann")
    assert house.site.active("ann") == {session_id}
    assert "timapp" in browser.cookies
    assert len(browser.cookies) > 2, "its own, the browser's name, and the application's"


def test_nobody_is_tracked_who_is_nobody(house: House) -> None:
    """No session begins before somebody logs in, and no cookie is set."""
    browser = house.browser()
    assert browser.get().text == "Hello, None."
    assert "timapp" not in browser.cookies
    with house.site.app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(UserSession)) == 0


def test_the_second_browser_is_blocked_until_it_is_verified(house: House) -> None:
    """With the page in the place of the answer, and nothing that got to the application."""
    first = house.let_in("ann")
    second = house.let_in("ann")
    reached = len(house.guest.asked)
    for method, path in (("GET", "/"), ("POST", "/echo"), ("GET", "/no-such-page")):
        blocked = second.ask(method, path)
        assert blocked.status_code == 490, path
        assert "Ann" in blocked.text
        assert "no-store" in blocked.headers["Cache-Control"]
    assert len(house.guest.asked) == reached
    assert second.get(headers={"Accept": "application/json"}).json()["error"]
    assert first.get().text == "Hello, ann."
    house.verify("ann", session_ids(house, "ann")[1])
    assert second.get().text == "Hello, ann."
    assert first.get().status_code == 490


def test_the_blocked_page_leads_back_to_where_somebody_wanted_to_go(house: House) -> None:
    """Also by its own address, which asks nothing of the application."""
    house.let_in("ann")
    second = house.let_in("ann")
    page = second.get("/?part=2").text
    assert 'data-leads-to="/?part=2"' in page
    again = "/_timapp/embedded?to=/%3Fpart%3D2"
    assert second.get(again).status_code == 490
    house.verify("ann", session_ids(house, "ann")[1])
    back = second.get(again)
    assert (back.status_code, back.headers["Location"]) == (302, "/?part=2")


@pytest.mark.parametrize("to", ["//evil.example", "https://evil.example", "/\\evil", ""])
def test_nobody_is_led_elsewhere(house: House, to: str) -> None:
    """Who is not blocked goes to the first page in place of it."""
    back = house.let_in("ann").get("/_timapp/embedded", params={"to": to})
    assert (back.status_code, back.headers["Location"]) == (302, "/")


@pytest.mark.parametrize("way", ["/out", "/forget"])
def test_whoever_leaves_has_no_session_any_more(house: House, way: str) -> None:
    """Whether the application says so, or just forgets them: then at the next request."""
    first = house.let_in("ann")
    assert first.ask("POST", way).status_code == 200
    assert first.get().text == "Hello, None."
    assert house.site.active("ann") == set()
    assert house.let_in("ann").get().status_code == 200


def test_a_second_person_in_the_same_browser_ends_the_first_ones_session(house: House) -> None:
    """So that nobody is left with a slot that no cookie leads to."""
    browser = house.let_in("ann")
    assert browser.let_in("bob").status_code == 200
    assert browser.get().text == "Hello, bob."
    assert house.site.active("ann") == set()
    assert len(house.site.active("bob")) == 1


def test_whoever_is_blocked_may_leave_and_another_one_come(house: House) -> None:
    """By its logout, which is open like what it has opened; the browser is not lost to the next."""
    house.let_in("ann")
    browser = house.let_in("ann")
    assert browser.get().status_code == 490
    assert browser.get("/help/me").status_code != 490
    assert house.guest.asked[-1] == "/help/me"
    assert browser.ask("POST", "/forget").status_code == 490
    assert browser.ask("POST", "/out").status_code == 200
    assert browser.let_in("ben").status_code == 200
    assert browser.get().text == "Hello, ben."


def test_what_is_open_is_open_at_the_first_request_of_a_blocked_session(house: House) -> None:
    """As of somebody whom the application remembers, and whose cookie of ours is gone."""
    house.let_in("ann")
    browser = house.let_in("ann")
    browser.forget("timapp")
    assert browser.get("/help/me").status_code != 490
    assert house.guest.asked[-1] == "/help/me"
    assert browser.get().status_code == 490
    browser.forget("timapp")
    assert browser.get("/out").status_code == 200
    assert browser.get().text == "Hello, None."


@pytest.mark.parametrize("path", ["/%2568elp/me", "/help%252fme", "/help/..%2fsecret", "/outx"])
def test_no_other_path_is_open_that_looks_like_one(house: House, path: str) -> None:
    """What the application would read as another one does not get there."""
    house.let_in("ann")
    browser = house.let_in("ann")
    before = list(house.guest.asked)
    assert browser.get(path).status_code == 490
    assert house.guest.asked == before


@pytest.mark.parametrize("is_blocked", [False, True])
def test_our_logout_is_that_of_the_application(house: House, is_blocked: bool) -> None:
    """So that it does not let its person in again at once, with a new session."""
    if is_blocked:
        house.let_in("ann")
    browser = house.let_in("ann")
    page = browser.get() if is_blocked else browser.get("/_timapp/my-sessions")
    assert page.status_code == (490 if is_blocked else 200)
    before = session_ids(house, "ann")
    form = page.text.partition('action="/_timapp/logout"')[2]
    token = form.partition('name="csrf_token" value="')[2].partition('"')[0]
    led = browser.ask("POST", "/_timapp/logout", data={"csrf_token": token})
    assert (led.status_code, led.headers["Location"]) == (303, "/out")
    assert browser.get("/out").status_code == 200
    assert browser.get().text == "Hello, None."
    assert session_ids(house, "ann") == before, "no other has begun"
    assert len(house.site.active("ann")) == is_blocked


def test_our_pages_lead_back_to_the_application(house: House) -> None:
    """By the name in the head, and from errors; the blocked page, too."""
    first = house.let_in("ann")
    pages = [first.get(f"/_timapp/{path}").text for path in ("my-sessions", "nowhere")]
    pages.append(house.let_in("ann").get().text)
    for page in pages:
        assert 'href="/">timApp</a>' in page
        assert 'href="/_timapp/"' not in page
    assert "To the first page" in pages[1]


def test_our_login_is_that_of_the_application(house: House) -> None:
    """A form of ours would let in nobody whom the application does not know."""
    browser = house.browser()
    led = browser.get("/_timapp/login?next=/_timapp/my-sessions")
    assert (led.status_code, led.headers["Location"]) == (
        302,
        "/in?next=%2F_timapp%2Fmy-sessions",
    )
    assert browser.get("/_timapp/login?next=//evil.example.org").headers["Location"] == "/in"
    house.site.add_user("bob")
    typed = {"username": "bob", "password": PASSWORD}
    refused = browser.ask("POST", "/_timapp/login", json=typed)
    assert refused.status_code == 409
    assert house.site.sessions("bob") == {}


def test_whoever_logs_in_again_in_the_same_browser_is_not_blocked(house: House) -> None:
    """Nobody is blocked by themselves."""
    browser = house.let_in("ann")
    browser.ask("POST", "/out")
    assert browser.let_in("ann").status_code == 200
    assert browser.get().text == "Hello, ann."


def test_to_lose_our_cookie_does_not_help(house: House) -> None:
    """A login that the application still knows is a new session, and blocked beside another."""
    house.let_in("ann")
    second = house.let_in("ann")
    second.forget("timapp")
    assert second.get().status_code == 490
    assert second.get().status_code == 490


def test_a_program_that_keeps_no_cookie_of_ours_fills_no_table(house: House) -> None:
    """The first of its requests begin sessions, the others are told to wait a minute at most."""
    program = house.let_in("ann")
    statuses = []
    for _ in range(25):
        program.forget("timapp")
        answer = program.get()
        statuses.append(answer.status_code)
    assert statuses == [490] * 19 + [429] * 6
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert house.let_in("ben").get().text == "Hello, ben."


def test_a_forged_cookie_is_nobodys(house: House) -> None:
    """And the application's own login stays what it is: a new session."""
    browser = house.let_in("ann")
    browser.forget("timapp")
    browser.cookies.set("timapp", "eyJfdXNlcl9pZCI6IjEifQ.forged.forged")
    assert browser.get().status_code == 490, "beside the one that the cookie belonged to"


def test_a_name_of_the_application_opens_no_account_of_the_sites_own(house: House) -> None:
    """Not an administrator's either, however it is written; who came before is who they were."""
    house.let_in("ann")
    house.site.add_user("root", groups=[ADMIN_GROUP])
    for name in ("root", "ROOT"):
        browser = house.browser()
        browser.let_in(name)
        refused = browser.get()
        assert refused.status_code == 403
        assert "login of its own" in refused.text
        assert browser.get("/_timapp/administer/sessions").status_code in {302, 401, 403}
    assert house.site.sessions("root") == {}
    assert house.browser().let_in("ann").status_code == 200


def test_a_site_may_say_that_it_is_the_same_person(house: House) -> None:
    """By LINK_BY_NAME; then the application opens the account, whose groups it says."""
    house.guest.site.app.config["LINK_BY_NAME"] = ["application"]
    house.site.add_user(SUPERVISOR)
    assert house.let_in(SUPERVISOR).get("/_timapp/supervise").status_code == 200
    assert len(house.site.sessions(SUPERVISOR)) == 1


def test_what_is_sent_gets_there_whole(house: House) -> None:
    """Also at a request by which a session begins or ends."""
    browser = house.let_in("ann")
    sent = bytes(range(256)) * 1000
    assert browser.ask("POST", "/echo", content=sent).content == sent
    browser.forget("timapp")
    with house.site.app.app_context():
        db.session.execute(sa.update(UserSession).values(expired_at=sa.func.now()))
        db.session.commit()
    assert browser.ask("POST", "/echo", content=sent).content == sent


def test_the_pages_are_below_the_prefix(house: House) -> None:
    """Their addresses, files and forms, too; a supervisor is one by the application's word."""
    supervisor = house.let_in("super")
    console = supervisor.get("/_timapp/supervise")
    assert console.status_code == 200
    assert 'href="/_timapp/my-sessions"' in console.text
    assert supervisor.get("/_timapp").status_code in {200, 302, 308}
    assert house.let_in("ann").get("/_timapp/supervise").status_code == 403
    state = supervisor.get("/_timapp/user/sessions/state").json()
    assert (state["username"], state["standing"]) == ("super", "valid")


def test_nobody_asks_for_a_session_over_the_network(house: House) -> None:
    """What the application says of its people cannot be said by a client."""
    browser = house.browser()
    headers = {"timapp.embedded": "ann", "Timapp-Embedded": "ann", "Remote-User": "ann"}
    answer = browser.get("/_timapp/embedded?to=/", headers=headers)
    assert answer.status_code == 302
    assert "timapp" not in browser.cookies
    assert browser.get(headers=headers).text == "Hello, None."
