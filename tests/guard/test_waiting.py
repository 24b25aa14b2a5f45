"""The blocked page, its short code and its link."""

import re
from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from tests.conftest import MakeApp
from tests.site import Site
from tests.statements import noted_statements
from tests.together import together
from timApp.auth.site import current_site, db
from timApp.guard.seen import _write_seen
from timApp.guard.tables.session import UserSession
from timApp.guard.waiting.code import is_like_code, is_near, normal_code
from timApp.guard.waiting.codes import PATIENCE, PER_PERSON_MAX, find_waiting, waiting_sessions
from timApp.guard.waiting.link import (
    LINK_LIFETIME,
    ExpiredLink,
    ForgedLink,
    LinkedSession,
)
from timApp.util.clock import now

CODE = re.compile(r'class="short-code">([A-Z]{2}[0-9]{2})<')
LINK = re.compile(r'href="(http://localhost/supervise/link/[^"]+)"')


def codes(hall: Site) -> list[str]:
    """Return the codes of those who wait."""
    with hall.app.app_context():
        return [waiting.code for waiting in waiting_sessions(db)]


def test_the_blocked_page_shows_name_code_and_link(hall: Site) -> None:
    """The page shows who it is, a short code without look-alikes, and a link that names both."""
    browser = hall.blocked()
    page = browser.get_page("/view/exam").text
    assert "Alice" in page
    code = CODE.search(page)
    assert code
    assert not set(code[1]) & set("BIOSVZ01258")
    assert codes(hall) == [code[1]]
    link = LINK.search(page)
    assert link
    with hall.app.app_context():
        assert current_site().links.read(link[1].rpartition("/")[2]) == LinkedSession(
            "alice", browser.session_id
        )


def test_a_hall_of_blocked_pages_begins_no_transaction_but_for_new_codes(hall: Site) -> None:
    """All else they ask of the database goes the short way: a thousand may come at once."""
    hall.logged_in("alice")
    second, third = hall.logged_in("alice"), hall.logged_in("alice")
    assert third.get_page("/view/exam").status_code == 490
    with noted_statements(hall) as statements:
        assert second.get_page("/view/exam").status_code == 490
        # Its turn among the person's pages, whether there is room, and the code.
        kinds = [one.split()[0] for one in statements]
        assert kinds[-3:] == ["SELECT", "DELETE", "INSERT"]
        assert kinds[:-3] in (["BEGIN"], ["SELECT"])
        del statements[:]
        assert second.get_page("/view/exam").status_code == 490
        assert statements == []


def test_pages_of_one_person_that_come_at_once_have_no_more_codes_than_may_be(hall: Site) -> None:
    """Though each of them finds room before any of them has a code."""
    hall.logged_in("alice")
    blocked = [hall.logged_in("alice") for _ in range(12)]
    pages = together([partial(one.get_page, "/view/exam") for one in blocked])
    assert [page.status_code for page in pages] == [490] * 12
    shown = [code[1] for page in pages if (code := CODE.search(page.text))]
    assert len(shown) == len(set(shown)) == PER_PERSON_MAX
    assert sorted(codes(hall)) == sorted(shown)


def test_the_blocked_page_says_why(hall: Site) -> None:
    """Other people's sessions, and those that are over, are not taken for another device."""
    hall.add_user("bob")
    hall.logged_in("bob")
    first = hall.logged_in("alice")
    second = hall.logged_in("alice")

    def told() -> str:
        answer = second.get("/view/exam").json
        assert answer
        page = second.get_page("/view/exam").text
        headline, _, why = str(answer["error"]).partition(". ")
        assert f">{headline}</h1>" in page
        assert why in page
        return f"{headline}: {why}"

    assert "Your login is blocked: You are also logged in on another device." in told()
    first.log_out()
    assert "You were logged in on another device when you logged in on this one." in told()
    supervisor = hall.logged_in("supervisor")
    form = {"user": "alice", "session_id": second.session_id}
    assert supervisor.decide("/supervise/verify", data=form).status_code == 200
    assert supervisor.decide("/supervise/invalidate", data=form).status_code == 200
    assert "Your session is expired: A supervisor has stopped this session." in told()


def test_the_code_stays_while_the_page_is_shown_again(hall: Site) -> None:
    """A page that is shown again shows the same code."""
    browser = hall.blocked()
    shown = {CODE.findall(browser.get_page("/view/exam").text)[0] for _ in range(3)}
    assert len(shown) == 1


