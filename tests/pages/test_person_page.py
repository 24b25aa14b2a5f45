"""The administrators' page of one person."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
import time_machine

from tests.changes import invalidate_all_sessions, log_out_other_sessions, verify_all_sessions
from tests.conftest import MakeApp
from tests.site import Browser, Site
from tests.statements import noted_statements
from timApp.auth.session.util import (
    add_user_session,
    expire_user_session,
    invalidate_sessions_for,
    verify_session_for,
)
from timApp.auth.site import db
from timApp.guard.reading.history import PAGE_SIZE, record_page
from timApp.guard.tables.change import SessionChange
from timApp.guard.vocabulary import Action, ActorKind
from timApp.pages.administer.person import MAX_SESSIONS
from timApp.user.user import require_user

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
)
START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
#: HTML, quotes, a right-to-left mark and override, and an emoji.
HOSTILE = (
    "<script>alert(1)</script>\"'&\N{RIGHT-TO-LEFT MARK}\N{RIGHT-TO-LEFT OVERRIDE}\N{PILE OF POO}"
)


def fill(site: Site) -> Site:
    """Add an exam, a student, a supervisor and an administrator."""
    site.add_exam_hall()
    site.add_admin()
    return site


@pytest.fixture
def hall(site: Site) -> Site:
    """A site with an exam, a student, a supervisor and an administrator."""
    return fill(site)


@pytest.fixture(scope="module")
def onlooker(make_site: Callable[[], Site]) -> Browser:
    """An administrator of such a site, for tests that only look."""
    return fill(make_site()).logged_in("admin")


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """The clock, at eight o'clock until somebody moves it."""
    with time_machine.travel(START, tick=False) as coordinates:
        yield coordinates


def page_of(browser: Browser, name: str = "alice", **query: object) -> str:
    """Return the person's page."""
    page = browser.get_page("/administer/person", query_string={"user": name, **query})
    assert page.status_code == 200
    return page.text


def text_of(page: str) -> str:
    """Return what a page says, without its markup."""
    page = re.sub("</(dt|div)>", " ", page)
    return " ".join(unescape(re.sub("<[^>]*>", "", page)).split())


def test_only_administrators_see_the_page(hall: Site) -> None:
    """Supervisors and students get 403, anonymous browsers the login."""
    for name in ("alice", "supervisor"):
        page = hall.logged_in(name).get_page("/administer/person?user=alice")
        assert page.status_code == 403
    assert hall.browser().get_page("/administer/person?user=alice").status_code == 302
    assert "Alice" in page_of(hall.logged_in("admin"))


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 404),
        ({"user": ""}, 404),
        ({"user": "nobody"}, 404),
        ({"user": "a\0\ud800"}, 404),
        ({"user": "x" * 10_000}, 404),
        ({"user": "alice", "before": "x"}, 422),
        ({"user": "alice", "before": "-1"}, 422),
        ({"user": "alice", "before": "1\0"}, 422),
        ({"user": "alice", "before": "\N{FULLWIDTH DIGIT NINE}"}, 422),
        ({"user": "alice", "before": "9" * 30}, 422),
        ({"user": "alice", "period": "year"}, 422),
        ({"user": "alice", "period": "\0"}, 422),
    ],
)
def test_what_cannot_be_shown_is_said(
    onlooker: Browser, query: dict[str, str], status: int
) -> None:
    """An unknown person is 404; a wrong page or period is 422."""
    query = {key: value.encode("utf-8", "replace").decode() for key, value in query.items()}
    page = onlooker.get_page("/administer/person", query_string=query)
    assert page.status_code == status


def test_a_person_without_sessions_has_a_page(hall: Site) -> None:
    """It says so, and the record is empty, whatever happened to others."""
    hall.logged_in("supervisor")
    admin = hall.logged_in("admin")
    assert admin.post("/user/sessions/verifyAll").status_code == 200
    for query in ({}, {"period": "hour"}, {"before": 5}):
        page = page_of(admin, **query)
        assert "has not logged in here yet" in page
        assert "<svg" not in page
        assert "everybody" not in page


def test_simultaneous_use_is_drawn_and_said(hall: Site, clock: time_machine.Traveller) -> None:
    """The picture has the time shaded; the words tell when it was, and which devices took part."""
    first = hall.logged_in("alice", FIREFOX)
    clock.shift(timedelta(minutes=10))
    second = hall.logged_in("alice", SAFARI)
    clock.shift(timedelta(minutes=5))
    for browser in (first, second):
        browser.get_page("/view/exam")
    page = page_of(hall.logged_in("admin"))
    assert (
        "24 Nov 2026, 08:10:00 UTC to 08:15:00 UTC: "
        "Firefox 133 on Windows 10 (127.0.0.1), Mobile Safari 17 on iOS 17 (127.0.0.1)"
    ) in text_of(page)
    picture = page[page.index('<svg class="timeline"') :]
    assert 'class="timeline-overlap" x="66.667%" y="0" width="33.333%"' in picture
    assert 'class="timeline-active" x="0.0%"' in picture
    clock.shift(timedelta(hours=2))
    page = page_of(hall.logged_in("admin"), period="hour")
    assert "No two sessions were in use at the same time" in page
    assert 'aria-current="page">Last hour' in page


