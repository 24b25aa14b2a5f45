"""What people see when the cookie of a login was copied, and that honest browsers never do."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine

from tests.conftest import MakeApp
from tests.site import Browser, Site
from timApp.util.clock import now


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that stands still until it is moved."""
    with time_machine.travel(now(), tick=False) as traveller:
        yield traveller


@pytest.fixture
def hall(database_url: str, make_app: MakeApp) -> Site:
    """A site where blocks hold, with an exam, a student and a supervisor."""
    site = Site(make_app(database_url, SESSIONS_AFTER_END="hold"))
    site.add_exam_hall()
    return site


def copied(hall: Site, browser: Browser, user_agent: str = "Opera/9.80") -> Browser:
    """Return another browser with the same cookie."""
    thief = hall.browser(user_agent)
    cookie = browser.client.get_cookie("timapp")
    assert cookie is not None
    thief.client.set_cookie("timapp", cookie.value)
    thief.csrf_token = browser.csrf_token
    return thief


def find_copy(clock: time_machine.Traveller, owner: Browser, thief: Browser) -> None:
    """Let both use the cookie until that is noticed."""
    for _ in range(30):
        clock.shift(timedelta(seconds=5))
        if 490 in {one.get("/view/exam").status_code for one in (owner, thief)}:
            break
    for one in (owner, thief):
        state = one.get("/user/sessions/current").json
        assert state
        assert state["valid"] is False
        one.session_id = state["sessionId"]


def test_both_are_told_and_the_one_that_is_verified_goes_on(
    hall: Site, clock: time_machine.Traveller
) -> None:
    """Each has a page with both places and a code of its own; the other one is nobody then."""
    owner = hall.logged_in("alice")
    thief = copied(hall, owner)
    find_copy(clock, owner, thief)
    pages = [one.get_page("/view/exam") for one in (owner, thief)]
    for page in pages:
        assert page.status_code == 490
        assert "Your login is blocked" in page.text
        assert "somebody has copied it" in page.text
        assert page.text.index("It was in use here:") < page.text.index("(this place)")
        assert "Opera" in page.text
        assert "Firefox" in page.text
        assert 'class="short-code"' in page.text
    codes = {page.text.partition('class="short-code">')[2][:4] for page in pages}
    assert len(codes) == 2

    supervisor = hall.logged_in("supervisor")
    console = supervisor.get_page("/supervise").text
    for code in codes:
        assert code in console
    # One entry, as they are one person.
    assert console.count("copied, in use in two places") == 1
    comparison = supervisor.get_page(f"/supervise/person?user=alice&session={owner.session_id}")
    assert "The one that you verify goes on; the other one is over." in comparison.text
    assert comparison.text.count("Blocked: copied, in use in two places") == 2
    form = {"user": "alice", "session_id": owner.session_id}
    assert supervisor.decide("/supervise/verify", data=form).status_code == 200

    assert owner.get_page("/view/exam").status_code == 200
    assert thief.get("/user/sessions/current").status_code == 403
    assert thief.get_page("/view/exam").location.startswith("/login")
    hall.add_admin()
    record = hall.logged_in("admin").get_page("/administer/person?user=alice").text
    assert "Found to be copied, and ended" in record
    assert record.count("<dt>Cause</dt><dd>copied, in use in two places</dd>") == 3


def test_the_state_alone_is_enough_to_be_found(hall: Site, clock: time_machine.Traveller) -> None:
    """A copy that asks for nothing but the state of its session is one as well."""
    owner = hall.logged_in("alice")
    thief = copied(hall, owner)
    for _ in range(40):
        clock.shift(timedelta(seconds=5))
        owner.get("/view/exam")
        answer = thief.get("/user/sessions/current")
        if answer.json == {"sessionId": answer.json["sessionId"], "valid": False}:  # type: ignore[index]
            break
    assert owner.get("/view/exam").status_code == 490


def test_a_renewed_cookie_holds_what_it_held(hall: Site, clock: time_machine.Traveller) -> None:
    """The token against other sites stays, so that a form which is open can be sent."""
    owner = hall.logged_in("alice")
    before = owner.client.get_cookie("timapp")
    for _ in range(5):
        clock.shift(timedelta(seconds=61))
        assert "Set-Cookie" in owner.get("/view/exam").headers
        assert "Set-Cookie" not in owner.get("/view/exam").headers
    assert owner.client.get_cookie("timapp") != before
    assert owner.post("/my-sessions/end-others").status_code == 303


def test_an_answer_that_sets_the_cookie_anyway_brings_no_old_number(
    hall: Site, clock: time_machine.Traveller
) -> None:
    """One that was asked for before the renewal, and comes after it was used, alarms nobody."""
    owner = hall.logged_in("alice")
    clock.shift(timedelta(seconds=61))
    late = copied(hall, owner, "Firefox")
    owner.get("/view/exam")
    owner.get("/view/exam")
    answer = late.post("/my-sessions/end-others")
    assert answer.status_code == 303
    assert "timapp=" in answer.headers["Set-Cookie"]
    # The browser keeps what comes last.
    for seconds in (1, 15, 20, 61, 61):
        clock.shift(timedelta(seconds=seconds))
        assert late.get("/view/exam").status_code == 200


def test_an_administrator_has_to_log_in_again(hall: Site, clock: time_machine.Traveller) -> None:
    """A copied cookie of somebody who passes without a session is nobody's."""
    hall.add_admin()
    owner = hall.logged_in("admin")
    thief = copied(hall, owner)
    statuses = set()
    for _ in range(20):
        clock.shift(timedelta(seconds=5))
        statuses = {one.get("/user/sessions/all").status_code for one in (owner, thief)}
    assert statuses == {403}
    assert owner.log_in("admin").status_code == 200
    assert owner.get("/user/sessions/all").status_code == 200


def test_where_a_session_is_seen_is_shown(hall: Site, clock: time_machine.Traveller) -> None:
    """In the list of who waits, in the comparison and in the record, once it is elsewhere."""
    hall.logged_in("alice")
    browser = hall.logged_in("alice")
    browser.get_page("/view/exam")
    supervisor = hall.logged_in("supervisor")
    hall.add_admin()
    admin = hall.logged_in("admin")
    paths = ("/supervise", "/supervise/person?user=alice", "/administer/person?user=alice")
    for is_elsewhere in (False, True, False):
        agent = "Opera/9.80" if is_elsewhere else "Firefox"
        browser.client.environ_base["HTTP_USER_AGENT"] = agent
        clock.shift(timedelta(seconds=15))
        browser.get("/user/sessions/current")
        for one, path in zip((supervisor, supervisor, admin), paths, strict=True):
            page = one.get_page(path).text
            assert ("Seen elsewhere" in page) is is_elsewhere
            assert ("Opera" in page) is is_elsewhere
