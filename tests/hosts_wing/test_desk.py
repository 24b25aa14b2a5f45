"""One desk for all hosts: who waits and who has which sessions, wherever they are.

The other hosts are real servers on 127.0.0.1.
"""

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from html import unescape
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Barrier, Event
from typing import Any, Protocol

import pytest
import sqlalchemy as sa
import time_machine
from werkzeug.test import TestResponse

from tests.conftest import MakeApp
from tests.databases import SQLiteDatabases
from tests.hosts import SHORT, Answer, Host, says, unused_url
from tests.live import PATIENCE, live_server
from tests.signing import SECRET, proves
from tests.site import Browser, Site
from tests.told import FIREFOX, START, has_session, waits
from timApp.auth.site import current_site, db
from timApp.guard.reading.sessions import MAX_SUMMARIES, SessionSummary
from timApp.guard.vocabulary import Action, State
from timApp.guard.waiting.codes import Waiting, waiting_sessions
from timApp.hosts.questions.desk import gather
from timApp.hosts.questions.hostview import (
    INTERVAL,
    MAX_AGE,
    View,
    WaitingAnswer,
    claim,
    is_due,
    read_views,
    store,
)
from timApp.hosts.questions.person import HostAnswer
from timApp.hosts.questions.polling import refresh
from timApp.hosts.questions.wire import PersonSessions
from timApp.net.network import Host as NetworkHost
from timApp.net.peer import Peer
from timApp.pages.supervise.comparison import put_side_by_side

SECOND = timedelta(seconds=1)


OK = proves(200, {"status": "ok"})
UNKNOWN = proves(404, {"error": "There is no user of that name."})


class MakeHost(Protocol):
    """Returns a host that answers so to the questions of a desk, and does what it is told."""

    def __call__(self, waiting: object = (), person: object = None) -> Host:
        """Make the host; each is an `Answer`, or what it answers; a person may be unknown."""


@pytest.fixture
def make_host() -> Iterator[MakeHost]:
    """What makes hosts; they are stopped after the test."""
    with ExitStack() as stack:

        def make(waiting: object = (), person: object = None) -> Host:
            answers: dict[str, Answer] = {
                "/hosts/waiting": (
                    waiting if callable(waiting) else proves(200, {"waiting": waiting})
                ),
                "/hosts/sessions": (
                    person
                    if callable(person)
                    else UNKNOWN
                    if person is None
                    else proves(200, person)
                ),
            }

            def answer(handler: BaseHTTPRequestHandler) -> None:
                answers.get(handler.path, OK)(handler)

            host = Host(answer)
            stack.callback(host.stop)
            return host

        yield make


class MakeDesk(Protocol):
    """Returns a site whose target ``exam`` has these hosts."""

    def __call__(self, *urls: str, **options: object) -> Site:
        """Make the site; names of hosts are a, b, c, and so on."""


@pytest.fixture
def make_desk(database_url: str, make_app: MakeApp) -> MakeDesk:
    """What makes sites of supervisors who look after several hosts."""

    def make(*urls: str, **options: object) -> Site:
        names = [chr(ord("a") + number) for number in range(len(urls))]
        network = {
            "hosts": dict(zip(names, urls, strict=True)),
            "targets": {"exam": names},
        }
        return Site(
            make_app(
                database_url,
                **{
                    "DIST_RIGHTS_NETWORK": network,
                    "DIST_RIGHTS_SEND_SECRET": SECRET,
                    "DIST_RIGHTS_TIMEOUT": PATIENCE,
                    **options,
                },
            )
        )

    return make


def with_supervisor(desk: Site) -> Browser:
    """Return the browser of the site's supervisor, who is added."""
    desk.add_supervisor()
    return desk.logged_in("supervisor")


def text_of(page: TestResponse) -> str:
    """Return the text of a page, with one blank between words, or that of the list in JSON."""
    text = page.text
    listed = page.json if page.is_json else None
    if listed:
        rows = [html for rows in listed["lists"] for _, _, html in rows]
        text = " ".join([*rows, listed["silent"]])
    return " ".join(unescape(re.sub("<[^>]*>", " ", text)).split())


