"""The administrators' page of all sessions."""

import base64
import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from werkzeug.test import TestResponse

from tests.changes import change as change_sessions
from tests.changes import (
    invalidate_all_sessions,
    invalidate_selected,
    verify_all_sessions,
    verify_selected,
)
from tests.conftest import MakeApp
from tests.site import Browser, Site
from tests.statements import is_sqlite, plan_of
from timApp.auth.site import db
from timApp.guard.changes.change import Matching
from timApp.guard.changes.everybody import effect_on_everybody
from timApp.guard.reading.exam import ExamTime
from timApp.guard.reading.filter import SessionFilter
from timApp.guard.reading.page import edge_query, page_query, session_page
from timApp.guard.reading.sorting import NamePosition, Position, Sort, TimePosition, order_of
from timApp.guard.rules.clocks import NEVER
from timApp.guard.rules.exambrowser import KeyState
from timApp.guard.tables.session import UserSession
from timApp.guard.vocabulary import Action, State
from timApp.pages.administer import matching, session_list
from timApp.pages.administer.cursor import cursor_of, read_cursor
from timApp.user.user import User, require_user
from timApp.user.usergroup import UserGroup
from timApp.util.errors import BadInput, Conflict, NotFound

LIST = "/administer/sessions"
MORNING = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0"

ACTIVE = frozenset({State.ACTIVE})
#: Whether they are logged out or not.
NOT_ACTIVE = frozenset({State.EXPIRED, State.LOGGED_OUT})

#: Filters of every kind, and such that nothing or everything meets.
FILTERS = [
    SessionFilter(),
    SessionFilter(ACTIVE),
    SessionFilter(frozenset({State.EXPIRED})),
    SessionFilter(frozenset({State.LOGGED_OUT})),
    SessionFilter(origin="10.0.0.1]"),
    SessionFilter(origin="nowhere"),
    SessionFilter(seats=frozenset({"B-1", "b-1"})),
    SessionFilter(since=MORNING + 2 * MINUTE),
    SessionFilter(until=MORNING + 5 * MINUTE),
    SessionFilter(ACTIVE, since=MORNING + MINUTE, until=MORNING + 6 * MINUTE),
    SessionFilter(since=MORNING + MINUTE, until=MORNING + 6 * MINUTE, origin="FIREFOX/133"),
    SessionFilter(NOT_ACTIVE).within(
        {
            "exams": (ExamTime(1, MORNING + 2 * MINUTE, MORNING + 6 * MINUTE),),
            "since": MORNING + MINUTE,
            "until": MORNING + 6 * MINUTE,
        }
    ),
]


def add_person(name: str, *sessions: UserSession, real_name: str = "") -> User:
    """Add a user who cannot log in, with these sessions."""
    user = User(name=name, password_hash="-", real_name=real_name)
    user.groups = [UserGroup(name=name)]
    user.sessions.extend(sessions)
    db.session.add(user)
    return user


def made_session(
    session_id: str,
    at: datetime = MORNING,
    *,
    state: str = "active",
    origin: str = f"[10.0.0.1] {FIREFOX}",
    seat: str | None = None,
) -> UserSession:
    """Return a session of that state: active, expired or logged_out."""
    return UserSession(
        session_id=session_id,
        logged_in_at=at,
        origin=origin,
        seat=seat,
        expired_at=None if state == "active" else at + MINUTE,
        logged_out_at=at + MINUTE if state == "logged_out" else None,
    )


def fill(site: Site) -> Site:
    """Add an administrator who was never logged in, and sessions, many of one moment."""
    site.add_admin()
    states = ("active", "expired", "logged_out", "expired")
    with site.app.app_context():
        for number in range(9):
            sessions = [
                made_session(
                    f"s{index}",
                    MORNING + (number * index % 8) * MINUTE,
                    state=states[(number + index) % 4],
                    origin=f"[10.0.0.{index % 3}] {FIREFOX}",
                    seat=f"B-{index}" if index % 2 else None,
                )
                for index in range(number)  # the first one has none
            ]
            add_person(f"Person{(number * 5) % 9}", *sessions)
        db.session.commit()
    return site


@pytest.fixture
def crowd(site: Site) -> Site:
    """A site with an administrator who was never logged in, and sessions, many of one moment."""
    return fill(site)


@pytest.fixture(scope="module")
def still_crowd(make_site: Callable[[], Site]) -> Site:
    """The same site, but for tests that only look at it."""
    return fill(make_site())


@pytest.fixture(scope="module")
def empty_site(make_site: Callable[[], Site]) -> Site:
    """A site that nobody ever adds anything to."""
    return make_site()


def key_of(session: UserSession) -> tuple[int, str]:
    """Return what names a session."""
    return session.user_id, session.session_id


def walk(
    which: SessionFilter, sort: Sort, *, size: int = 3, scan_limit: int = 1000
) -> list[tuple[int, str]]:
    """Return the keys of all sessions that the pages have, one page after the other."""
    found: list[tuple[int, str]] = []
    after: Position | None = None
    while True:
        page = session_page(db, which, sort, after, size=size, scan_limit=scan_limit)
        assert len(page.sessions) <= size
        found.extend(key_of(one.session) for one in page.sessions)
        after = page.next_position and read_cursor(cursor_of(page.next_position))
        if after is None:
            return found


def expected(which: SessionFilter, sort: Sort) -> list[tuple[int, str]]:
    """Return the keys of the sessions that are meant, put in order here."""
    query = sa.select(UserSession, User.name).join(User).where(*which.conditions())
    rows = [(session, name) for session, name in db.session.execute(query)]
    if sort.is_by_name:
        rows.sort(key=lambda row: (row[0].logged_in_at, row[0].session_id), reverse=True)
        rows.sort(key=lambda row: row[1], reverse=sort is Sort.NAME_DESC)
    else:
        rows.sort(key=lambda row: (row[0].logged_in_at, *key_of(row[0])))
        if sort is Sort.NEWEST:
            rows.reverse()
    return [key_of(session) for session, _ in rows]