def test_times_are_those_of_the_readers_clock(hall: Site, clock: time_machine.Traveller) -> None:
    """In the list, the record and on the axis."""
    hall.logged_in("alice")
    clock.shift(timedelta(hours=2))
    admin = hall.logged_in("admin")
    admin.client.set_cookie("timezone", "Asia/Kolkata")
    page = page_of(admin)
    assert "24 Nov 2026, 13:30:00" in page
    labels = re.findall(r'timeline-tick-label"[^>]*>([^<]*)', page)
    assert labels == ["13:30", "14:00", "14:30", "15:00", "15:30"]


def test_the_record_tells_each_kind_of_change_with_who_and_why(hall: Site) -> None:
    """Users, hosts and the command line; logins, blocks, verifications, and those of everybody."""
    browser = hall.blocked(FIREFOX)
    supervisor = hall.logged_in("supervisor")
    form = {"user": "alice", "session_id": browser.session_id, "reason": "new computer"}
    supervisor.decide("/supervise/verify", data=form)
    admin = hall.logged_in("admin")
    assert admin.post("/user/sessions/invalidateAll").status_code == 200
    admin = hall.logged_in("admin")
    assert admin.post("/user/sessions/verifyAll").status_code == 200
    browser.log_out()
    with hall.app.app_context():
        verify_session_for("alice", "elsewhere-1234567890")
        add_user_session(require_user(db, "alice"), "last", "")
        invalidate_sessions_for("alice")
        db.session.add(
            SessionChange(
                actor_kind=ActorKind.HOST,
                actor="https://exam.example",
                address="10.0.0.9",
                action=Action.VERIFY,
                user_id=require_user(db, "alice").id,
                session_id=browser.session_id,
                session_count=1,
                reason=None,
            )
        )
        db.session.commit()
    text = text_of(page_of(admin))
    record = text[text.index("Record of changes") :]
    device = "Session Firefox 133 on Windows 10 (127.0.0.1)"
    for told in (
        "Logged in By alice Address 127.0.0.1",
        f"Logged in and was blocked By alice Address 127.0.0.1 {device}",
        f"Verified By supervisor Address 127.0.0.1 {device} Sessions changed 2 Reason new computer",
        "Invalidated everybody's sessions By admin Address 127.0.0.1 Sessions changed 3",
        "Verified everybody's latest session By admin Address 127.0.0.1 Sessions changed 2",
        f"Logged out By alice Address 127.0.0.1 {device}",
        "Invalidated At the command line, by",
        f"Verified By the host https://exam.example Address 10.0.0.9 {device} Sessions changed 1",
    ):
        assert told in record, told
    assert "https://exam.example" in record[: record.index("Logged out By alice")]


def test_sessions_that_their_owner_ended_from_elsewhere_are_told(hall: Site) -> None:
    """That change names no session, but says how many there were."""
    hall.logged_in("alice")
    hall.logged_in("alice")
    with hall.app.app_context():
        log_out_other_sessions(require_user(db, "alice").id, None)
        db.session.commit()
    text = text_of(page_of(hall.logged_in("admin")))
    assert re.search(
        "Ended the other sessions At the command line, by \\S+ Sessions changed 2", text
    )


def test_a_session_of_another_server_is_named_by_the_end_of_its_id(hall: Site) -> None:
    """A verification of what lives elsewhere is told as such."""
    hall.logged_in("alice")
    with hall.app.app_context():
        verify_session_for("alice", "elsewhere-1234567890")
        db.session.commit()
    text = text_of(page_of(hall.logged_in("admin")))
    assert "Session on another server, its id ends with 34567890 Sessions changed 1" in text


def test_changes_of_everybody_count_from_the_first_session_on(hall: Site) -> None:
    """What happened to everybody before the person's first session is not theirs."""
    hall.logged_in("supervisor")
    with hall.app.app_context():
        invalidate_all_sessions()
        db.session.commit()
    hall.logged_in("alice")
    with hall.app.app_context():
        verify_all_sessions()
        invalidate_all_sessions()
        db.session.commit()
    page = page_of(hall.logged_in("admin"))
    assert page.count("Invalidated everybody") == 1
    assert page.count("Verified everybody") == 1


def test_paging_shows_each_change_once(hall: Site) -> None:
    """From the newest to the oldest, whatever is added meanwhile."""
    with hall.app.app_context():
        user = require_user(db, "alice")
        for number in range(PAGE_SIZE + 10):
            add_user_session(user, f"s{number}", FIREFOX)
            verify_session_for("alice", f"s{number}")
            if number % 10 == 0:
                invalidate_all_sessions()
        db.session.commit()
        hall.logged_in("supervisor")
        expected = list(
            db.session.scalars(
                sa.select(SessionChange.id)
                .where(sa.or_(SessionChange.user_id == user.id, SessionChange.user_id.is_(None)))
                .order_by(SessionChange.id.desc())
            )
        )
        page = record_page(db, user.id, None)
        walked = [entry.change.id for entry in page.entries]
        while page.next_before is not None:
            invalidate_all_sessions()
            verify_session_for("alice")
            page = record_page(db, user.id, page.next_before)
            walked += [entry.change.id for entry in page.entries]
        assert walked == expected
    assert len(expected) > 2 * PAGE_SIZE