def asked(host: Host, path: str = "/hosts/waiting") -> int:
    """Return how often the host was asked that."""
    return sum(one.path == path for one in host.asked)


def views_of(desk: Site) -> list[View]:
    """Return what is known of the hosts, once each that is due has answered or not."""
    with desk.app.app_context():
        return refresh(current_site().network, db, PATIENCE)


# What is made of what hosts tell


A, B = NetworkHost("http://a.example", "a"), NetworkHost("http://b.example", "b")


def person_there(session_id: str = "s1", since: timedelta = SECOND) -> Waiting:
    """Return somebody who has waited for that time."""
    return Waiting("KX47", "alice", "Alice", session_id, "", START - since)


def test_the_list_has_the_longest_first_wherever_they_wait() -> None:
    """What a host tells of a session that is here is left out."""
    desk = gather(
        [person_there("s1", 3 * SECOND)],
        [
            View(A, START, START, waiting=[person_there("s2", 5 * SECOND), person_there("s1")]),
            View(B, START, START, waiting=[person_there("s3", 4 * SECOND)]),
        ],
    )
    found = [(one.entry.session_id, one.host) for one in desk.waiting]
    assert found == [("s2", A), ("s3", B), ("s1", None)]
    assert desk.silent == []
    assert desk.spans_hosts
    assert not gather([], []).spans_hosts


def summary(session_id: str, at: int = 0, *, is_out: bool = False) -> SessionSummary:
    """Return a session that began that number of seconds after the start."""
    state = State.LOGGED_OUT if is_out else State.EXPIRED
    return SessionSummary(session_id, "", START + at * SECOND, None, state)


def test_the_chosen_session_comes_first_wherever_it_is() -> None:
    """The others follow, logged out ones last, the latest first; each has its host."""
    local = PersonSessions("Alice", [summary("here", 3), summary("out", 9, is_out=True)])
    answers = [
        HostAnswer(A, PersonSessions("Alice", [summary("chosen", 1), summary("here", 8)])),
        HostAnswer(B, PersonSessions("Mallory", [summary("late", 5)])),
    ]
    compared = put_side_by_side("alice", "chosen", local, answers)
    found = [(one.session_id, one.host, one.known_as) for one in compared.sessions]
    assert found == [
        ("chosen", A, None),
        ("late", B, "Mallory"),
        ("here", None, None),
        ("out", None, None),
    ]
    assert compared.is_here
    assert not compared.lacks_chosen
    assert put_side_by_side("alice", "none", local, answers).lacks_chosen


def test_a_person_may_be_known_elsewhere_only() -> None:
    """The real name is that of the first host that knows the person; the others are named."""
    answers = [
        HostAnswer(A),
        HostAnswer(B, PersonSessions("Alice", [])),
        HostAnswer(NetworkHost("http://c.example"), error="no answer"),
    ]
    compared = put_side_by_side("alice", None, None, answers)
    assert (compared.real_name, compared.is_here) == ("Alice", False)
    assert compared.strangers == [A]
    assert compared.failed == answers[2:]


# Who is asked, and when


@pytest.mark.parametrize(
    ("asked_at", "settled_at", "due"),
    [
        (None, None, True),
        (0, 0, False),
        (-1.9, -1.8, False),
        (-2, -1.9, True),
        (-2, -2, True),
        # Not answered yet, or answered only an earlier time.
        (-2, None, False),
        (-2, -3, False),
        # Whoever asked is dead.
        (-3, None, True),
        (-60, -61, True),
        # The clock was put back.
        (1, 1, False),
        (60, 61, True),
    ],
)
def test_a_host_is_due_when_nobody_waits_for_it_any_more(
    asked_at: float | None, settled_at: float | None, due: bool
) -> None:
    """It is asked once in 2 s, and not while an answer may still come."""
    view = View(
        A,
        None if asked_at is None else START + asked_at * SECOND,
        None if settled_at is None else START + settled_at * SECOND,
    )
    assert is_due(view, START, 3 * SECOND) is due


