"""Class lists on pages: sent, looked at, carried out, and slips to print."""

import io
import re
import threading
from collections.abc import Iterator

import pytest
from werkzeug.test import TestResponse

from tests.site import Browser, Site
from timApp.auth.site import db
from timApp.guard.vocabulary import Action
from timApp.user.people import find_person
from timApp.user.roster.hashing import THREAD_NAME

IMPORT = "/administer/people/import"
LIST = "Tunnus;Nimi;Ryhmä;Paikka\nalice;Alice A;Students;\nbob;Bob B;Students;B-14\n"


@pytest.fixture
def desk(site: Site) -> Iterator[Site]:
    """A site with alice and an administrator, whose hashes are made when it is closed."""
    site.add_user("alice")
    site.add_admin()
    yield site
    for thread in threading.enumerate():
        if thread.name == THREAD_NAME:
            thread.join()


def send(browser: Browser, content: bytes, name: str = "class.csv", **said: str) -> TestResponse:
    """Send a file by the form."""
    form = {"file": (io.BytesIO(content), name), "csrf_token": browser.csrf_token, **said}
    headers = {"Accept": "text/html"}
    return browser.client.post(IMPORT, data=form, headers=headers, follow_redirects=True)


def test_a_list_is_looked_at_and_then_carried_out(desk: Site) -> None:
    """Nothing is changed by the look; then there is a slip for who is new, shown once."""
    admin = desk.logged_in("admin")
    page = send(admin, LIST.encode())
    assert page.status_code == 200
    assert "1 new, 1 changed, 0 the same, 0 wrong" in page.text
    with desk.app.app_context():
        assert find_person(db, "bob") is None
    done = admin.decide(f"{IMPORT}/enroll", data={"groups": "Retake"})
    assert done.status_code == 200
    for shown in ("1 person is new", "Bob B", "B-14", 'class="qr"'):
        assert shown in done.text
    with desk.app.app_context():
        bob = find_person(db, "bob")
        assert bob is not None
        assert sorted(bob.groups) == ["Retake", "Students"]
    recorded = {(one.action, one.actor, one.reason) for one in desk.changes()}
    assert (Action.ADD_PERSON, "admin", None) in recorded
    assert (Action.CHANGE_PERSON, "admin", "class list") in recorded
    found = re.search(r'slip-secret">([a-z0-9-]+)<', done.text)
    assert found is not None
    answer = desk.browser().log_in("bob", found[1])
    assert answer.status_code == 200, answer.text
    assert admin.decide(f"{IMPORT}/enroll", data={}).status_code == 404


def test_columns_and_encoding_are_said_where_they_are_not_known(desk: Site) -> None:
    """The page offers the columns; what is chosen is kept for the carrying out."""
    admin = desk.logged_in("admin")
    page = send(admin, "Matrikel,Wer\nbob,Böb\n".encode("mac_roman"))
    assert "No column has the names with which people log in." in page.text
    said = {"column": ["0=name", "1=real_name"], "encoding": "mac_roman"}
    page = admin.get_page(f"{IMPORT}/look", query_string=said)
    assert "1 new, 0 changed" in page.text
    assert "Böb" in page.text
    assert 'value="1=real_name" selected' in page.text
    assert admin.decide(f"{IMPORT}/enroll", data=said).status_code == 200
    wrong = admin.get_page(f"{IMPORT}/look", query_string={"column": "x=name"})
    assert wrong.status_code in {404, 422}


def test_the_encoding_is_said_with_the_file_where_it_is_found_out_wrongly(desk: Site) -> None:
    """The form that tells what is wrong asks for it, and the next page has it chosen."""
    admin = desk.logged_in("admin")
    content = "username;real name\nbob;Böb \x81\n".encode("latin-1")
    wrong = send(admin, content)
    assert wrong.status_code == 422
    assert "say in which encoding the file is" in wrong.text
    assert '<select class="form-select" id="encoding" name="encoding">' in wrong.text
    page = send(admin, content, encoding="mac_roman")
    assert "1 new, 0 changed" in page.text
    assert '<option value="mac_roman" selected>' in page.text


