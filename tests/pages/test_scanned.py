"""What a scanned link leads to."""

import pytest
import time_machine

from tests.conftest import MakeApp
from tests.site import Browser, Site
from timApp.auth.site import current_site, db
from timApp.guard.waiting.codes import waiting_sessions
from timApp.util.clock import now

LET_IN = "Let this one in."


def link_to(hall: Site, session_id: str) -> str:
    """Return the address in the QR code of alice's session."""
    with hall.app.app_context():
        return f"/supervise/link/{current_site().links.sign('alice', session_id)}"


def code_of(hall: Site) -> str:
    """Return the code of the one who waits."""
    with hall.app.app_context():
        (waiting,) = waiting_sessions(db)
        return waiting.code


def test_one_look_is_enough_to_decide(hall: Site) -> None:
    """Code, seat, device, since when, and what the one button blocks; the others are folded."""
    browser = hall.blocked("curl/8.1")
    page = hall.logged_in("supervisor").get_page(link_to(hall, browser.session_id)).text
    glance, _, folded = page.partition("<details>")
    for shown in (code_of(hall), "curl 8", "Waiting since", LET_IN, "Blocks: <bdi>curl 8</bdi>"):
        assert shown in glance
    assert "last seen <time" in glance or "not seen yet" in glance
    assert "1 other session" in folded
    assert LET_IN not in folded


def test_a_link_is_spent_by_the_verification(hall: Site) -> None:
    """It offers nothing any more; that of the page when it is blocked again is a newer one."""
    with time_machine.travel(now(), tick=False) as clock:
        browser = hall.blocked()
        other = next(iter(hall.active("alice")))
        link = link_to(hall, browser.session_id)
        supervisor = hall.logged_in("supervisor")
        clock.shift(5)
        form = {"user": "alice", "session_id": browser.session_id}
        assert supervisor.decide("/supervise/verify", data=form).status_code == 200
        page = supervisor.get_page(link)
        assert page.status_code == 422
        assert "This link is spent" in page.text
        assert LET_IN not in page.text
        clock.shift(5)
        form["session_id"] = other
        assert supervisor.decide("/supervise/verify", data=form).status_code == 200
        assert supervisor.get_page(link).status_code == 422
        fresh = supervisor.get_page(link_to(hall, browser.session_id))
        assert LET_IN in fresh.text


@pytest.mark.parametrize(
    ("address", "is_near"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("2001:db8::7", True),
        ("10.2.0.1", False),
        ("::1", False),
        ("", False),
        ("unknown", False),
    ],
)
def test_from_outside_of_the_exams_networks_the_code_is_confirmed(
    database_url: str, make_app: MakeApp, address: str, is_near: bool
) -> None:
    """A picture that was sent on shows no button before the code on the screen is typed."""
    networks = ["10.1.0.0/16", "2001:db8::/32"]
    hall = Site(make_app(database_url, SESSIONS_LINK_NETWORKS=networks))
    hall.add_exam_hall()
    browser = hall.blocked()
    link, supervisor = link_to(hall, browser.session_id), hall.logged_in("supervisor")

    def scan(code: str | None = None) -> tuple[int, bool]:
        query = {} if code is None else {"code": code}
        environ = {"REMOTE_ADDR": address}
        if code is not None:  # typed in the page, which the browser says
            environ["HTTP_REFERER"] = "http://localhost/"
        page = supervisor.get_page(link, query_string=query, environ_overrides=environ)
        return page.status_code, LET_IN in page.text

    assert scan() == (200, is_near)
    code = code_of(hall)
    wrong = code[:3] + next(one for one in "34679" if one != code[3])
    assert scan(wrong) == ((200, True) if is_near else (422, False))
    assert scan("") == ((200, True) if is_near else (422, False))
    assert scan(code.lower()) == (200, True)


def test_a_code_of_somebody_else_confirms_nothing(database_url: str, make_app: MakeApp) -> None:
    """The code has to be that of the session which the link names."""
    hall = Site(make_app(database_url, SESSIONS_LINK_NETWORKS=["10.1.0.0/16"]))
    hall.add_exam_hall()
    browser: Browser = hall.blocked()
    code = code_of(hall)
    hall.add_user("bob")
    hall.add_document("exam", ["bob"])
    for _ in range(2):
        bob = hall.logged_in("bob")
    bob.get_page("/view/exam")
    with hall.app.app_context():
        codes = {one.user_name: one.code for one in waiting_sessions(db)}
    supervisor = hall.logged_in("supervisor")
    link = link_to(hall, browser.session_id)
    supervisor.client.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"
    assert LET_IN not in supervisor.get_page(link, query_string={"code": codes["bob"]}).text
    assert LET_IN in supervisor.get_page(link, query_string={"code": code}).text


def test_whatever_a_picture_leads_to_the_code_is_typed(sqlite_url: str, make_app: MakeApp) -> None:
    """A code in its own address, the session's page, and a search for the link are no way round."""
    hall = Site(make_app(sqlite_url, SESSIONS_LINK_NETWORKS=["10.1.0.0/16"]))
    hall.add_exam_hall()
    session_id = hall.blocked().session_id
    link, code, supervisor = link_to(hall, session_id), code_of(hall), hall.logged_in("supervisor")
    painted = (f"{link}?code={code}", f"/supervise/person?user=alice&session={session_id}")
    for site in (None, "none", "cross-site"):
        if site is not None:
            supervisor.client.environ_base["HTTP_SEC_FETCH_SITE"] = site
        for address in painted:
            page = supervisor.client.get(address, follow_redirects=True)
            assert "Type the code" in page.text, (site, address)
            assert LET_IN not in page.text
    supervisor.client.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"
    assert LET_IN in supervisor.get_page(painted[1]).text
    found = supervisor.client.get("/supervise/find", query_string={"q": f"http://localhost{link}"})
    assert found.location == link


def test_a_spent_link_is_not_found_by_its_text_either(hall: Site) -> None:
    """The field of the console leads to the same answer as the picture."""
    with time_machine.travel(now(), tick=False) as clock:
        session_id = hall.blocked().session_id
        link, supervisor = link_to(hall, session_id), hall.logged_in("supervisor")
        clock.shift(5)
        form = {"user": "alice", "session_id": session_id}
        assert supervisor.decide("/supervise/verify", data=form).status_code == 200
        found = supervisor.client.get("/supervise/find", query_string={"q": f"http://x{link}"})
        assert supervisor.get_page(found.location).status_code == 422