def test_the_list_spans_this_server_and_the_hosts(make_desk: MakeDesk, make_host: MakeHost) -> None:
    """Page and list show who waits where, and what each waits at; the link leads to them."""
    one = make_host([waits("AC34", "bob", since=datetime.now(UTC).isoformat())])
    two = make_host([waits("CD46", "carol"), waits("CD47", "dave")])
    desk = make_desk(one.url, two.url)
    desk.add_exam_hall()
    desk.blocked(FIREFOX)
    supervisor = desk.logged_in("supervisor")
    views_of(desk)
    for path in ("/supervise", "/supervise/waiting"):
        page = supervisor.get_page(path)
        shown = text_of(page)
        places = [("Carol", "b"), ("Dave", "b"), ("Bob", "a"), ("Alice", "This server")]
        for name, place in places:
            device = r"[0-9.]+ , Firefox 133 on Windows 10"
            pattern = rf"{name} \( {name.lower()} \) {device} since [0-9:]+ UTC {place} "
            assert re.search(pattern, shown), pattern
        assert [shown.index(name) for name, _ in places] == sorted(
            shown.index(name) for name, _ in places
        )
        assert "user=carol&amp;session=s1" in page.text  # as it stands in HTML, in JSON too
        assert "is not known" not in shown


def test_a_site_without_other_hosts_says_nothing_of_them(
    database_url: str, make_app: MakeApp, make_host: MakeHost
) -> None:
    """Without targets, or a secret to send, nobody is asked, no query is made, no label shown."""
    host = make_host()
    hosts = {"exam": {"hosts": [host.url]}}
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    for options in ({"DIST_RIGHTS_SEND_SECRET": SECRET}, {"DIST_RIGHTS_HOSTS": hosts}):
        site = Site(make_app(database_url, **options))
        if not site.sessions("supervisor"):
            site.add_exam_hall()
            site.blocked()
        supervisor = site.logged_in("supervisor")
        with site.app.app_context():
            sa.event.listen(db.engine, "before_cursor_execute", note)
        for path in ("", "/waiting", "/find?q=KX47", "/find?q=nobody", "/person?user=alice"):
            page = supervisor.get_page(f"/supervise{path}")
            assert "This server" not in text_of(page)
    assert statements
    assert not any("peer" in one for one in statements)
    assert host.asked == []


def test_a_host_is_asked_once_in_two_seconds_however_many_look(
    database_url: str, make_desk: MakeDesk, make_host: MakeHost
) -> None:
    """Two processes and many screens make one request; the next comes 2 s later."""
    host = make_host([waits("AC34", "bob")])
    desks = [make_desk(host.url) for _ in range(2)]
    desks[0].add_supervisor()
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:
        supervisors = [desk.logged_in("supervisor") for desk in desks for _ in range(3)]
        for rounds, seconds in ((1, 0), (1, 1.9), (2, 0.1), (2, 1), (3, 1)):
            clock.shift(seconds)
            for supervisor in supervisors:
                assert supervisor.get_page("/supervise/waiting").status_code == 200
            for desk in desks:
                views_of(desk)
            until(lambda: all(view.settled_at == view.asked_at for view in views_of(desks[0])))
            assert asked(host) == rounds
            assert "Bob" in supervisors[0].get_page("/supervise/waiting").text


def until(holds: Callable[[], bool]) -> None:
    """Return when that holds, which another thread sees to."""
    pause = Event()
    for _ in range(PATIENCE * 100):
        if holds():
            return
        pause.wait(0.01)
    pytest.fail("It has not come to hold.")


def test_a_host_that_is_claimed_is_not_asked_by_another(
    make_desk: MakeDesk, make_host: MakeHost
) -> None:
    """Of two processes that find it due at the same time, one gets it."""
    desk = make_desk(make_host().url)
    with desk.app.app_context():
        for moment, asked_at in ((START, None), (START + INTERVAL, START)):
            views = [View(A, asked_at), View(B, asked_at)]
            assert [view.host for view in claim(db.engine, views[:1], moment)] == [A]
            assert [view.host for view in claim(db.engine, views, moment)] == [B]
            assert claim(db.engine, views, moment) == []


