"""The administrators' page of all changes."""

import csv
import io
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
import sqlalchemy as sa
import time_machine

from tests.site import Browser, Site
from tests.statements import plan_of
from timApp.auth.site import db
from timApp.guard.exams.plan import ExamPlan, add_exam
from timApp.guard.reading.exam import ExamTime
from timApp.guard.reading.record import (
    RecordFilter,
    edge_query,
    found_changes,
    page_query,
)
from timApp.guard.tables.change import IS_RARE, OFTEN, SessionChange
from timApp.guard.vocabulary import Action, ActorKind, Cause
from timApp.pages.administer import record
from timApp.user.user import User, require_user
from timApp.user.usergroup import UserGroup

RECORD = "/administer/record"
MORNING = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
#: What is done, again and again; many at once.
ACTIONS = [
    *(Action.LOGIN, Action.BLOCKED_LOGIN, Action.VERIFY, Action.LOGIN, Action.LOGOUT),
    *(Action.INVALIDATE, Action.LOGIN, Action.VERIFY_ALL, Action.LOGOUT, Action.PAUSE),
]
ACTORS = ("boss", "https://b.example", "boss2", "")
RANGE = RecordFilter(since=MORNING + 2 * MINUTE, until=MORNING + 9 * MINUTE)
FILTERS = [
    RecordFilter(),
    RecordFilter(actor="boss"),
    RecordFilter(actor="nobody"),
    RecordFilter(action=Action.VERIFY),
    RecordFilter(action=Action.LOGIN),
    RecordFilter(person="ann"),
    RANGE,
    replace(RANGE, actor="boss"),
    replace(RANGE, action=Action.VERIFY, person="bob"),
    RecordFilter(actor="boss", action=Action.LOGIN),
    RecordFilter(action=Action.HAND_IN),
    RecordFilter().within((ExamTime(1, MORNING + MINUTE, MORNING + 6 * MINUTE),)),
]
OF_PERSON = [
    RecordFilter(user_id=2),
    RecordFilter(user_id=2, action=Action.LOGIN),
    RecordFilter(user_id=2, actor="boss", since=MORNING + MINUTE),
]


def fill(site: Site) -> Site:
    """Add an administrator, two people, an exam that one of them sits, and changes."""
    with time_machine.travel(MORNING - MINUTE), site.app.app_context():
        for name in ("Ann Ann", "Bob"):
            user = User(name=name.split()[0].lower(), password_hash="-", real_name=name)
            user.groups = [UserGroup(name=user.name)]
            db.session.add(user)
            db.session.flush()
        ann, bob = (require_user(db, name).id for name in ("ann", "bob"))
        rows = [
            {
                "at": MORNING + number // 4 * MINUTE,
                "actor_kind": ActorKind.HOST if number % 4 == 1 else ActorKind.USER,
                "actor": ACTORS[number % 4],
                "address": "10.0.0.1",
                "action": ACTIONS[number % 10],
                "user_id": None
                if ACTIONS[number % 10] is Action.VERIFY_ALL
                else (ann, bob)[number % 3 % 2],
                "session_id": f"s{number}" if number % 2 else None,
                "session_count": number,
                "cause": Cause.OVER_LIMIT if number % 10 == 1 else None,
                "reason": "=1+1" if number % 10 == 2 else None,
            }
            for number in range(44)
        ]
        db.session.execute(sa.insert(SessionChange), rows)
        end = MORNING + 60 * MINUTE
        add_exam(db, ExamPlan("Algebra", MORNING, end, ["ann"]))
        db.session.commit()
    site.add_admin()
    return site


@pytest.fixture(scope="module")
def still_record(make_site: Callable[[], Site]) -> Site:
    """A site with people and changes, for tests that only look."""
    return fill(make_site())


@pytest.fixture(scope="module")
def looking_browser(make_site: Callable[[], Site]) -> Browser:
    """The browser of an administrator of such a site, whose login is recorded."""
    return fill(make_site()).logged_in("admin")


@pytest.fixture
def onlooker(looking_browser: Browser) -> Browser:
    """An administrator whose browser has not told its time zone."""
    looking_browser.client.delete_cookie("timezone")
    return looking_browser


def walk(which: RecordFilter, *, scan_limit: int) -> list[int]:
    """Return the numbers of all changes that the pages have, one page after the other."""
    found: list[int] = []
    before: int | None = None
    while True:
        page = found_changes(db, which, before, size=3, scan_limit=scan_limit)
        assert len(page.entries) <= 3
        found.extend(one.change.id for one in page.entries)
        before = page.next_before
        assert before is None or page.is_cut_short or len(page.entries) == 3
        if before is None:
            return found


