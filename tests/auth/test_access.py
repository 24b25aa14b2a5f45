"""Who may see which document, and what everybody else is told."""

from collections.abc import Iterable

import pytest

from tests.conftest import MakeApp
from tests.site import Browser, Site
from timApp.auth.session.util import invalidate_sessions_for
from timApp.auth.site import db
from timApp.document.model import save_document
from timApp.item.accesstype import AccessType
from timApp.item.block import grant_access, has_access
from timApp.user.user import require_user
from timApp.user.usergroup import require_group


def add_document(site: Site, path: str, rights: Iterable[tuple[str, AccessType]] = ()) -> None:
    """Add a document to which the users and groups have these rights."""
    with site.app.app_context():
        document, _ = save_document(db, path, f"# About {path}")
        for name, access_type in rights:
            assert grant_access(db, document.block, require_group(db, name), access_type) is True
            assert grant_access(db, document.block, require_group(db, name), access_type) is False
        db.session.commit()


def listed(browser: Browser) -> list[str]:
    """Return the paths of the documents that the start page lists."""
    answer = browser.get("/")
    assert answer.json is not None
    return [entry["path"] for entry in answer.json]


def test_rights_come_from_the_person_or_from_one_of_their_groups(site: Site) -> None:
    """A right of the personal group or of any other group opens a document, and no other does."""
    site.add_user("alice", ["Course"])
    site.add_user("bob", ["Others"])
    add_document(site, "alices", [("alice", AccessType.VIEW)])
    add_document(site, "courses", [("Course", AccessType.VIEW)])
    add_document(site, "everybodys", [("Course", AccessType.VIEW), ("bob", AccessType.VIEW)])
    add_document(site, "nobodys")
    alice, bob = site.logged_in("alice"), site.logged_in("bob")
    expected = {
        "alices": (200, 403),
        "courses": (200, 403),
        "everybodys": (200, 200),
        "nobodys": (403, 403),
        "missing": (404, 404),
    }
    for path, statuses in expected.items():
        found = tuple(browser.get(f"/view/{path}").status_code for browser in (alice, bob))
        assert found == statuses, path
    assert listed(alice) == ["alices", "courses", "everybodys"]
    assert listed(bob) == ["everybodys"]


def test_edit_and_manage_imply_view_and_not_the_other_way_round(site: Site) -> None:
    """Each kind of right allows what the kinds before it allow."""
    site.add_user("alice")
    kinds = list(AccessType)
    assert kinds == [AccessType.VIEW, AccessType.EDIT, AccessType.MANAGE]
    for kind in kinds:
        add_document(site, kind.value, [("alice", kind)])
    alice = site.logged_in("alice")
    for kind in kinds:
        assert alice.get(f"/view/{kind.value}").status_code == 200
    with site.app.app_context():
        user_id = require_user(db, "alice").id
        for given in kinds:
            document, _ = save_document(db, given.value, f"# About {given.value}")
            for asked in kinds:
                expected = kinds.index(asked) <= kinds.index(given)
                assert has_access(db, user_id, document.id, asked) is expected
        assert has_access(db, user_id, 4711, AccessType.VIEW) is False
        assert has_access(db, 4711, document.id, AccessType.VIEW) is False


def test_an_administrator_sees_every_document(site: Site) -> None:
    """Administrators need no right; supervisors do."""
    site.add_admin()
    site.add_supervisor()
    add_document(site, "nobodys")
    admin, supervisor = site.logged_in("admin"), site.logged_in("supervisor")
    assert admin.get("/view/nobodys").status_code == 200
    assert listed(admin) == ["nobodys"]
    assert supervisor.get("/view/nobodys").status_code == 403
    assert listed(supervisor) == []


def test_a_document_is_json_for_programs_and_a_page_for_people(site: Site) -> None:
    """The same address gives title and text in the form that the Accept header asks for."""
    site.add_user("alice")
    add_document(site, "exam", [("alice", AccessType.VIEW)])
    browser = site.logged_in("alice")
    answer = browser.get("/view/exam")
    assert answer.json
    assert (answer.json["path"], answer.json["title"]) == ("exam", "About exam")
    assert "<h1>" in answer.json["html"]
    page = browser.get_page("/view/exam")
    assert page.mimetype == "text/html"
    assert "About exam" in page.text
    for each in (answer, page):
        assert each.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/view/exam", "/view/no/such", "/", "/user/sessions/all"])
def test_anonymous_visitors_are_sent_to_the_login_or_refused(site: Site, path: str) -> None:
    """A browser goes to the login page and remembers where from; a program gets 403 in JSON."""
    site.add_document("exam")
    page = site.browser().get_page(path)
    assert (page.status_code, page.location) == (302, f"/login?next={path}")
    answer = site.browser().get(path)
    assert (answer.status_code, answer.json) == (403, {"error": "Log in first."})


def test_without_the_right_a_page_or_json_says_so(site: Site) -> None:
    """403 comes as a page to people and as JSON to programs, and the text stays hidden."""
    site.add_user("alice")
    site.add_document("secret", source="# The answers\n\nforty-two")
    browser = site.logged_in("alice")
    page = browser.get_page("/view/secret")
    assert (page.status_code, page.mimetype) == (403, "text/html")
    answer = browser.get("/view/secret")
    assert (answer.status_code, answer.mimetype) == (403, "application/json")
    assert answer.json
    assert "secret" in answer.json["error"]
    for each in (page, answer):
        assert "forty-two" not in each.text
        assert "The answers" not in each.text