def test_many_who_look_at_the_same_time_make_one_request(
    make_desk: MakeDesk, make_host: MakeHost
) -> None:
    """The host is asked by one of the threads, and all of them go on."""
    host = make_host([waits("AC34", "bob")])
    desk = make_desk(host.url)
    barrier = Barrier(8)

    def look(_number: int) -> int:
        with desk.app.app_context():
            barrier.wait(PATIENCE)
            return len(refresh(current_site().network, db))

    with time_machine.travel(START, tick=False), ThreadPoolExecutor(8) as pool:
        assert list(pool.map(look, range(8))) == [1] * 8
        until(lambda: all(view.settled_at for view in views_of(desk)))
    assert asked(host) == 1


LIES: dict[str, Answer] = {
    "no list": proves(200, {"waiting": None}),
    "nothing": proves(200, {}),
    "a number": proves(200, {"waiting": 1}),
    "no object": proves(200, ["x"]),
    "no JSON": says(200, "<h1>Welcome</h1>"),
    "no proof": says(200, '{"waiting": []}'),
    "error": proves(500, {"error": "<script>alert(1)</script>\0\n\u202e"}),
    "another's proof": proves(200, {"waiting": []}, "another secret"),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_host_that_answers_with_something_else_is_shown_as_failing(
    make_desk: MakeDesk, make_host: MakeHost, lie: Answer
) -> None:
    """It is named, and the others are listed."""
    liar, good = make_host(lie), make_host([waits("AC34", "bob")])
    desk = make_desk(liar.url, good.url)
    supervisor = with_supervisor(desk)
    views_of(desk)
    page = supervisor.get_page("/supervise/waiting")
    assert "Bob" in page.text
    assert re.search(r" a : \w.* No answer since", text_of(page))
    assert "b :" not in text_of(page)
    assert "<script>" not in page.text


def test_dead_old_and_hanging_hosts_hide_nobody(make_desk: MakeDesk, make_host: MakeHost) -> None:
    """Each is shown as what it is, on the list and under the comparison."""
    may_end = Event()

    def hang(_handler: BaseHTTPRequestHandler) -> None:
        may_end.wait(PATIENCE)

    old = says(404, '{"error": "Not found"}')
    hosts = [make_host(hang, hang), make_host(old, old)]
    hosts.append(
        make_host(
            [waits("AC34", "bob"), {"code": "<b>"}] * 50,
            {"real_name": "Bob", "sessions": [has_session(), {"session_id": 1}]},
        )
    )
    with ExitStack() as stack:
        stack.callback(may_end.set)
        urls = [unused_url(stack), *(host.url for host in hosts)]
        desk = make_desk(*urls, DIST_RIGHTS_TIMEOUT=SHORT)
        supervisor = with_supervisor(desk)
        # The first screen is shown before the one that hangs has failed.
        first = text_of(supervisor.get_page("/supervise"))
        assert "Bob" in first
        assert "b : No answer yet." in first
        until(lambda: all(view.settled_at for view in views_of(desk)))
        page = text_of(supervisor.get_page("/supervise/waiting"))
        compared = text_of(supervisor.get_page("/supervise/person?user=bob&session=s1"))
    assert "Bob" in page
    assert re.search(r" a : cannot be reached .* No answer since [0-9:]+ UTC", page)
    assert re.search(rf" b : no answer within {SHORT} s. No answer since [0-9:]+ UTC", page)
    assert "c : It does not sign" in page
    assert "d :" not in page
    assert "This is the session you scanned or chose. State Expired" not in page
    assert "Server d" in compared
    assert " a : cannot be reached (Connection refused). The person may have sessions" in compared
    assert " b : no answer within 0.5 s. The person may have sessions there." in compared
    assert "c : It does not sign" in compared


def tells_of_bob(is_up: Event) -> Answer:
    """Return what answers that bob waits, while the host is up."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        good = proves(200, {"waiting": [waits("AC34", "bob")]})
        (good if is_up.is_set() else proves(503, {"error": "down"}))(handler)

    return answer


def test_what_a_host_told_counts_for_a_short_time(make_desk: MakeDesk, make_host: MakeHost) -> None:
    """People of a host that is down vanish, and it is shown since when; they come back with it."""
    is_up = Event()
    is_up.set()
    desk = make_desk(make_host(tells_of_bob(is_up)).url)
    with time_machine.travel(START, tick=False) as clock:
        for up, is_shown, failing_since in (
            (True, True, None),
            (False, True, 2),
            (False, True, 2),
            (False, True, 2),
            (False, True, 2),
            (False, True, 2),
            (False, False, 2),
            (True, True, None),
        ):
            (is_up.set if up else is_up.clear)()
            views_of(desk)
            until(lambda: all(view.settled_at == view.asked_at for view in views_of(desk)))
            (view,) = views_of(desk)
            assert bool(view.waiting) is is_shown
            since = failing_since and START + failing_since * SECOND
            assert view.failing_since == since
            assert (view.error is None) is up
            clock.shift(INTERVAL)
    assert MAX_AGE == 5 * INTERVAL


@pytest.mark.parametrize(("back", "is_shown"), [(30 * SECOND, True), (3600 * SECOND, False)])
def test_a_clock_that_is_put_back_does_not_keep_what_a_host_told(
    make_desk: MakeDesk, make_host: MakeHost, back: timedelta, is_shown: bool
) -> None:
    """An answer counts no longer for a clock that is put back, but clocks may differ a little."""
    is_up = Event()
    is_up.set()
    desk = make_desk(make_host(tells_of_bob(is_up)).url)
    with time_machine.travel(START, tick=False) as clock:
        views_of(desk)
        until(lambda: all(view.settled_at is not None for view in views_of(desk)))
        is_up.clear()
        clock.move_to(START - back)
        (view,) = views_of(desk)
        assert bool(view.waiting) is is_shown


def test_a_hosts_state_is_noted_with_what_it_answers(
    make_desk: MakeDesk, make_host: MakeHost
) -> None:
    """The page on the servers knows what the list of who waits knows of a host."""
    is_up = Event()
    is_up.set()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        (proves(200, {"waiting": []}) if is_up.is_set() else proves(503, {}))(handler)

    desk = make_desk(make_host(answer).url)
    noted = []
    with time_machine.travel(START, tick=False) as clock:
        for second in range(0, 14, 2):
            if second in {4, 8}:
                (is_up.clear if second == 4 else is_up.set)()
            views_of(desk)
            until(lambda: all(view.settled_at == view.asked_at for view in views_of(desk)))
            with desk.app.app_context():
                peer = db.session.scalars(sa.select(Peer)).one()
                moments = (peer.last_success_at, peer.last_failure_at)
            if moments not in noted:
                noted.append(moments)
            clock.shift(INTERVAL)
    seconds = [
        tuple(moment and (moment - START) // SECOND for moment in moments) for moments in noted
    ]
    assert seconds == [(0, None), (2, None), (2, 4), (2, 6), (8, 6), (10, 6), (12, 6)]


def test_what_comes_too_late_is_not_kept(make_desk: MakeDesk, make_host: MakeHost) -> None:
    """An answer to an earlier question does not take the place of a later one's."""
    desk = make_desk(make_host().url)
    answer = WaitingAnswer([person_there()])
    with desk.app.app_context(), time_machine.travel(START + 4 * SECOND, tick=False):
        claim(db.engine, [View(A)], START)
        claim(db.engine, [View(A, START)], START + 3 * SECOND)
        with db.engine.begin() as connection:
            store(connection, A, START, answer)
        (view,) = read_views(db, [A], START + 4 * SECOND)
        assert (view.settled_at, view.waiting) == (None, [])
        with db.engine.begin() as connection:
            store(connection, A, START + 3 * SECOND, answer)
        (view,) = read_views(db, [A], START + 4 * SECOND)
        assert (view.settled_at, view.waiting) == (START + 4 * SECOND, [person_there()])


# Who is meant


def find(supervisor: Browser, text: str) -> TestResponse:
    """Type a text into the console's field, and return what comes of it."""
    return supervisor.get_page("/supervise/find", query_string={"q": text})


def test_a_code_of_another_host_finds_the_person_there(
    make_desk: MakeDesk, make_host: MakeHost
) -> None:
    """It leads to the comparison, also before anybody has looked at the list."""
    person = {"real_name": "Bob", "sessions": [has_session()]}
    host = make_host([waits("AC34", "bob")], person)
    supervisor = with_supervisor(make_desk(make_host().url, host.url))
    found = find(supervisor, "ac 34")
    assert found.status_code == 302
    page = supervisor.get_page(found.location)
    assert "This is the session you scanned or chose." in page.text
    assert "Server b" in text_of(page)
    unknown = find(supervisor, "AC37")
    assert unknown.status_code == 404
    assert "Nobody waits with the code AC37" in unknown.text


def test_a_code_that_two_hosts_have_given_is_a_choice(
    make_desk: MakeDesk, make_host: MakeHost
) -> None:
    """Whoever has it is shown with their host; none of them is taken for the other."""
    desk = make_desk()
    desk.add_exam_hall()
    desk.blocked()
    with desk.app.app_context():
        (local,) = waiting_sessions(db)
    one, two = make_host([waits(local.code, "bob")]), make_host([waits("AC34", "bob")])
    desk = make_desk(one.url, two.url)
    supervisor = desk.logged_in("supervisor")
    page = find(supervisor, local.code)
    assert page.status_code == 200
    choice = text_of(page).partition("Who is it?")[2].partition("Waiting for verification")[0]
    for shown in (local.code, "Alice", "This server", "Bob", " a "):
        assert shown in choice
    assert find(supervisor, "AC34").status_code == 302


def test_a_name_that_only_another_host_knows_finds_the_person(
    make_desk: MakeDesk, make_host: MakeHost
) -> None:
    """The comparison shows what is there, and which hosts do not know the name."""
    person = {"real_name": "Bob Builder", "sessions": [has_session(is_active=True)]}
    host, other = make_host(person=person), make_host()
    supervisor = with_supervisor(make_desk(host.url, other.url))
    for text, chosen in (("bob", False), ("bob#s1", True)):
        found = find(supervisor, text)
        assert found.status_code == 302
        page = text_of(supervisor.get_page(found.location))
        assert "Bob Builder ( bob )" in page
        assert ("you scanned or chose" in page) is chosen
        assert "The person is not known on: b" in page
    (question,) = {json.dumps(one.body) for one in host.asked if "s1" in json.dumps(one.body)}
    assert json.loads(question) == {"username": "bob", "session_id": "s1"}


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "x" * 10_000, "a#b\0", "KX47", "nobody"])
def test_what_no_host_knows_is_said(make_desk: MakeDesk, make_host: MakeHost, text: str) -> None:
    """The console comes back with a sentence, whatever was typed, and so does the comparison."""
    supervisor = with_supervisor(make_desk(make_host().url))
    page = find(supervisor, text.encode(errors="surrogatepass").decode(errors="replace"))
    assert page.status_code == 404
    assert 'role="alert"' in page.text
    page = supervisor.get_page(
        "/supervise/person", query_string={"user": text.encode(errors="surrogatepass")}
    )
    assert page.status_code == 404