def test_the_code_is_gone_once_it_is_used(hall: Site) -> None:
    """After the verification the code finds nobody, even if the session expires again."""
    browser = hall.blocked()
    [code] = codes(hall)
    supervisor = hall.logged_in("supervisor")
    form = {"user": "alice", "session_id": browser.session_id}
    assert supervisor.decide("/supervise/verify", data=form).status_code == 200
    assert supervisor.decide("/supervise/invalidate", data=form).status_code == 200
    with hall.app.app_context():
        assert find_waiting(db, code) is None


def test_a_closed_page_waits_no_more(hall: Site) -> None:
    """A page that has not asked for a while is not in the list, and is again when it asks."""
    with time_machine.travel(now(), tick=False) as clock:
        browser = hall.blocked()
        assert len(codes(hall)) == 1
        clock.shift(PATIENCE + timedelta(seconds=1))
        assert codes(hall) == []
        assert browser.get("/user/sessions/current").json == {
            "sessionId": browser.session_id,
            "valid": False,
        }
        assert len(codes(hall)) == 1


def test_who_has_just_begun_to_wait_is_on_the_list(hall: Site) -> None:
    """A page that the busy database could not note as seen waits, and keeps its code."""
    with time_machine.travel(now(), tick=False) as clock:
        hall.blocked()
        [code] = codes(hall)
        with hall.app.app_context():
            db.session.execute(sa.update(UserSession).values(last_seen_at=None))
            db.session.commit()
        assert codes(hall) == [code]
        clock.shift(PATIENCE + timedelta(seconds=1))
        assert codes(hall) == []


def test_who_waits_longest_comes_first(hall: Site) -> None:
    """The list is ordered by the time since when somebody waits."""
    hall.add_user("bob")
    with time_machine.travel(now(), tick=False) as clock:
        hall.blocked()
        clock.shift(timedelta(seconds=5))
        hall.logged_in("bob")
        hall.logged_in("bob").get_page("/")
        with hall.app.app_context():
            assert [one.user_name for one in waiting_sessions(db)] == ["alice", "bob"]


def test_nobody_crowds_the_others_out(hall: Site) -> None:
    """Of one person some logins are listed, the ones that wait longest; the others are, too."""
    hall.add_user("bob")
    with time_machine.travel(now(), tick=False) as clock:
        waiting = []
        for _ in range(PER_PERSON_MAX + 2):
            waiting.append(hall.blocked().session_id)
            clock.shift(timedelta(seconds=1))
        hall.logged_in("bob")
        hall.logged_in("bob").get_page("/")
        with hall.app.app_context():
            *hers, last = waiting_sessions(db, PER_PERSON_MAX + 1)
        assert [one.session_id for one in hers] == waiting[:PER_PERSON_MAX]
        assert last.user_name == "bob"


def test_nobody_uses_up_the_codes(hall: Site) -> None:
    """So many logins of one person have codes; others wait without, until one waits no more."""
    hall.add_user("bob")
    with time_machine.travel(now(), tick=False) as clock:
        first = [hall.blocked() for _ in range(PER_PERSON_MAX)]
        late = hall.blocked()
        page = late.get_page("/view/exam")
        assert page.status_code == 490
        assert "This server cannot show a short code just now." in page.text
        assert "QR code of this session" in page.text
        hall.logged_in("bob")
        assert 'class="short-code"' in hall.logged_in("bob").get_page("/view/exam").text
        first[0].log_out()
        clock.shift(timedelta(seconds=1))
        assert 'class="short-code"' in late.get_page("/view/exam").text


def test_last_seen_is_written_once_a_minute_or_every_ten_seconds_while_waiting(
    database_url: str, make_app: MakeApp
) -> None:
    """Requests in between write nothing, but what has to do with the number of the cookie."""
    hall = Site(make_app(database_url, SESSIONS_TOKEN_RENEWAL=None))
    hall.add_exam_hall()
    with time_machine.travel(now(), tick=False) as clock:
        active = hall.logged_in("alice")
        expired = hall.logged_in("alice")
        seen: dict[str, list[int]] = {active.session_id: [], expired.session_id: []}
        start = now()
        for _ in range(25):
            for browser in (active, expired):
                browser.get("/user/sessions/current")
            for session_id, session in hall.sessions("alice").items():
                assert session.last_seen_at
                seen[session_id].append(int((session.last_seen_at - start).total_seconds()))
            clock.shift(timedelta(seconds=5))
    assert sorted(set(seen[active.session_id])) == [0, 60, 120]
    assert sorted(set(seen[expired.session_id])) == list(range(0, 121, 10))