def test_an_expired_session_gets_490_as_a_page_or_json(site: Site) -> None:
    """The page says why, who one is and shows the code; JSON says why; neither is kept anywhere."""
    site.add_user("alice")
    site.add_document("exam", ["alice"])
    site.logged_in("alice")
    browser = site.logged_in("alice")
    page = browser.get_page("/view/exam")
    assert (page.status, page.mimetype) == ("490 Session Expired", "text/html")
    assert "also logged in on another device" in page.text
    assert "/supervise/link/" in page.text
    assert "<svg" in page.text
    assert "/view/exam" in page.text
    answer = browser.get("/view/exam")
    assert (answer.status, answer.mimetype) == ("490 Session Expired", "application/json")
    assert answer.json
    assert set(answer.json) == {"error"}
    assert "another device" in answer.json["error"]
    for each in (page, answer):
        assert each.headers["Cache-Control"] == "no-store"


def test_the_blocked_page_leads_back_to_the_whole_address(site: Site) -> None:
    """Who is verified goes on where they were, with all that the address says."""
    site.add_supervisor()
    browser = site.logged_in("supervisor")
    with site.app.app_context():
        invalidate_sessions_for("supervisor")
        db.session.commit()
    page = browser.get_page("/supervise/find?q=KX47")
    assert page.status_code == 490
    assert "/supervise/find?q=KX47" in page.text


def test_an_expired_session_does_not_learn_what_exists(site: Site) -> None:
    """Documents that are there, forbidden and missing are all the same to an expired session."""
    site.add_user("alice")
    site.add_document("mine", ["alice"])
    site.add_document("others")
    site.logged_in("alice")
    browser = site.logged_in("alice")
    answers = [browser.get(f"/view/{path}") for path in ("mine", "others", "missing", "%00")]
    assert [answer.status_code for answer in answers] == [490] * 4
    assert len({answer.text for answer in answers}) == 1


def test_an_expired_browser_still_has_its_status_and_the_logout(site: Site) -> None:
    """Who is blocked can see so, and can log out from the blocked page."""
    site.add_user("alice")
    site.logged_in("alice")
    browser = site.logged_in("alice")
    page = browser.get_page("/")
    assert page.status_code == 490
    assert 'action="/logout"' in page.text
    current = browser.get("/user/sessions/current").json
    assert current == {"sessionId": browser.session_id, "valid": False}
    assert browser.log_out().json == {"status": "ok"}
    assert browser.get("/user/sessions/current").status_code == 403


def test_a_cookie_older_than_the_tracking_of_sessions_is_told_to_log_in_again(site: Site) -> None:
    """Without session info there is nothing to verify: the page says what to do, without a code."""
    site.add_user("alice")
    browser = site.logged_in("alice")
    with browser.client.session_transaction() as cookie:
        del cookie["session_id"]
    page = browser.get_page("/")
    assert page.status_code == 490
    assert "Log out and log in again" in page.text
    assert "<svg" not in page.text
    assert browser.get("/user/sessions/current").json == {"sessionId": None, "valid": False}
    assert browser.log_out().status_code == 200


def test_a_login_while_tracking_was_off_is_told_to_log_in_again(
    site: Site, database_url: str, make_app: MakeApp
) -> None:
    """A session that was never recorded cannot be verified, so nobody is sent for a supervisor."""
    site.add_user("alice")
    earlier = Site(make_app(database_url, SESSIONS_ENABLE=False)).logged_in("alice")
    cookie = earlier.client.get_cookie("timapp")
    assert cookie is not None
    browser = site.browser()
    browser.client.set_cookie("timapp", cookie.value)
    page = browser.get_page("/")
    assert page.status_code == 490
    assert "Log out and log in again" in page.text
    assert "<svg" not in page.text


def test_a_right_that_is_taken_away_is_gone_on_the_next_request(site: Site) -> None:
    """Rights are asked of the database at each request."""
    site.add_user("alice", ["Course"])
    add_document(site, "exam", [("Course", AccessType.VIEW)])
    browser = site.logged_in("alice")
    assert browser.get("/view/exam").status_code == 200
    with site.app.app_context():
        alice = require_user(db, "alice")
        alice.groups.remove(require_group(db, "Course"))
        db.session.commit()
    assert browser.get("/view/exam").status_code == 403


def test_hidden_texts_of_names_are_shown_as_text(site: Site) -> None:
    """Markup in names and paths is text on every page."""
    name = "<script>alert(1)</script>"
    site.add_user(name)
    site.add_document("<b>bold</b>", [name], source="plain")
    browser = site.logged_in(name)
    pages = [browser.get_page("/"), browser.get_page("/view/%3Cb%3Ebold%3C/b%3E")]
    second = site.logged_in(name)
    pages += [second.get_page("/"), second.get_page("/view/x")]
    assert [page.status_code for page in pages] == [200, 200, 490, 490]
    for page in pages:
        assert "<script>alert" not in page.text
        assert "<b>" not in page.text


def test_whoever_is_blocked_is_told_so_whatever_else_is_wrong(hall: Site) -> None:
    """A blocked browser gets 490, also for a change whose form has no token or no sense."""
    blocked = hall.blocked()
    for options in ({}, {"json": {"what": 1}}, {"headers": {"X-CSRFToken": "guessed"}}):
        assert blocked.client.post("/my-sessions/end-others", **options).status_code == 490