@pytest.mark.parametrize("scan_limit", [1000, 5, 1])
def test_the_pages_have_each_change_once_and_the_latest_first(
    still_record: Site, scan_limit: int
) -> None:
    """Whatever the filter, and however little is looked at for a page, none is lost or repeated."""
    with still_record.app.app_context():
        newest_first = sa.select(SessionChange.id).order_by(SessionChange.id.desc())
        for which in FILTERS + OF_PERSON:
            expected = list(db.session.scalars(newest_first.where(*which.conditions())))
            assert walk(which, scan_limit=scan_limit) == expected, which
            is_nobodys = which.actor == "nobody" or which.action is Action.HAND_IN
            assert bool(expected) is not is_nobodys, which


@pytest.mark.parametrize("which", FILTERS)
def test_every_page_is_taken_from_an_index(empty_site: Site, which: RecordFilter) -> None:
    """Candidates come in the order of an index, on the first page as behind a place."""
    if which.actor is not None:
        index = "ix_sessionchange_actor"
    elif which.action in {Action.VERIFY, Action.HAND_IN} and which.since is None:
        index = "ix_sessionchange_action"
    else:
        index = "ix_sessionchange_at"
    place = SessionChange(id=7, at=MORNING + 5 * MINUTE)
    with empty_site.app.app_context():
        for after in (None, place):
            for query in (edge_query(which, after, 100), page_query(which, after, 51, 100)):
                plan = plan_of(query)
                assert index in plan, plan
                assert "Seq Scan on sessionchange" not in plan
                assert "SCAN sessionchange\n" not in f"{plan}\n"
            edge_plan = plan_of(edge_query(which, after, 100))
            assert "TEMP B-TREE" not in edge_plan
            # PostgreSQL puts those of one moment in order.
            assert "Sort" not in edge_plan.replace("Incremental Sort", "").replace("Sort Key", "")


@pytest.fixture(scope="module")
def empty_site(make_site: Callable[[], Site]) -> Site:
    """A site that nobody ever adds anything to."""
    return make_site()


def test_what_is_rare_is_said_the_same_twice() -> None:
    """The condition of the index names the very actions that are done all the time."""
    assert set(re.findall("'([^']*)'", IS_RARE.text)) == {one.value for one in OFTEN}


def numbers(browser: Browser, **query: str) -> list[str]:
    """Return the counts of changed sessions that the export has: each change has its own."""
    answer = browser.get(f"{RECORD}/export", query_string={"exam": "", **query})
    assert answer.status_code == 200
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.headers["X-Row-Count"] == str(len(rows))
    assert [int(row["number"]) for row in rows] == sorted(int(row["number"]) for row in rows)
    json_rows = browser.get(
        f"{RECORD}/export", query_string={"exam": "", **query, "format": "json"}
    ).json
    assert isinstance(json_rows, list)
    plain = [
        {name: "" if cell is None else str(cell) for name, cell in one.items()} for one in json_rows
    ]
    assert plain == [{name: cell.removeprefix("'") for name, cell in row.items()} for row in rows]
    return [row["session_count"] for row in rows]


def shown(browser: Browser, **query: str) -> int:
    """Return how many changes all pages have together."""
    found = 0
    address: str | None = RECORD
    parameters: dict[str, str] | None = {"exam": "", **query}
    while address:
        answer = browser.get_page(address, query_string=parameters)
        assert answer.status_code == 200
        page = unescape(answer.text)
        found += page.count('class="list-group-item"')
        following = re.search(r'rel="next" href="([^"]*)"', page)
        address, parameters = following and following[1], None
    return found