@pytest.mark.parametrize("sort", Sort)
@pytest.mark.parametrize("scan_limit", [1000, 4, 1])
def test_the_pages_have_each_session_once_and_in_order(
    still_crowd: Site, sort: Sort, scan_limit: int
) -> None:
    """Whatever the filter, and however little is looked at for a page, none is lost or repeated."""
    with still_crowd.app.app_context():
        one = require_user(db, "Person4").id
        for which in [
            *FILTERS,
            SessionFilter(user_id=one),
            SessionFilter(NOT_ACTIVE, one, origin="0.2]"),
        ]:
            assert walk(which, sort, scan_limit=scan_limit) == expected(which, sort), which


def test_a_search_that_stops_says_where(still_crowd: Site) -> None:
    """It is cut short if and only if it met its limit before the page was full."""
    with still_crowd.app.app_context():
        total = len(expected(SessionFilter(), Sort.NEWEST))
        nowhere = SessionFilter(origin="nowhere")
        for limit, is_cut_short in ((total - 1, True), (total, True), (total + 1, False)):
            page = session_page(db, nowhere, Sort.NEWEST, None, size=3, scan_limit=limit)
            assert page.is_cut_short is is_cut_short
            assert (page.next_position is not None) is is_cut_short
        page = session_page(db, SessionFilter(), Sort.NEWEST, None, size=total, scan_limit=1)
        assert (page.next_position, page.is_cut_short) == (None, False)
        page = session_page(db, SessionFilter(), Sort.NEWEST, None, size=total - 1, scan_limit=1)
        assert page.next_position is not None
        assert not page.is_cut_short


def test_a_position_outside_the_time_range_leads_to_its_begin_or_end(still_crowd: Site) -> None:
    """Before the range the first page follows, behind it none."""
    which = SessionFilter(since=MORNING + 2 * MINUTE, until=MORNING + 4 * MINUTE)
    early, late = (TimePosition(MORNING + at * MINUTE, 1, "x") for at in (0, 10))
    with still_crowd.app.app_context():
        for sort, before, behind in ((Sort.OLDEST, early, late), (Sort.NEWEST, late, early)):
            page = session_page(db, which, sort, before, size=100, scan_limit=100)
            assert [key_of(one.session) for one in page.sessions] == expected(which, sort)
            assert not session_page(db, which, sort, behind, size=100, scan_limit=100).sessions


@pytest.mark.parametrize("sort", Sort)
@pytest.mark.parametrize(
    "which", [*FILTERS, SessionFilter(user_id=1), SessionFilter(NOT_ACTIVE, 1)]
)
def test_every_page_of_every_filter_is_taken_from_an_index(
    empty_site: Site, sort: Sort, which: SessionFilter
) -> None:
    """Candidates come in the order of an index, on the first page as behind a position."""
    with empty_site.app.app_context():
        order = order_of(which, sort, is_sqlite=is_sqlite())
        by_time = isinstance(order, TimePosition) or not sort.is_by_name or which.user_id
        position: Position = (
            TimePosition(MORNING, 1, "x") if by_time else NamePosition("m", MORNING, "x")
        )
        if which.user_id or not by_time:
            # By name, PostgreSQL has a choice for a time range, which depends on its statistics.
            index = "ix_usersession_latest" if which.since is None else "ix_usersession_"
        else:
            has_own = which.states == ACTIVE and is_sqlite()
            index = "ix_usersession_active" if has_own else "ix_usersession_logged_in_at"
        for after in (None, position):
            for query in (edge_query(order, after, 100), page_query(order, after, 51, 100)):
                plan = plan_of(query)
                assert index in plan
                assert "Seq Scan" not in plan
                assert "SCAN usersession\n" not in plan
                if not by_time:
                    name_index = {"sqlite": "sqlite_autoindex_useraccount_1"}
                    assert name_index.get(db.engine.dialect.name, "uq_useraccount_name") in plan
            edge_plan = plan_of(edge_query(order, after, 100))
            assert "TEMP B-TREE" not in edge_plan
            # By name, PostgreSQL puts the sessions of one person at a time in order.
            assert "Sort" not in edge_plan.replace("Incremental Sort", "").replace("Sort Key", "")


def test_an_index_is_entered_where_the_page_begins(empty_site: Site) -> None:
    """Deep in a time range, its border is no condition any more: only the position is."""
    with empty_site.app.app_context():
        for sort, which in (
            (Sort.OLDEST, SessionFilter(since=MORNING)),
            (Sort.NEWEST, SessionFilter(until=MORNING + 9 * MINUTE)),
        ):
            after = TimePosition(MORNING + MINUTE, 1, "x")
            query = order_of(which, sort, is_sqlite=is_sqlite()).candidates(
                after, [UserSession.session_id]
            )
            assert str(query).partition("WHERE")[2].count("logged_in_at") == 2  # and the order
            assert str(query).count(":since") == 0


@pytest.mark.parametrize(
    "position",
    [
        TimePosition(MORNING, 7, "one"),
        TimePosition(MORNING + timedelta(microseconds=1), 2**31 - 1, "ö" * 255),
        NamePosition("Ääkkönen 🎓", MORNING, "one"),
        NamePosition("a", None, None),
        NamePosition("😀" * 255, MORNING, "😀" * 255),
    ],
)
def test_a_position_survives_its_way_through_an_address(position: Position) -> None:
    """What is read from a cursor is what was written."""
    text = cursor_of(position)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", text)
    assert read_cursor(text) == position