def test_a_name_or_code_that_is_not_found_names_the_hosts_that_could_not_be_asked(
    make_desk: MakeDesk, make_host: MakeHost
) -> None:
    """Whoever is looked for may be there."""
    with ExitStack() as stack:
        supervisor = with_supervisor(make_desk(make_host().url, unused_url(stack)))
        for text in ("nobody", "AC34"):
            page = find(supervisor, text)
            assert page.status_code == 404
            alert = page.text.partition('role="alert"')[2].partition("</p>")[0]
            assert "b (http" in alert
            assert "a (http" not in alert


# The comparison


def test_what_hosts_tell_is_shown_as_text(make_desk: MakeDesk, make_host: MakeHost) -> None:
    """No name, browser or error of a host is markup."""
    evil = "<script>alert(1)</script>\"'"
    entry = waits("AC34", evil, evil, real_name=evil, origin=evil)
    person = {"real_name": evil, "sessions": [has_session(evil, origin=evil)]}
    error = proves(500, {"error": evil})
    supervisor = with_supervisor(
        make_desk(make_host([entry], person).url, make_host(error, error).url)
    )
    for path in ("/supervise", f"/supervise/person?user={evil}&session={evil}"):
        page = supervisor.get_page(path).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page


PERSONS: dict[str, Answer | object] = {
    "no sessions": {"real_name": "Alice"},
    "sessions are text": {"real_name": "Alice", "sessions": "x"},
    "no name": {"sessions": []},
    "no proof": says(200, '{"real_name": "Alice", "sessions": []}'),
    "error": proves(500, {"error": "broken"}),
}


