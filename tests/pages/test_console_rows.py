"""The list of who waits, as the console brings it up to date row by row."""

import gzip
import json
import re

import pytest
import sqlalchemy as sa
import time_machine

from tests.site import Browser, Site
from timApp.auth.site import db
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.waiting import WaitingSession
from timApp.guard.waiting.code import DIGITS, LETTERS
from timApp.guard.waiting.codes import waiting_sessions
from timApp.user.user import User, create_user
from timApp.util.clock import now

WAITING = "/supervise/waiting"


@pytest.fixture
def hall(site: Site) -> Site:
    """A hall where alice waits, with two supervisors."""
    site.add_exam_hall()
    site.add_supervisor("second")
    site.blocked()
    return site


def rows_of(browser: Browser) -> dict[str, tuple[str, str]]:
    """Return version and HTML of each row by its key."""
    answer = browser.get(WAITING).json
    assert answer
    lists = answer["lists"]
    return {key: (version, html) for rows in lists for key, version, html in rows}


def test_a_list_that_has_not_changed_is_not_sent_again(hall: Site) -> None:
    """304 to whoever has the tag; another language, or somebody more, and there is a new list."""
    supervisor = hall.logged_in("supervisor")
    first = supervisor.get(WAITING)
    headers = {"If-None-Match": first.headers["ETag"]}
    again = supervisor.get(WAITING, headers=headers)
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    asked = headers | {"Accept": "text/html", "Accept-Language": "fi"}
    finnish = supervisor.client.get(WAITING, headers=asked)
    assert finnish.status_code == 200
    hall.blocked()
    assert supervisor.get(WAITING, headers=headers).status_code == 200


def test_the_list_is_compressed_for_whoever_understands_it(hall: Site) -> None:
    """With gzip it is the same, and smaller; others get it plain."""
    supervisor = hall.logged_in("supervisor")
    plain = supervisor.get(WAITING)
    assert "Content-Encoding" not in plain.headers
    packed = supervisor.get(WAITING, headers={"Accept-Encoding": "gzip, br"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert len(packed.data) < len(plain.data)
    assert json.loads(gzip.decompress(packed.data)) == plain.json


def test_a_row_has_another_version_when_it_says_something_else(hall: Site) -> None:
    """The page knows by it which rows to touch, and leaves the others alone."""
    supervisor = hall.logged_in("supervisor")
    before = rows_of(supervisor)
    assert rows_of(supervisor) == before
    hall.add_user("bob")
    hall.add_document("exam", ["bob"])
    for _ in range(2):
        bob = hall.logged_in("bob")
    bob.get_page("/view/exam")
    after = rows_of(supervisor)
    assert after["alice "] == before["alice "]
    assert set(after) == {"alice ", "bob "}
    hall.blocked()
    assert rows_of(supervisor)["alice "][0] != before["alice "][0]


def test_everybody_of_three_hundred_who_wait_is_on_the_list(hall: Site) -> None:
    """Whatever they wait for; a poll that changes nothing is less than a KiB, headers and all."""
    with hall.app.app_context():
        codes = [a + b + c + d for a in LETTERS for b in LETTERS for c in DIGITS for d in DIGITS]
        codes.remove(db.session.scalars(sa.select(WaitingSession.code)).one())
        for number in range(299):
            create_user(db, f"student{number}", None)
        db.session.flush()
        ids = db.session.scalars(sa.select(User.id).where(User.name.like("student%"))).all()
        for number, user_id in enumerate(ids):
            moment = now()
            session = UserSession(
                user_id=user_id,
                session_id=f"s{number}",
                origin="[10.0.0.7] Firefox",
                logged_in_at=moment,
                expired_at=moment,
            )
            db.session.add(session)
            db.session.flush()
            db.session.add(
                WaitingSession(
                    user_id=user_id, session_id=f"s{number}", code=codes[number], since=moment
                )
            )
        db.session.commit()
    supervisor = hall.logged_in("supervisor")
    assert len(rows_of(supervisor)) == 300
    page = supervisor.get_page("/supervise").text
    assert "300 wait, the longest since" in page
    assert "<title>(300) Supervise" in page
    tag = supervisor.get(WAITING).headers["ETag"]
    poll = supervisor.get(WAITING, headers={"If-None-Match": tag})
    assert poll.status_code == 304
    size = sum(len(name) + len(value) + 4 for name, value in poll.headers) + len(poll.data)
    assert size < 1024


def test_a_row_names_who_else_has_the_person_open(hall: Site) -> None:
    """The other supervisor sees it until the page says that it is left, or nothing for a while."""
    one, two = hall.logged_in("supervisor"), hall.logged_in("second")
    with time_machine.travel(now(), tick=False) as clock:
        assert one.post("/supervise/look", data={"user": "alice"}).json == {"others": []}
        assert "Supervisor has this person open" in rows_of(two)["alice "][1]
        assert "has this person open" not in rows_of(one)["alice "][1]
        assert two.post("/supervise/look", data={"user": "alice"}).json == {
            "others": ["Supervisor"]
        }
        left = {"user": "alice", "left": "yes"}
        assert one.post("/supervise/look", data=left).json == {"others": ["Second"]}
        assert "has this person open" not in rows_of(two)["alice "][1]
        assert one.post("/supervise/look", data=left | {"left": "no"}).status_code == 422
        one.post("/supervise/look", data={"user": "alice"})
        assert "Supervisor has this person open" in rows_of(two)["alice "][1]
        clock.shift(16)
        assert "has this person open" not in rows_of(two)["alice "][1]
    assert one.post("/supervise/look", data={"user": "nobody"}).json == {"others": []}
    student = hall.logged_in("alice")
    assert student.post("/supervise/look", data={"user": "alice"}).status_code == 490


def test_whoever_has_decided_has_the_person_open_no_more(hall: Site) -> None:
    """Nor after it is undone: the decision is the end of the look."""
    one, two = hall.logged_in("supervisor"), hall.logged_in("second")
    one.post("/supervise/look", data={"user": "alice"})
    assert "Supervisor has this person open" in rows_of(two)["alice "][1]
    with hall.app.app_context():
        (waiting,) = [one for one in waiting_sessions(db) if one.user_name == "alice"]
    decided = one.decide(
        "/supervise/verify", data={"user": "alice", "session_id": waiting.session_id}
    )
    number = re.findall(r'name="number" value="(\d+)"', decided.text)[0]
    one.decide("/supervise/undo", data={"user": "alice", "number": number})
    hall.logged_in("alice").get_page("/view/exam")
    assert "has this person open" not in rows_of(two)["alice "][1]