def test_being_seen_does_not_wait_for_the_disk_and_everything_else_does(
    postgresql_url: str, make_app: MakeApp
) -> None:
    """Only the transaction that writes down `last_seen_at` may be lost in a crash."""
    site = Site(make_app(postgresql_url))
    site.add_user("alice")
    browser = site.logged_in("alice")
    values = {
        "of_user": site.user_id("alice"),
        "of_session": browser.session_id,
        "moment": now(),
        "here": None,
    }
    with site.app.app_context(), db.engine.connect() as connection:
        connection.exec_driver_sql("SET synchronous_commit = on")  # as it is, unless in tests
        connection.commit()
        show = sa.text("SHOW synchronous_commit")
        assert connection.scalar(show) == "on"
        assert connection.execute(_write_seen._statement, values).rowcount == 1
        assert connection.scalar(show) == "off"
        connection.commit()
        assert connection.scalar(show) == "on"
        connection.exec_driver_sql("RESET synchronous_commit")
        connection.commit()


def test_an_old_link_and_a_forged_link_are_refused(app: Flask, make_app: MakeApp) -> None:
    """A link is good for some minutes, and only if a server that shares the secret made it."""
    with app.app_context(), time_machine.travel(now(), tick=False) as clock:
        token = current_site().links.sign("alice", "one")
        clock.shift(timedelta(seconds=LINK_LIFETIME))
        assert current_site().links.read(token) == LinkedSession("alice", "one")
        clock.shift(timedelta(seconds=1))
        with pytest.raises(ExpiredLink):
            current_site().links.read(token)
        for forged in (token[:-1], "x" + token, "", "a.b.c"):
            with pytest.raises(ForgedLink):
                current_site().links.read(forged)


def test_hosts_that_share_the_link_secret_read_each_others_links(
    sqlite_url: str, make_app: MakeApp
) -> None:
    """The link secret counts where there is one, and not the secret key."""
    shared = "shared by one and two"
    one = make_app(sqlite_url, SESSIONS_LINK_SECRET=shared, SECRET_KEY="the key of number one")
    two = make_app(sqlite_url, SESSIONS_LINK_SECRET=shared, SECRET_KEY="the key of number two")
    three = make_app(sqlite_url, SECRET_KEY="the key of number one")
    with one.app_context():
        token = current_site().links.sign("alice", "one")
    with two.app_context():
        assert current_site().links.read(token).username == "alice"
    with three.app_context(), pytest.raises(ForgedLink):
        current_site().links.read(token)


def test_the_link_leads_to_the_central_host_if_there_is_one(
    sqlite_url: str, make_app: MakeApp
) -> None:
    """With SESSIONS_SUPERVISE_URL the QR code's link is on that host."""
    hall = Site(make_app(sqlite_url, SESSIONS_SUPERVISE_URL="https://central.example/tim/"))
    hall.add_user("alice")
    hall.logged_in("alice")
    page = hall.logged_in("alice").get_page("/").text
    assert 'href="https://central.example/tim/supervise/link/' in page


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("KX47", "KX47"),
        (" kx 47 ", "KX47"),
        ("KX4", None),
        ("KX478", None),
        ("47KX", None),
        ("KB47", None),
        ("KX40", None),
        ("", None),
    ],
)
def test_short_codes_are_understood_as_people_type_them(text: str, code: str | None) -> None:
    """Case and blanks do not matter; what has other characters is no code."""
    assert normal_code(text) == code


def test_supervisors_are_not_held_to_the_limit(hall: Site) -> None:
    """A supervisor's phone and laptop are both active."""
    first, second = hall.logged_in("supervisor"), hall.logged_in("supervisor")
    assert hall.active("supervisor") == {first.session_id, second.session_id}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((one, True) for one in ("KX47", "k x12", "BX47", "K147", "KX4B", "K47", "KX477")),
        *((one, False) for one in ("anna", "ann", "1247", "K4", "KX4777", "KXAB", "KÄ47")),
    ],
)
def test_what_may_be_meant_as_a_code_is_known(text: str, expected: bool) -> None:
    """Two letters and two digits, one of each another character, and one missing or too many."""
    assert is_like_code(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((one, True) for one in ("KX46", "kx 74", "XK47", "K147", "KX4", "X47", "KKX47")),
        *((one, False) for one in ("KX47", "KX63", "XK74", "KX", "KX4712", "4XK7", "")),
    ],
)
def test_a_code_that_is_mistyped_is_near(text: str, expected: bool) -> None:
    """One character that is wrong, missing or too many, or two neighbours in the wrong order."""
    assert is_near("KX47", text) is expected