@pytest.mark.parametrize("lie", PERSONS.values(), ids=PERSONS)
def test_a_host_that_tells_something_else_is_named_under_the_comparison(
    make_desk: MakeDesk, make_host: MakeHost, lie: object
) -> None:
    """The sessions here and on the other hosts are shown all the same."""
    good = make_host(person={"real_name": "Alice", "sessions": [has_session()]})
    desk = make_desk(make_host(person=lie).url, good.url)
    desk.add_exam_hall()
    desk.blocked()
    page = desk.logged_in("supervisor").get_page("/supervise/person?user=alice")
    assert page.text.count("<section") == 3
    assert re.search(r" a : \w.* The person may have sessions there\.", text_of(page))


def test_a_host_that_tells_of_many_sessions_hides_none(
    make_desk: MakeDesk, make_host: MakeHost
) -> None:
    """Each host has its part, and so has this server."""
    later = datetime.now(UTC).isoformat()
    many = [has_session(f"x{number}", logged_in_at=later) for number in range(999)]
    liar = make_host(person={"real_name": "Alice", "sessions": many})
    good = make_host(person={"real_name": "Alice", "sessions": [has_session("good")]})
    desk = make_desk(liar.url, good.url)
    desk.add_exam_hall()
    desk.blocked()
    page = desk.logged_in("supervisor").get_page("/supervise/person?user=alice").text
    assert page.count("<section") == MAX_SUMMARIES + 3
    assert 'value="good"' in page
    for session_id in desk.sessions("alice"):
        assert session_id in page