def test_lost_slips_are_made_anew(desk: Site) -> None:
    """Whoever has never logged in has another password then, and that is recorded."""
    admin = desk.logged_in("admin")
    send(admin, LIST.encode())
    admin.decide(f"{IMPORT}/enroll", data={})
    send(admin, LIST.encode())
    done = admin.decide(f"{IMPORT}/enroll", data={"renew": "yes"})
    assert "0 people are new" in done.text
    found = re.findall(r'slip-secret">([a-z0-9-]+)<', done.text)
    assert desk.browser().log_in("bob", found[-1]).status_code == 200
    assert (Action.NEW_CREDENTIALS, "admin", "class list") in {
        (one.action, one.actor, one.reason) for one in desk.changes()
    }
    assert "site-languages" not in done.text, "the page cannot be had again in another language"


def test_a_wrong_line_stops_all_of_it(desk: Site) -> None:
    """It is told first, with why; a form that is sent all the same changes nothing."""
    admin = desk.logged_in("admin")
    page = send(admin, b"username\nbob\nadmin\n\x07\n")
    assert "1 new, 0 changed, 1 the same, 1 wrong" in page.text
    assert "Carry it out" not in page.text
    assert "must not have control characters" in page.text
    assert admin.decide(f"{IMPORT}/enroll", data={}).status_code == 422
    with desk.app.app_context():
        assert find_person(db, "bob") is None


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "nothing in the file"),
        (b"username\n", "nobody in the file"),
        (b"PK\x03\x04", "damaged"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_beside_the_field(
    desk: Site, content: bytes, why: str
) -> None:
    """With 422, in the form."""
    page = send(desk.logged_in("admin"), content)
    assert page.status_code == 422
    assert why in page.text
    assert 'aria-describedby="file-error"' in page.text


def test_a_file_that_is_too_large_is_refused(desk: Site) -> None:
    """Before anybody reads it."""
    admin = desk.logged_in("admin")
    body = b"--b\r\n" + b"x" * 1_048_577
    headers = {"X-CSRFToken": admin.csrf_token}
    kind = "multipart/form-data; boundary=b"
    answer = admin.client.post(IMPORT, data=body, content_type=kind, headers=headers)
    assert answer.status_code == 413


def test_a_form_in_parts_is_taken_here_alone_and_with_the_token(desk: Site) -> None:
    """Without the token it is 400; other pages take none; unknown parts are refused."""
    admin = desk.logged_in("admin")
    form = {"file": (io.BytesIO(LIST.encode()), "x.csv")}
    assert admin.client.post(IMPORT, data=form).status_code == 400
    more = {"file": (io.BytesIO(b"x"), "x"), "surplus": "x", "csrf_token": admin.csrf_token}
    assert admin.client.post(IMPORT, data=more).status_code == 422
    twice = {
        "file": [(io.BytesIO(b"x"), "x"), (io.BytesIO(b"y"), "y")],
        "csrf_token": admin.csrf_token,
    }
    assert admin.client.post(IMPORT, data=twice).status_code == 422


def test_lists_are_for_administrators_and_each_has_their_own(desk: Site) -> None:
    """Others are refused; one administrator does not carry out what another one has sent."""
    desk.add_supervisor()
    desk.add_admin("boss")
    for name in ("alice", "supervisor"):
        browser = desk.logged_in(name)
        assert send(browser, LIST.encode()).status_code == 403
        for path in ("", "/look"):
            assert browser.get_page(IMPORT + path).status_code == 403
        assert browser.decide(f"{IMPORT}/enroll", data={}).status_code == 403
    send(desk.logged_in("admin"), LIST.encode())
    assert desk.logged_in("boss").decide(f"{IMPORT}/enroll", data={}).status_code == 404