def test_a_page_of_the_record_reads_no_whole_table(sqlite_url: str, make_app: MakeApp) -> None:
    """Neither the first page nor a later one: the database searches in its indexes."""
    hall = Site(make_app(sqlite_url))
    hall.add_exam_hall()
    hall.logged_in("alice")
    with hall.app.app_context(), noted_statements(hall) as statements:
        for before in (None, 1000):
            record_page(db, 1, before)
    with hall.app.app_context():
        for statement in statements:
            plan = db.session.connection().exec_driver_sql(
                f"EXPLAIN QUERY PLAN {statement}", (1,) * statement.count("?")
            )
            assert not [step for step in plan if "SCAN sessionchange" in step.detail]


def test_the_links_between_pages_lead_through_the_record(hall: Site) -> None:
    """Older changes, page by page, and back to the newest; the period stays."""
    with hall.app.app_context():
        for number in range(PAGE_SIZE + 1):
            add_user_session(require_user(db, "alice"), f"s{number}", FIREFOX)
        db.session.commit()
    admin = hall.logged_in("admin")
    page = page_of(admin, period="week")
    assert "Newest changes" not in page
    [older] = re.findall(r'href="([^"]*)">Older changes', page)
    older = unescape(older)
    assert urlsplit(older).fragment == "record"
    page = admin.get_page(older).text
    assert "Older changes" not in page
    assert 'aria-current="page">Last 7 days' in page
    assert re.findall(r'href="([^"]*)">Newest changes', page)
    assert "There are no older changes" in page_of(admin, before=1)


def test_a_bounded_number_of_sessions_is_shown(hall: Site) -> None:
    """The latest ones; the page says where the others are."""
    with hall.app.app_context():
        for number in range(MAX_SESSIONS + 1):
            add_user_session(
                require_user(db, "alice"), f"s{number}", f"[10.0.1.{number}] {FIREFOX}"
            )
        db.session.commit()
    admin = hall.logged_in("admin")
    page = page_of(admin)
    assert page.count('<text class="timeline-name"') == MAX_SESSIONS
    assert f"10.0.1.{MAX_SESSIONS}<" in page
    assert "10.0.1.0<" not in page[: page.index("Record of changes")]
    assert "/administer/sessions?user=alice" in page


def test_the_number_of_statements_is_fixed(hall: Site) -> None:
    """It does not depend on how many sessions and changes there are."""
    admin = hall.logged_in("admin")
    page_of(admin)  # which also notes that the administrator was seen
    numbers = []
    for name, how_many in (("bob", 2), ("carol", 30)):
        hall.add_user(name)
        with hall.app.app_context():
            for number in range(how_many):
                add_user_session(require_user(db, name), f"s{number}", FIREFOX)
                verify_session_for(name, f"s{number}")
            expire_user_session(require_user(db, name), "s0")
            db.session.commit()
        with noted_statements(hall) as statements:
            page_of(admin, name)
        numbers.append(len(statements))
    assert numbers[0] == numbers[1] <= 7


def test_whatever_people_and_browsers_call_themselves_is_text(hall: Site) -> None:
    """Names, origins, actors and reasons are never markup, and their direction ends with them."""
    name = "x<b>\"'&\N{RIGHT-TO-LEFT OVERRIDE}\N{PILE OF POO}"
    hall.add_older_user(name)
    with hall.app.app_context():
        add_user_session(require_user(db, name), "<i>one</i>", f"[{HOSTILE}] {HOSTILE}")
        db.session.add(
            SessionChange(
                actor_kind=ActorKind.HOST,
                actor=HOSTILE,
                address=HOSTILE,
                action=Action.VERIFY,
                user_id=require_user(db, name).id,
                session_id="<i>one</i>",
                session_count=1,
                reason=HOSTILE,
            )
        )
        db.session.commit()
    page = page_of(hall.logged_in("admin"), name)
    assert "<script>alert" not in page
    assert "<i>" not in page
    assert "x<b>" not in page
    assert "\N{PILE OF POO}" in page
    shown = page[page.index("<main") :]
    isolated = re.sub(r"<(bdi|tspan|svg)\b[^>]*>.*?</\1>", "", shown, flags=re.DOTALL)
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in isolated


def test_the_page_keeps_to_the_security_policy(hall: Site) -> None:
    """There is no style and no script in it, only links to this site's files."""
    hall.blocked(FIREFOX)
    page = page_of(hall.logged_in("admin"))
    assert "<style" not in page
    assert " style=" not in page
    assert all("src=" in tag for tag in re.findall("<script[^>]*>", page))