# Verifying what is elsewhere


def told(host: Host, action: str) -> list[Any]:
    """Return the bodies with which a host was told to do that."""
    return [one.body for one in host.asked if one.path == f"/user/sessions/{action}"]


@pytest.mark.parametrize("action", ["verify", "invalidate"])
@pytest.mark.parametrize("is_ticked", [False, True])
def test_the_host_of_the_session_is_told_whatever_was_ticked(
    make_desk: MakeDesk, make_host: MakeHost, action: str, is_ticked: bool
) -> None:
    """The person's sessions here expire by a verification, and the other hosts hear if ticked."""
    home, other = make_host(), make_host()
    desk = make_desk(home.url, other.url)
    desk.add_exam_hall()
    desk.logged_in("alice")
    active = desk.active("alice")
    form = {"user": "alice", "session_id": "s1", "home": home.url, "reason": "new computer"}
    if is_ticked:
        form["target"] = "exam"
    page = desk.logged_in("supervisor").decide(f"/supervise/{action}", data=form)
    assert page.status_code == 200
    assert [one["session_id"] for one in told(home, action)] == ["s1"]
    assert len(told(other, action)) == is_ticked
    assert desk.active("alice") == (set() if action == "verify" else active)
    if action == "verify":
        change = desk.changes()[-1]
        assert (change.action, change.session_id) == (Action.VERIFY, "s1")
        assert (change.actor, change.reason) == ("supervisor", "new computer")