@pytest.mark.parametrize(
    ("query", "meant"),
    [
        ({}, lambda _: True),
        ({"actor": "boss"}, lambda n: n % 4 == 0),
        ({"actor": "https://b.example"}, lambda n: n % 4 == 1),
        ({"action": "verify"}, lambda n: n % 10 == 2),
        ({"action": "login", "actor": "boss2"}, lambda n: n % 4 == 2 and n % 10 in {0, 3, 6}),
        (
            {"since": "2026-05-04T09:02", "until": "2026-05-04T09:05"},
            lambda n: 8 <= n < 20,
        ),
        ({"user": "bob", "action": "verify"}, lambda n: n % 3 == 1 and n % 10 == 2),
        ({"user": "ann", "action": "verify all"}, lambda n: n % 10 == 7),
        ({"exam": "Algebra", "action": "verify"}, lambda n: n % 3 != 1 and n % 10 == 2),
    ],
)
def test_the_record_is_narrowed_down_and_exported(
    onlooker: Browser,
    monkeypatch: pytest.MonkeyPatch,
    query: dict[str, str],
    meant: Callable[[int], bool],
) -> None:
    """By who, whom, what, when and exam; the pages have as many as CSV and JSON."""
    monkeypatch.setattr(record, "PAGE_SIZE", 7)
    monkeypatch.setattr(record, "SCAN_LIMIT", 9)
    own = [] if query else ["1"]  # the administrator's login
    expected = [str(number) for number in range(44) if meant(number)] + own
    assert numbers(onlooker, **query) == expected
    assert shown(onlooker, **query) == len(expected)


def test_an_entry_tells_who_did_what_to_whom(site: Site) -> None:
    """With a way to the person, and to the exports, of which one is for spreadsheets."""
    site.add_user("alice")
    site.add_admin()
    laptop = site.logged_in("alice", "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Firefox/133.0")
    admin = site.logged_in("admin")
    reason = {"session_id": laptop.session_id, "user": "alice", "reason": "left"}
    admin.post("/supervise/invalidate", data=reason)
    admin.client.set_cookie("timezone", "Europe/Helsinki")
    page = unescape(admin.get_page(f"{RECORD}?user=alice&action=invalidate").text)
    text = " ".join(re.sub("<[^>]*>", " ", page.partition("<ol")[2]).split())
    assert "Invalidated : Alice ( alice )" in text
    assert "By admin Address 127.0.0.1 Session Firefox" in text
    assert "Reason left" in text
    assert 'href="/administer/person?user=alice&exam="' in page
    export = f"{RECORD}/export?format=excel&user=alice&action=invalidate"
    assert f'href="{export}"' in page
    rows = list(csv.reader(io.StringIO(admin.get(export).data.decode("utf-8-sig"))))
    assert rows[0][1] == "at (Europe/Helsinki)"
    assert re.fullmatch(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d", rows[1][1])
    assert rows[1][2:5] == ["invalidate", "alice", "Alice"]
    for path in ("/administer", "/administer/person?user=alice"):
        assert 'href="/administer/record' in admin.get_page(path).text


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("actor=nobody", 404, "actor"),
        ("actor=a%00b", 404, "actor"),
        ("user=nobody", 404, "user"),
        ("since=yesterday", 422, "since"),
        ("since=2026-05-04T09:00&until=2026-05-04T09:00", 422, "until"),
        ("action=fly", 422, None),
        ("before=x", 422, None),
        ("before=999999999", 404, None),
        ("before=1&before=2", 422, None),
        ("exam=none", 404, None),
        ("usr=ann", 422, None),
    ],
)
def test_what_cannot_be_looked_for_is_said(
    onlooker: Browser, query: str, status: int, field: str | None
) -> None:
    """Beside its field if somebody types into it; nothing is passed over, and nothing shown."""
    answer = onlooker.get_page(f"{RECORD}?{query}")
    assert answer.status_code == status
    assert "list-group-item" not in answer.text
    if field is not None:
        assert f'id="{field}-error" role="alert"' in answer.text
    if "before" not in query:
        assert onlooker.get(f"{RECORD}/export?{query}").status_code == status


def test_a_search_that_was_cut_short_says_so(
    onlooker: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a way to search on from there; where nothing is found, that is said."""
    monkeypatch.setattr(record, "SCAN_LIMIT", 2)
    page = onlooker.get_page(f"{RECORD}?exam=&action=logout&actor=boss2").text
    assert "Looked at 2 changes" in page
    assert "Search on from there" in page
    monkeypatch.setattr(record, "SCAN_LIMIT", 1000)
    for query, words in (
        ("exam=&action=hand+in", "There is no such change."),
        ("exam=&before=1", "There are no older changes."),
    ):
        assert words in onlooker.get_page(f"{RECORD}?{query}").text


def test_only_administrators_have_the_record(site: Site) -> None:
    """Supervisors and students get 403, others the login."""
    site.add_supervisor()
    site.add_user("student")
    others = [site.logged_in(name) for name in ("supervisor", "student")]
    for path in (RECORD, f"{RECORD}/export"):
        for browser in others:
            assert browser.get_page(path).status_code == 403
        assert site.browser().get_page(path).status_code == 302