def forged(content: object) -> str:
    """Return a cursor with any content."""
    text = json.dumps(content, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


TIME = MORNING.isoformat()
TAMPERED = [
    "x",
    "é",
    "%00",
    "AAAA",
    "A" * 20_000,
    "A" * 5,
    cursor_of(TimePosition(MORNING, 7, "one")) + "=",
    cursor_of(TimePosition(MORNING, 7, "one"))[:-2],
    " ".join(cursor_of(TimePosition(MORNING, 7, "one"))),
    *map(
        forged,
        [
            [],
            {},
            None,
            "abc",
            [1, TIME],
            [True, TIME, "one"],
            [1.0, TIME, "one"],
            [-1, TIME, "one"],
            [2**31, TIME, "one"],
            [10**400, TIME, "one"],
            [1, None, None],
            [1, TIME, None],
            [1, None, "one"],
            [1, TIME, 5],
            [1, TIME, "a\0"],
            [1, TIME, "\ud800"],
            [1, TIME, "x" * 256],
            [1, 5, "one"],
            [1, "2026-05-04", "one"],
            [1, "2026-05-04T09:00:00", "one"],
            [1, "2026-05-04T09:00:00+02:00", "one"],
            [1, "0001-01-01T00:00:00+14:00", "one"],
            ["a", TIME, None],
            ["a", None, "one"],
            ["a\0", TIME, "one"],
            ["x" * 256, TIME, "one"],
        ],
    ),
    base64.urlsafe_b64encode(b"[" * 3000).decode().rstrip("="),
]


@pytest.mark.parametrize("text", TAMPERED)
def test_a_cursor_that_was_tampered_with_is_refused(text: str) -> None:
    """Whatever the text, it is an error that says so and never a failure."""
    with pytest.raises(BadInput) as error:
        read_cursor(text)
    assert error.value.field == "after"


# The pages.


class Reader:
    """An administrator's browser, and what its pages say."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser

    def page(self, path: str = "", status: int = 200, **parameters: str) -> str:
        """Return a page below the list, unescaped."""
        answer = self.browser.get_page(LIST + path, query_string=parameters)
        assert answer.status_code == status, answer.text
        return unescape(answer.text)

    def keys(self, **parameters: str) -> list[str]:
        """Return the values of the check boxes of all pages, in order."""
        found: list[str] = []
        page = self.page("", 200, **parameters)
        while True:
            found += re.findall(r'name="session" value="([^"]*)"', page)
            following = re.search(r'rel="next" href="([^"]*)"', page)
            if following is None:
                return found
            answer = self.browser.get_page(following[1])
            assert answer.status_code == 200
            page = unescape(answer.text)

    def post(self, path: str, *, follow: bool = False, **form: object) -> TestResponse:
        """Post a form as the page does."""
        data = {"csrf_token": self.browser.csrf_token, **form}
        headers = {"Accept": "text/html"}
        return self.browser.client.post(
            LIST + path, data=data, headers=headers, follow_redirects=follow
        )


@pytest.fixture
def admin(crowd: Site) -> Reader:
    """An administrator who has logged in, long after the others."""
    return Reader(crowd.logged_in("admin"))


@pytest.fixture(scope="module")
def looking_browser(make_site: Callable[[], Site]) -> Browser:
    """The browser of an administrator who only looks at a site like that."""
    return fill(make_site()).logged_in("admin")


@pytest.fixture
def onlooker(looking_browser: Browser) -> Reader:
    """An administrator who only looks, and whose browser has not told its time zone."""
    looking_browser.client.delete_cookie("timezone")
    return Reader(looking_browser)


def state_of_all() -> dict[tuple[int, str], tuple[object, object]]:
    """Return all that a change may change."""
    return {
        key_of(one): (one.expired_at, one.logged_out_at)
        for one in db.session.scalars(sa.select(UserSession))
    }


def text_key(site: Site, name: str, session_id: str) -> str:
    """Return the value of a session's check box."""
    return f"{site.user_id(name)}:{session_id}"


FORMS: list[dict[str, str]] = [
    {},
    {"state": "active"},
    {"state": "expired", "sort": "oldest"},
    {"state": "logged_out", "sort": "name"},
    {"user": "Person4", "sort": "name-desc"},
    {"origin": "10.0.0.1", "sort": "name-desc"},
    {"since": "2026-05-04T09:02", "until": "2026-05-04T09:05:00", "state": "all"},
    {"origin": "nowhere"},
]


@pytest.mark.parametrize("form", FORMS)
def test_an_export_is_what_the_pages_show(
    onlooker: Reader, form: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """CSV and JSON have the very sessions of all pages together, however short those are."""
    monkeypatch.setattr(session_list, "PAGE_SIZE", 4)
    monkeypatch.setattr(session_list, "SCAN_LIMIT", 7)
    shown = onlooker.keys(**form)
    assert len(set(shown)) == len(shown)
    assert bool(shown) is (form.get("origin") != "nowhere")
    answer = onlooker.browser.get(f"{LIST}/export", query_string={**form, "format": "json"})
    with_csv = onlooker.browser.get(f"{LIST}/export", query_string=form)
    assert answer.headers["X-Row-Count"] == str(len(shown))
    rows: list[dict[str, Any]] = answer.json  # type: ignore[assignment]
    by_csv = list(csv.DictReader(io.StringIO(with_csv.text)))
    assert [(row["user"], row["session_id"]) for row in rows] == [
        (row["user"], row["session_id"]) for row in by_csv
    ]
    with onlooker.browser.client.application.app_context():
        assert sorted(shown) == sorted(
            f"{require_user(db, row['user']).id}:{row['session_id']}" for row in rows
        )


ALL_COLUMNS = [
    *("user", "real_name", "session_id", "origin"),
    *("logged_in_at", "last_seen_at", "expired_at", "logged_out_at"),
    "exam_browser_key",
]


def test_an_export_tells_of_each_session_what_there_is(crowd: Site, admin: Reader) -> None:
    """Beside what programs read of the reference page: real name, last seen, logged out."""
    with crowd.app.app_context():
        one = made_session("one", state="logged_out")
        one.last_seen_at = MORNING + 3 * MINUTE
        one.key_state = KeyState.WRONG
        add_person("zoe", one, real_name="Zoë Öhman")
        db.session.commit()
    answer = admin.browser.get(f"{LIST}/export?user=zoe")
    assert answer.headers["Content-Disposition"] == "attachment; filename=sessions.csv"
    [row] = csv.DictReader(io.StringIO(answer.text))
    assert list(row) == ALL_COLUMNS
    expected = {
        "user": "zoe",
        "real_name": "Zoë Öhman",
        "session_id": "one",
        "origin": f"[10.0.0.1] {FIREFOX}",
        "exam_browser_key": "wrong",
        "logged_in_at": "2026-05-04T09:00:00.000000+00:00",
        "last_seen_at": "2026-05-04T09:03:00.000000+00:00",
        "expired_at": "2026-05-04T09:01:00.000000+00:00",
        "logged_out_at": "2026-05-04T09:01:00.000000+00:00",
    }
    assert row == expected
    assert admin.browser.get(f"{LIST}/export?user=zoe&format=json").json == [expected]


@pytest.mark.parametrize(
    ("language", "zone", "separator", "times"),
    [
        ("en", "UTC", ",", ["2026-05-04 09:00:00", "2026-05-04 09:03:00"]),
        ("fi", "Europe/Helsinki", ";", ["2026-05-04 12:00:00", "2026-05-04 12:03:00"]),
    ],
)
def test_an_export_for_excel_opens_at_a_double_click(
    crowd: Site, admin: Reader, *, language: str, zone: str, separator: str, times: list[str]
) -> None:
    """It says that it is UTF-8, and has the separator of the language and times of the zone."""
    with crowd.app.app_context():
        one = made_session("one", state="expired", origin="[10.0.0.1] a; =1+1,\t-2; x=3 +4")
        one.last_seen_at = MORNING + 3 * MINUTE + timedelta(microseconds=1)
        add_person("zoe", one, real_name="=Öhman")
        db.session.commit()
    client = admin.browser.client
    client.set_cookie("timezone", zone)
    headers = {"Accept": "text/html", "Accept-Language": language}
    answer = client.get(f"{LIST}/export?user=zoe&format=excel", headers=headers)
    assert answer.headers["X-Row-Count"] == "1"
    assert answer.data.startswith(b"\xef\xbb\xbfuser" + separator.encode())
    text = answer.data.decode("utf-8-sig")
    heading, row = csv.reader(io.StringIO(text), delimiter=separator)
    assert heading == [f"{one} ({zone})" if one.endswith("_at") else one for one in ALL_COLUMNS]
    assert row[4:] == [*times, times[0].replace(":00:00", ":01:00"), "", ""]
    # Nothing is a formula, wherever a spreadsheet takes a cell to begin.
    assert row[1] == "'=Öhman"
    assert row[3] == "[10.0.0.1] a; '=1+1,\t'-2; x=3 +4"


def test_the_list_tells_of_each_session_what_there_is(onlooker: Reader) -> None:
    """Names, device, address, state and times are there, and how to filter, sort and export."""
    page = onlooker.page(user="Person4")
    for text in (
        "Person4",
        "Firefox 133 on Windows 10",
        "10.0.0.1",
        "Active",
        "Expired",
        "Logged out",
        "not yet",
        "2026-05-04T09:00:00+00:00",
        "time zone UTC",
        f"{LIST}/export?format=csv&user=Person4",
        f"{LIST}/export?format=excel&user=Person4",
        f"{LIST}/verify-all",
    ):
        assert text in page
    assert "There is no such session." in onlooker.page(origin="nowhere")


def test_a_search_that_was_cut_short_is_gone_on_with(
    onlooker: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page says how far it has looked, and has a link to search on from there."""
    monkeypatch.setattr(session_list, "SCAN_LIMIT", 2)
    for sort in Sort:
        page = onlooker.page(origin="nowhere", sort=sort.value)
        assert "Looked at 2 sessions, as far as" in page
        assert "Search on from there" in page
        assert "There is no such session" not in page
    assert "There are no more sessions" in onlooker.page(
        after=cursor_of(TimePosition(MORNING - MINUTE, 1, "x"))
    )


@pytest.mark.parametrize(
    ("zone", "since", "until", "found"),
    [
        ("UTC", "2026-05-04T09:00", "2026-05-04T09:01", ["nine"]),
        ("Europe/Helsinki", "2026-05-04T12:00", "2026-05-04T12:01", ["nine"]),
        ("Europe/Helsinki", "2026-05-04T09:00", "2026-05-04T12:00", []),
        ("America/New_York", "2026-05-04T05:00:00", "2026-05-04T05:00:01", ["nine"]),
        ("nonsense", "2026-05-04T09:00", "2026-05-04T09:01", ["nine"]),
        # Clocks in Helsinki show 3:30 twice, at 0:30 and at 1:30 UTC.
        ("Europe/Helsinki", "2026-10-25T03:30", "2026-10-25T03:31", ["first", "second"]),
        ("UTC", "2026-10-25T01:30", "2026-10-25T01:31", ["second"]),
    ],
)
def test_times_are_those_of_the_readers_clock(
    site: Site, zone: str, since: str, until: str, found: list[str]
) -> None:
    """From and before are read in the time zone that the browser has told, else in UTC."""
    site.add_admin()
    autumn = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    with site.app.app_context():
        add_person(
            "alice",
            made_session("nine", MORNING),
            made_session("first", autumn, state="expired"),
            made_session("second", autumn + timedelta(hours=1), state="expired"),
        )
        db.session.commit()
    with time_machine.travel(MORNING - timedelta(days=1)):
        reader = Reader(site.logged_in("admin"))
        reader.browser.client.set_cookie("timezone", zone)
        keys = reader.keys(since=since, until=until, sort="oldest")
    assert [key.partition(":")[2] for key in keys] == found


def test_text_in_the_origin_is_found_in_capitals_or_not_and_to_the_letter(site: Site) -> None:
    """The characters that have a meaning in LIKE have none here."""
    site.add_admin()
    with site.app.app_context():
        for name, origin in (("a", "50% _off_"), ("b", "50 off"), ("c", "/x\\y'\""), ("d", "Öljy")):
            add_person(name, made_session("one", origin=origin))
        db.session.commit()
    reader = Reader(site.logged_in("admin"))
    for text, names in (
        ("%", "a"),
        ("_OFF", "a"),
        ("OFF", "ab"),
        ("/", "c"),
        ("\\", "c"),
        ("'", "c"),
        ('"', "c"),
        ("Ölj", "d"),
        ("50%%", ""),
    ):
        shown = reader.keys(origin=text, sort="name", until="2026-06-01T00:00")
        assert shown == [text_key(site, name, "one") for name in names], text


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("user", "nobody", 404),
        ("user", "a\0b", 404),
        ("user", "x" * 5000, 404),
        ("origin", "a\0b", 422),
        ("origin", "x" * 5000, 422),
        ("since", "yesterday", 422),
        ("since", "2026-05-04T09:00Z", 422),
        ("since", "0001-01-01T00:00", 200),
        ("until", "9999-12-31T23:59:59", 200),
        ("until", "0001-01-01T00:00", 200),
        ("until", "2026-02-30T00:00", 422),
    ],
)
def test_what_cannot_be_filtered_by_is_said_beside_its_field(
    onlooker: Reader, name: str, value: str, status: int
) -> None:
    """The form comes back with the text in it and the error beside it, and shows no sessions."""
    onlooker.browser.client.set_cookie("timezone", "Pacific/Kiritimati")  # 14 hours before UTC
    answer = onlooker.browser.get_page(LIST, query_string={name: value})
    if value.startswith(("0001", "9999")):  # whether a clock shows it depends on the time zone
        assert answer.status_code in {200, 422}
        return
    assert answer.status_code == status
    assert f'id="{name}-error" role="alert"' in answer.text
    assert f'aria-describedby="{name}-error"' in answer.text
    assert "<table" not in answer.text
    exported = onlooker.browser.get(f"{LIST}/export", query_string={name: value})
    assert exported.status_code == status
    assert exported.json is not None
    assert exported.json["field"] == name


def test_an_end_before_the_beginning_is_an_error(onlooker: Reader) -> None:
    """An empty time range is no filter that somebody means."""
    page = onlooker.page(status=422, since="2026-05-04T09:00", until="2026-05-04T09:00")
    assert 'id="until-error"' in page


@pytest.mark.parametrize(
    "query",
    [
        "state=nonsense",
        "state=ACTIVE",
        "sort=random",
        "sort=%00",
        "after=x",
        "after=%ff",
        "sort=name&after=" + cursor_of(TimePosition(MORNING, 1, "x")),
        "sort=newest&after=" + cursor_of(NamePosition("a", MORNING, "x")),
        "usr=alice",
        "%00=%00",
        "user=a&user=b",
        "format=csv",
    ],
)
def test_an_address_that_cannot_be_read_is_refused(onlooker: Reader, query: str) -> None:
    """Nothing of it is passed over: it is 422, as a page and for programs."""
    assert onlooker.browser.get_page(f"{LIST}?{query}").status_code == 422
    assert onlooker.browser.get(f"{LIST}?{query}").status_code == 422
    if query.startswith(("state", "usr", "user=a")):
        assert onlooker.browser.get(f"{LIST}/export?{query}").status_code == 422


def test_the_export_knows_two_formats(onlooker: Reader) -> None:
    """Any other one is refused, and so are two at once."""
    for query in ("format=xml", "format=csv&format=json"):
        assert onlooker.browser.get(f"{LIST}/export?{query}").status_code == 422


def test_selected_sessions_are_verified(crowd: Site, admin: Reader) -> None:
    """They become active and the people's others expire; each person's change is recorded."""
    keys = [text_key(crowd, "Person4", "s3"), text_key(crowd, "Person1", "s1")]
    others = crowd.active("Person4") | crowd.active("Person1")
    answer = admin.post(
        "/verify?state=expired&sort=name", session=keys, reason="in the hall", follow=True
    )
    assert answer.status_code == 200
    assert answer.request.query_string == b"state=expired&sort=name"
    assert "2 sessions of as many people are verified." in answer.text
    assert crowd.active("Person4") == {"s3"}
    assert crowd.active("Person1") == {"s1"}
    assert others
    changes = [change for change in crowd.changes() if change.action is Action.VERIFY]
    assert {change.session_id for change in changes} == {"s3", "s1"}
    assert {change.reason for change in changes} == {"in the hall"}
    assert {change.actor for change in changes} == {"admin"}


def test_selected_sessions_are_invalidated(crowd: Site, admin: Reader) -> None:
    """The active ones of them expire, each recorded; an earlier time of expiry stays."""
    before = crowd.sessions("Person4")
    active = crowd.active("Person4")
    keys = [text_key(crowd, "Person4", session_id) for session_id in before]
    answer = admin.post("/invalidate?user=Person4", session=keys, follow=True)
    assert answer.request.query_string == b"user=Person4"
    assert f"{len(active)} sessions were invalidated." in answer.text
    after = crowd.sessions("Person4")
    assert all(one.expired for one in after.values())
    for session_id in set(before) - active:
        assert after[session_id].expired_at == before[session_id].expired_at
    changes = [change for change in crowd.changes() if change.action is Action.INVALIDATE]
    assert {(change.session_id, change.session_count) for change in changes} == {
        (session_id, 1) for session_id in active
    }
    again = admin.post("/invalidate", session=keys, follow=True)
    assert "Nothing was changed" in again.text


def test_verifying_selected_sessions_ends_their_waiting(site: Site) -> None:
    """A blocked page goes on by itself, and its code is free again."""
    site.add_exam_hall()
    site.add_admin()
    blocked = site.blocked()
    admin = Reader(site.logged_in("admin"))
    admin.post("/verify", session=text_key(site, "alice", blocked.session_id))
    assert blocked.get_page("/view/exam").status_code == 200
    assert "Nobody is waiting" in admin.browser.get_page("/supervise").text


def refused_selections(site: Site) -> Iterator[tuple[str, list[str], int, str]]:
    """Yield actions, selections that they refuse, the status and what is said."""
    good = text_key(site, "Person1", "s1")
    [gone, *_] = [one for one in site.sessions("Person4").values() if one.logged_out_at is not None]
    yield "/verify", [text_key(site, "Person4", gone.session_id)], 409, "Person4"
    for action in ("/verify", "/invalidate", "/end"):
        yield action, [], 422, "Select at least one"
        yield action, [text_key(site, "Person1", "unknown")], 404, "unknown"
        yield action, [f"{2**31 - 1}:s0"], 404, "s0"
        yield action, [good] * 1001, 422, "1000"
        for text in ("", "x", "1", ":s0", "1:", "-1:s0", f"{2**31}:s0", "1" * 5000, "1:a\0", "²:s"):
            yield action, [good, text], 422, "names no session"


def test_selections_of_which_nothing_can_be_changed_change_nothing(
    crowd: Site, admin: Reader
) -> None:
    """The list comes back with the reason and the selection."""
    with crowd.app.app_context():
        before = state_of_all()
    records = len(crowd.changes())
    for action, keys, status, text in refused_selections(crowd):
        answer = admin.post(action, session=keys, reason="because")
        assert answer.status_code == status, (action, keys)
        page = unescape(answer.text)
        assert text in page
        if keys:
            assert 'value="because"' in page
    with crowd.app.app_context():
        assert state_of_all() == before
    assert len(crowd.changes()) == records


def test_what_cannot_be_changed_does_not_reject_the_rest(crowd: Site, admin: Reader) -> None:
    """The others are changed, and the answer says which were not, and why."""
    sessions = crowd.sessions("Person4")
    latest = max(one for one, session in sessions.items() if session.logged_out_at is None)
    keys = [text_key(crowd, "Person4", one) for one in sessions]
    keys += [text_key(crowd, "Person1", one) for one in ("s1", "unknown")]
    page = unescape(admin.post("/verify", session=keys, follow=True).text)
    assert "2 sessions of as many people are verified." in page
    assert crowd.active("Person4") == {latest}
    assert crowd.active("Person1") == {"s1"}
    out = sum(one.logged_out_at is not None for one in sessions.values())
    earlier = len(sessions) - out - 1
    assert "1 session is not there any more." in page
    assert f"{out} sessions are not verified, as they are logged out: of 'Person4'." in page
    assert (
        f"{earlier} sessions are not verified, as later ones of the same people are: of 'Person4'."
    ) in page
    assert page.count('<div class="alert alert-warning" role="alert">') == 3
    page = unescape(admin.post("/end", session=keys, follow=True).text)
    # What is logged out is over already.
    assert f"{len(sessions) - out + 1} sessions are ended." in page
    assert "1 session is not there any more." in page
    assert not any(crowd.active(name) for name in ("Person4", "Person1"))


MATCHING = f"{LIST}/matching"


def matching_page(admin: Reader, query: str) -> str:
    """Return what the page says that asks what is to be done to all that are found."""
    answer = admin.browser.get_page(f"{MATCHING}?{query}")
    assert answer.status_code == 200
    return " ".join(unescape(re.sub("<[^>]*>", " ", answer.text)).split())


@pytest.mark.parametrize("action", ["verify", "invalidate", "end"])
def test_all_that_are_found_are_changed_after_a_question(
    crowd: Site, admin: Reader, action: str
) -> None:
    """The page says how many they are; the button changes those, and no others."""
    query = "user=Person&state=expired&since=2026-05-04T09:01"
    with crowd.app.app_context():
        which = SessionFilter(frozenset({State.EXPIRED}), person="Person", since=MORNING + MINUTE)
        meant = expected(which, Sort.NEWEST)
        people = {user_id for user_id, _ in meant}
        before = state_of_all()
    asked = matching_page(admin, query)
    assert f"{len(meant)} sessions are found. It concerns {len(people)} people." in asked
    list_page = admin.page(user="Person", state="expired", since="2026-05-04T09:01")
    assert f"{len(meant)} sessions are found." in list_page
    assert "Change all that are found …" in list_page
    answer = admin.post(f"/matching?{query}", action=action, number=len(meant), reason="over")
    assert answer.status_code == 303
    with crowd.app.app_context():
        after = state_of_all()
        changed = {key for key in after if after[key] != before[key]}
    if action == "end":
        assert changed == set(meant)
        assert all(after[key][1] is not None for key in meant)
    elif action == "verify":
        latest = {user_id: key for key in reversed(meant) for user_id in (key[0],)}
        active = {key for key in after if after[key][0] is None and key[0] in people}
        assert active == set(latest.values())
        assert {user_id for user_id, _ in changed} == people
    else:
        assert changed == set()  # they are expired, all of them
        return
    done = [one for one in crowd.changes() if one.actor == "admin" and one.reason == "over"]
    assert {(one.user_id, one.session_id) for one in done} <= set(meant)
    assert {one.user_id for one in done} == people


def test_more_than_were_shown_are_not_changed(crowd: Site, admin: Reader) -> None:
    """When more are found by the time of the answer, the page asks again with their number."""
    with crowd.app.app_context():
        before = state_of_all()
        total = len(before)
    answer = admin.post("/matching?user=Person", action="end", number=3, reason="because")
    assert answer.status_code == 409
    page = " ".join(unescape(re.sub("<[^>]*>", " ", answer.text)).split())
    assert "more sessions are meant by now" in page
    assert f"{total - 1} sessions are found." in page  # all but the administrator's own
    assert 'value="because"' in answer.text
    for action, number in (("pause", 50), ("end", 10_001), ("end", -1), ("end", "")):
        assert admin.post("/matching", action=action, number=number).status_code == 422
    nowhere = admin.post("/matching?origin=nowhere", action="end", number=5)
    assert nowhere.status_code == 404
    assert "There is no such session" in unescape(nowhere.text)
    assert admin.post("/matching?user=nobody", action="end", number=5).status_code == 404
    assert "There is no such session." in matching_page(admin, "origin=nowhere")
    with crowd.app.app_context():
        assert state_of_all() == before


def test_sessions_are_counted_only_so_far(
    crowd: Site, admin: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More are said to be more, and where not all were looked at, it is said that they may be."""
    with crowd.app.app_context():
        total = len(state_of_all())
    assert f"{total} sessions are found." in admin.page()
    monkeypatch.setattr(session_list, "SCAN_LIMIT", 10)
    assert f"{total} sessions are found." in admin.page()
    assert "At least 10 sessions are found; not all were looked at." in admin.page(origin="1")
    monkeypatch.setattr(session_list, "MOST", 5)
    monkeypatch.setattr(matching, "MOST", 5)
    for origin in ("", "1"):
        page = admin.page(origin=origin)
        assert "More than 5 sessions are found." in page
        assert "Change all that are found" not in page
    assert "more than 5 sessions, too many to change at once" in matching_page(admin, "state=all")


def test_a_selection_with_filters_that_cannot_be_read_changes_nothing(
    crowd: Site, admin: Reader
) -> None:
    """Where to go back to is read first, and only addresses of the list are gone back to."""
    key = text_key(crowd, "Person4", "s3")
    with crowd.app.app_context():
        before = state_of_all()
    for query in ("state=x", "user=nobody", "after=x", "next=http://example.com"):
        assert admin.post(f"/verify?{query}", session=key).status_code in {404, 422}
    with crowd.app.app_context():
        assert state_of_all() == before


@contextmanager
def statements() -> Iterator[list[str]]:
    """Yield the list that the statements executed meanwhile are added to."""
    found: list[str] = []

    def note(_c: Any, _u: Any, statement: str, *_rest: Any) -> None:
        found.append(statement)

    sa.event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", note)


def test_however_many_are_selected_it_takes_as_many_statements(site: Site) -> None:
    """Two sessions and two hundred are changed by the same number of statements."""
    with site.app.app_context():
        people: list[User] = []
        for number in range(200):
            sessions = [made_session("old"), made_session("new", state="expired")]
            people.append(add_person(f"p{number}", *sessions))
        db.session.commit()
        user_ids = [person.id for person in people]
        counts = []
        for change, session_id in ((verify_selected, "new"), (invalidate_selected, "old")):
            for some in (user_ids[:2], user_ids):
                with statements() as executed:
                    effect = change([(user_id, session_id) for user_id in some])
                assert effect.changed > 0
                counts.append((change.__name__, len(executed)))
                db.session.rollback()
        for scope in (SessionFilter(ACTIVE, user_ids[0]), SessionFilter(ACTIVE)):
            with statements() as executed:
                assert change_sessions(Action.END, Matching(scope, 200)).changed > 0
            counts.append(("matching", len(executed)))
            db.session.rollback()
        assert len(set(counts)) == 3
        assert max(count for _, count in counts) <= 12


def test_selecting_a_session_twice_is_selecting_it_once(crowd: Site) -> None:
    """No session is counted or recorded twice."""
    user_id = crowd.user_id("Person4")
    with crowd.app.app_context():
        verify_selected([(user_id, "s3"), (user_id, "s3")])
        db.session.commit()
    assert crowd.active("Person4") == {"s3"}
    assert len(crowd.changes()) == 1


@pytest.mark.parametrize(
    ("selection", "error"),
    [([], BadInput), (["unknown"], NotFound), (["gone"], Conflict)],
)
def test_the_operation_itself_refuses(
    crowd: Site, selection: list[str], error: type[Exception]
) -> None:
    """Whoever calls it, it names the field ``session``."""
    user_id = crowd.user_id("Person4")
    with crowd.app.app_context():
        person = require_user(db, "Person4")
        person.sessions.append(made_session("gone", state="logged_out"))
        db.session.commit()
        with pytest.raises(error) as raised:
            verify_selected([(user_id, session_id) for session_id in selection])
        assert raised.value.field == "session"  # type: ignore[attr-defined]


def test_what_is_confirmed_is_what_happens(crowd: Site) -> None:
    """The numbers on the confirmation are those of the sessions and people that then change."""
    with crowd.app.app_context():
        add_person("late", *(made_session(f"l{n}", MORNING + n * MINUTE) for n in range(3)))
        add_person("out", made_session("o", state="logged_out"))
        db.session.commit()
        for action, change in (
            (Action.VERIFY, verify_all_sessions),
            (Action.INVALIDATE, invalidate_all_sessions),
            (Action.VERIFY, verify_all_sessions),
        ):
            effect = effect_on_everybody(db, action, NEVER)
            before = state_of_all()
            assert change() == effect.activated + effect.expired > 0
            db.session.commit()
            after = state_of_all()
            changed = {key for key in after if after[key] != before[key]}
            assert sum(after[key][0] is None for key in changed) == effect.activated
            assert sum(after[key][0] is not None for key in changed) == effect.expired
            assert len({user_id for user_id, _ in changed}) == effect.people
            assert (effect_on_everybody(db, action, NEVER).people, change()) == (0, 0)


@pytest.mark.parametrize("action", ["verify-all", "invalidate-all"])
def test_all_are_changed_only_after_a_confirmation(crowd: Site, admin: Reader, action: str) -> None:
    """A page says what it comes to and changes nothing; its button does it, with a token."""
    with crowd.app.app_context():
        before = state_of_all()
        effect = effect_on_everybody(db, Action(action.removesuffix("-all")), NEVER)
    page = admin.page(f"/{action}")
    assert f"It expires {effect.expired} active sessions." in page
    assert f"It concerns {effect.people} people." in page
    if action == "verify-all":
        assert f"the latest sessions of {effect.activated} people active" in page
    without_token = admin.browser.client.post(f"{LIST}/{action}")
    assert without_token.status_code == 400
    with crowd.app.app_context():
        assert state_of_all() == before
    answer = admin.post(f"/{action}", reason="exam begins", follow=True)
    assert f"{effect.activated + effect.expired} sessions were" in answer.text
    with crowd.app.app_context():
        assert state_of_all() != before
    change = crowd.changes()[-1]
    assert (change.actor, change.reason) == ("admin", "exam begins")
    assert "There is nothing to change" in admin.page(f"/{action}")


def test_only_administrators_have_the_list(crowd: Site) -> None:
    """Supervisors and students get 403, others the login; and their posts change nothing."""
    crowd.add_supervisor()
    crowd.add_user("student")
    browsers = [crowd.logged_in("supervisor"), crowd.logged_in("student")]
    with crowd.app.app_context():
        before = state_of_all()
    key = text_key(crowd, "Person4", "s3")
    for browser in browsers:
        for path in ("", "/export", "/verify-all", "/invalidate-all", "/matching"):
            assert browser.get_page(LIST + path).status_code == 403
        for path in ("/verify", "/invalidate", "/verify-all", "/invalidate-all", "/matching"):
            selected: dict[str, object] = (
                {} if path.endswith(("-all", "/matching")) else {"session": key}
            )
            assert Reader(browser).post(path, follow=False, **selected).status_code == 403
    assert crowd.browser().get_page(LIST).status_code == 302
    assert crowd.browser().get(LIST).status_code == 403
    with crowd.app.app_context():
        assert state_of_all() == before


def test_changes_need_the_token(crowd: Site, admin: Reader) -> None:
    """A post without it is 400 and changes nothing."""
    key = text_key(crowd, "Person4", "s3")
    with crowd.app.app_context():
        before = state_of_all()
    for path in ("/verify", "/invalidate"):
        answer = admin.browser.client.post(LIST + path, data={"session": key})
        assert answer.status_code == 400
    with crowd.app.app_context():
        assert state_of_all() == before


def test_text_of_people_and_browsers_is_never_markup(site: Site) -> None:
    """HTML in names, origins, session ids, filters and reasons is shown as text."""
    evil = "<script>alert(1)</script>\"'"
    site.add_admin()
    with site.app.app_context():
        person = add_person(evil, made_session(evil, origin=f"[{evil}] {evil}"), real_name=evil)
        person.sessions.append(made_session("out", state="logged_out"))
        db.session.commit()
    reader = Reader(site.logged_in("admin"))
    key = text_key(site, evil, evil)
    for answer in (
        reader.browser.get_page(LIST, query_string={"user": evil, "origin": evil}),
        reader.browser.get_page(LIST, query_string={"user": evil + "x", "since": evil}),
        reader.browser.get_page(LIST, query_string={"state": evil}),
        reader.post("/verify", session=[f"{key}x"], reason=evil),
        reader.post("/verify", session=[text_key(site, evil, "out")], reason=evil),
        reader.post("/verify", session=[evil]),
    ):
        assert "<script>alert" not in answer.text
        assert "&lt;script&gt;" in answer.text
    assert reader.post("/verify", session=[key], follow=True).status_code == 200


def test_the_list_says_that_other_servers_are_not_told(sqlite_url: str, make_app: MakeApp) -> None:
    """Where sessions are also on other hosts, the pages say that these are left alone."""
    site = Site(make_app(sqlite_url, DIST_RIGHTS_HOSTS={"exam": {"hosts": ["http://127.0.0.1:1"]}}))
    site.add_admin()
    site.add_user("alice")
    site.logged_in("alice")
    reader = Reader(site.logged_in("admin"))
    for path in ("", "/verify-all", "/invalidate-all"):
        if path != "/verify-all":  # nothing to verify: no promise to make
            assert "Nothing changes on other servers." in reader.page(path)