@pytest.mark.parametrize("action", ["verify", "invalidate"])
def test_a_person_who_is_unknown_here_is_verified_where_they_are(
    make_desk: MakeDesk, make_host: MakeHost, action: str
) -> None:
    """Only the hosts are told, and nothing changes here."""
    home = make_host()
    desk = make_desk(home.url)
    supervisor = with_supervisor(desk)
    changes = len(desk.changes())
    form = {"user": "bob", "session_id": "s1", "home": home.url}
    page = supervisor.decide(f"/supervise/{action}", data=form)
    assert page.status_code == 200
    assert "This server does not know the person" in page.text
    assert [one["username"] for one in told(home, action)] == ["bob"]
    assert len(desk.changes()) == changes


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"home": "http://127.0.0.1:1"}, 422),
        ({"home": "x"}, 422),
        ({"home": ""}, 404),
        ({"user": ""}, 422),
        ({"user": "a\0"}, 422),
        ({"user": "x" * 10_000}, 422),
        ({"session_id": ""}, 422),
        ({"session_id": "a\0"}, 422),
        ({"session_id": "x" * 10_000}, 422),
    ],
    ids=repr,
)
def test_a_form_that_names_no_host_of_ours_or_nobody_changes_nothing(
    make_desk: MakeDesk, make_host: MakeHost, changes: dict[str, str], status: int
) -> None:
    """Only hosts of targets are told, and only of sessions."""
    home = make_host()
    supervisor = with_supervisor(make_desk(home.url))
    form = {"user": "bob", "session_id": "s1", "home": home.url, **changes}
    for action in ("verify", "invalidate"):
        assert supervisor.decide(f"/supervise/{action}", data=form).status_code == status
    assert home.asked == []


def test_the_outcome_says_where_a_person_is_unknown(make_desk: MakeDesk) -> None:
    """A host that does not know the person has not failed, and is not asked again."""
    with ExitStack() as stack:
        host = Host(proves(200, {"status": "ok", "known": False}))
        stack.callback(host.stop)
        supervisor = with_supervisor(make_desk(host.url))
        form = {"user": "bob", "session_id": "s1", "home": host.url}
        page = supervisor.decide("/supervise/verify", data=form)
    assert page.status_code == 200
    assert re.search(r"a \(http://[0-9.:]+\) : unknown there", text_of(page))
    assert "Ask the failed hosts again" not in page.text


def test_a_link_of_another_host_is_followed_compared_and_verified_there(
    database_url: str, sqlite_databases: SQLiteDatabases, make_app: MakeApp, tmp_path: Path
) -> None:
    """A person blocked on one real server is let in from another, which may not know them."""
    secrets: dict[str, Any] = {"SESSIONS_LINK_SECRET": "the secret of links"}
    with ExitStack() as stack:
        there_url = stack.enter_context(sqlite_databases.fresh())
        there_site = Site(make_app(there_url))
        there_site.add_exam_hall()
        there_site.add_user("bob")
        there = stack.enter_context(
            live_server(there_url, tmp_path / "there", DIST_RIGHTS_RECEIVE_SECRET=SECRET, **secrets)
        )
        here_site = Site(make_app(database_url))
        here_site.add_exam_hall()
        here = stack.enter_context(
            live_server(
                database_url,
                tmp_path / "here",
                workers=2,
                DIST_RIGHTS_NETWORK={
                    "hosts": {"hall a": there.url, "hall b": unused_url(stack)},
                    "targets": {"exam": ["hall a"], "other": ["hall b"]},
                },
                DIST_RIGHTS_SEND_SECRET=SECRET,
                **secrets,
            )
        )
        here.logged_in("alice")
        supervisor = here.logged_in("supervisor")
        for name in ("alice", "bob"):
            first, second = there.logged_in(name), there.logged_in(name)
            blocked = second.get_page("/view/exam")
            assert blocked.status == 490
            link = re.search(r"/supervise/link/[^\"<]+", blocked.text)
            assert link is not None
            page = supervisor.get_page(link[0])
            assert page.status == 200
            assert page.text.count("you scanned or chose") == 1
            assert page.text.count("<section") == (3 if name == "alice" else 2)
            assert "Connection refused" in page.text
            chosen = page.text.partition("you scanned or chose")[2].partition("</form>")[0]
            fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', chosen))
            assert (fields["session_id"], fields["home"]) == (second.session_id, there.url)
            verified = supervisor.submit("/supervise/verify", fields)
            assert verified.status == 200
            assert there_site.active(name) == {second.session_id}
            assert first.get("/user/sessions/current").json["valid"] is False
            assert second.get("/user/sessions/current").json["valid"] is True
        assert here_site.active("alice") == set()
        change = here_site.changes()[-1]
        assert (change.action, change.actor) == (Action.VERIFY, "supervisor")
