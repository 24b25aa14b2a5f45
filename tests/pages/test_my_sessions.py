"""The page on which people see their own sessions and end the others."""

from tests.site import Browser, Site
from timApp.auth.site import db
from timApp.guard.vocabulary import Action
from timApp.user.user import require_user


def ended(hall: Site, username: str) -> set[str]:
    """Return the ids of the user's sessions that are logged out."""
    return {id_ for id_, one in hall.sessions(username).items() if one.logged_out_at is not None}


def three_of_supervisor(hall: Site) -> tuple[Browser, Browser, Browser]:
    """Return three browsers in which the supervisor is logged in."""
    return (
        hall.logged_in("supervisor", "Phone"),
        hall.logged_in("supervisor", "Laptop"),
        hall.logged_in("supervisor", "Desk"),
    )


def test_people_see_their_own_sessions_and_nobody_elses(hall: Site) -> None:
    """The page names each of one's own devices, that in use first, and none of others."""
    hall.logged_in("alice", "Alices browser")
    browser, _, _ = three_of_supervisor(hall)
    page = browser.get_page("/my-sessions")
    assert page.status_code == 200
    shown = [page.text.index(device) for device in ("Phone", "Desk", "Laptop")]
    assert shown == sorted(shown)
    assert "Alices browser" not in page.text
    assert page.text.count("This is the session you are using.") == 1


def test_a_new_password_is_offered_to_who_has_one(hall: Site) -> None:
    """Whoever comes by another way alone finds no link to a page that can do nothing for them."""
    browser = hall.logged_in("alice")
    assert 'href="/my-password"' in browser.get_page("/my-sessions").text
    with hall.app.app_context():
        require_user(db, "alice").password_hash = None
        db.session.commit()
    assert 'href="/my-password"' not in browser.get_page("/my-sessions").text


def test_another_session_is_ended_for_good(hall: Site) -> None:
    """The session named is logged out and recorded; the others go on."""
    mine, other, third = three_of_supervisor(hall)
    response = mine.post("/my-sessions/end", data={"session_id": other.session_id})
    assert (response.status_code, response.location) == (303, "/my-sessions")
    assert ended(hall, "supervisor") == {other.session_id}
    assert other.get("/user/sessions/current").status_code == 403
    assert third.get("/user/sessions/current").status_code == 200
    assert hall.changes()[-1].action is Action.LOGOUT


def test_all_others_are_ended_at_once(hall: Site) -> None:
    """Every session but the current one is logged out, recorded once; repeating changes nothing."""
    mine, other, third = three_of_supervisor(hall)
    alice = hall.logged_in("alice")
    for _ in range(2):
        assert mine.post("/my-sessions/end-others").status_code == 303
        assert ended(hall, "supervisor") == {other.session_id, third.session_id}
    assert alice.get_page("/view/exam").status_code == 200
    last = hall.changes()[-2:]
    assert [change.session_count for change in last if change.action is Action.LOGOUT] == [2]


def test_a_blocked_session_that_is_ended_waits_no_more(hall: Site) -> None:
    """Ending a blocked one takes it off the console's list."""
    hall.add_user("bob")
    valid = hall.logged_in("bob")
    blocked = hall.logged_in("bob")
    assert blocked.get_page("/view/exam").status_code == 490
    supervisor = hall.logged_in("supervisor")
    assert "Bob" in supervisor.get_page("/supervise/waiting").text
    assert valid.post("/my-sessions/end-others").status_code == 303
    assert "Bob" not in supervisor.get_page("/supervise/waiting").text


def test_what_cannot_be_ended_is_refused(hall: Site) -> None:
    """The current session, an unknown one and somebody else's are errors that change nothing."""
    mine, _, _ = three_of_supervisor(hall)
    alice = hall.logged_in("alice")
    for session_id, status in (
        (mine.session_id, 422),
        (alice.session_id, 404),
        ("no\0session", 404),
        ("", 404),
    ):
        response = mine.post("/my-sessions/end", data={"session_id": session_id})
        assert response.status_code == status, session_id
    assert ended(hall, "supervisor") == ended(hall, "alice") == set()


def test_only_a_valid_session_may_end_others(hall: Site) -> None:
    """Anonymous visitors, blocked sessions and posts without the token change nothing."""
    valid = hall.logged_in("alice")
    blocked = hall.logged_in("alice")
    assert blocked.get_page("/my-sessions").status_code == 490
    assert blocked.post("/my-sessions/end-others").status_code == 490
    assert hall.browser().get_page("/my-sessions").status_code == 302
    valid.csrf_token = ""
    assert valid.post("/my-sessions/end-others").status_code == 400
    assert ended(hall, "alice") == set()
