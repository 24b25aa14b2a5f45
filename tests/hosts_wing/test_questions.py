"""What hosts ask each other of sessions: what they answer, and what is made of that."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from tests.conftest import MakeApp
from tests.signing import SECRET, SITE_URL, Sender
from tests.site import Site
from tests.told import FIREFOX, START, has_session, waits
from timApp.auth.session.util import add_user_session
from timApp.auth.site import db
from timApp.guard.reading.sessions import MAX_SUMMARIES, SessionSummary
from timApp.guard.rules.seating import Seating
from timApp.guard.vocabulary import State
from timApp.guard.waiting.codes import waiting_sessions
from timApp.hosts.questions.wire import (
    MAX_WAITING,
    PersonSessions,
    person_as_json,
    read_person,
    read_waiting,
    waiting_as_json,
)
from timApp.net.signature import Message, sign_request
from timApp.user.user import require_user

SECOND = timedelta(seconds=1)


# What a host answers


def ask(site: Site, path: str, content: object) -> TestResponse:
    """Ask the site as another host does."""
    sender = Sender(site.browser().client)
    if isinstance(content, bytes):
        return sender.deliver(path, sign_request(SITE_URL + path, content, SECRET))
    return sender.send(path, content)


@pytest.fixture
def host_site(database_url: str, make_app: MakeApp) -> Site:
    """A host on which alice waits."""
    site = Site(make_app(database_url, DIST_RIGHTS_RECEIVE_SECRET=SECRET, SITE_URL=SITE_URL))
    site.add_exam_hall()
    return site


def test_a_host_tells_who_waits(host_site: Site) -> None:
    """What it tells is read as it was meant."""
    browser = host_site.blocked(FIREFOX)
    answer = ask(host_site, "/hosts/waiting", {})
    assert answer.status_code == 200
    assert answer.json is not None
    with host_site.app.app_context():
        expected = waiting_sessions(db)
    assert read_waiting(answer.json["waiting"], datetime.now(UTC)) == expected
    assert [one.session_id for one in expected] == [browser.session_id]


def test_a_host_tells_the_sessions_of_a_person(host_site: Site) -> None:
    """The one that is named is among them, however many there are; unknown people are a 404."""
    with host_site.app.app_context():
        for number in range(MAX_SUMMARIES + 5):
            add_user_session(require_user(db, "alice"), f"s{number}", "[::1] curl")
        db.session.commit()
    for chosen, first in ((None, f"s{MAX_SUMMARIES + 4}"), ("s0", "s0"), ("none", None)):
        answer = ask(host_site, "/hosts/sessions", {"username": "alice", "session_id": chosen})
        told = read_person(answer.json, datetime.now(UTC))
        assert told is not None
        assert told.real_name == "Alice"
        assert len(told.sessions) == MAX_SUMMARIES
        assert first in {None, told.sessions[0].session_id}
        assert sum(session.state is State.ACTIVE for session in told.sessions) == (chosen == "s0")
    answer = ask(host_site, "/hosts/sessions", {"username": "nobody"})
    assert answer.status_code == 404
    assert answer.json is not None
    assert "nobody" in answer.json["error"]


def test_a_host_knows_people_in_any_spelling_of_their_names(host_site: Site) -> None:
    """Whoever another host asks about or changes is who has that name here."""
    (session_id,) = {host_site.logged_in("alice").session_id}
    for name in ("Alice", " alice", "\uff21LICE"):
        answer = ask(host_site, "/hosts/sessions", {"username": name})
        assert (answer.json or {})["real_name"] == "Alice"
        for action, active in (("invalidate", set()), ("verify", {session_id})):
            path = f"/user/sessions/{action}"
            assert ask(host_site, path, {"username": name}).json == {"status": "ok"}
            assert host_site.active("alice") == active


@pytest.mark.parametrize("path", ["/hosts/waiting", "/hosts/sessions"])
def test_only_hosts_that_sign_are_told_and_each_request_once(host_site: Site, path: str) -> None:
    """Without a signature, with a wrong or an old one, or a second time, nothing is told."""
    host_site.blocked()
    content = {"username": "alice"} if path == "/hosts/sessions" else {}
    client = host_site.browser().client
    host = Sender(client)
    with time_machine.travel(datetime.now(UTC) - timedelta(minutes=2)):
        old = host.signed(path, content)
    good, other = host.signed(path, content), host.signed("/hosts/check", content)
    unsigned = Message("POST", "", {}, good.body)
    garbled = Message("POST", "", {"Signature": "x", "Signature-Input": "y"}, good.body)
    wrong = Sender(client, "another").signed(path, content)
    assert host.deliver(path, good).status_code == 200
    for message in (unsigned, garbled, old, good, other, wrong):
        answer = host.deliver(path, message)
        assert answer.status_code == 400, message.headers
        assert "Alice" not in answer.text


@pytest.mark.parametrize(
    "content",
    [
        {},
        [],
        None,
        "alice",
        {"username": None},
        {"username": ""},
        {"username": 1},
        {"username": ["alice"]},
        {"username": "a\0"},
        {"username": "\ud800"},
        {"username": "x" * 10_000},
        {"username": "alice", "session_id": 1},
        {"username": "alice", "session_id": "x" * 10_000},
        {"username": "alice", "other": 1},
        b"",
        b"{",
        b"\xff",
        b"[" * 100_000,
    ],
    ids=lambda content: repr(content)[:30],
)
def test_a_question_that_cannot_be_read_is_the_askers_fault(
    host_site: Site, content: object
) -> None:
    """Whatever the body holds, the answer is a 4xx with an error."""
    answer = ask(host_site, "/hosts/sessions", content)
    assert 400 <= answer.status_code < 500
    assert answer.json is not None
    assert answer.json["error"]


# What is made of what hosts tell


WRONG: tuple[object, ...] = (None, 1, [])
HOSTILE_ENTRIES: list[object] = [
    None,
    1,
    "x",
    [],
    {},
    *(waits("KX47", "bob") | {name: value} for name in waits("", "") for value in WRONG),
    waits("kx47", "bob"),
    waits("<b>", "bob"),
    waits("KX47", "a\0"),
    waits("KX47", "\ud800"),
    waits("KX47", "x" * 256),
    waits("KX47", ""),
    waits("KX47", "bob", "x" * 256),
    waits("KX47", "bob", ""),
    waits("KX47", "bob", "a\0"),
    *(
        waits("KX47", "bob", since=time)
        for time in (
            "",
            "now",
            "2026-11-24T12:00:00",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-14:00",
            "1999-12-31T00:00:00+00:00",
        )
    ),
]


@pytest.mark.parametrize("entry", HOSTILE_ENTRIES, ids=lambda entry: repr(entry)[:60])
def test_an_entry_that_does_not_fit_is_left_out(entry: object) -> None:
    """The others are read all the same."""
    told = read_waiting([entry, waits("AC34", "alice")], START)
    assert told is not None
    assert [one.user_name for one in told] == ["alice"]


def test_texts_that_are_only_shown_are_made_fit() -> None:
    """They are cut off, what no database holds is replaced, and nobody waits since tomorrow."""
    later = (START + timedelta(hours=1)).isoformat()
    entry = waits("AC34", "alice", real_name="a\0" * 200, origin="\ud800" * 9999, since=later)
    told = read_waiting([entry], START)
    assert told is not None
    (one,) = told
    assert one.real_name == ("a\N{REPLACEMENT CHARACTER}" * 200)[:255]
    assert one.origin == "\N{REPLACEMENT CHARACTER}" * 500
    assert one.since == START
    assert read_waiting(json.loads(json.dumps(waiting_as_json(told))), START) == told


def test_only_so_much_is_read_of_a_list() -> None:
    """A list without end has its first entries read."""
    told = read_waiting([waits("AC34", "alice")] * 100_000, START)
    assert told is not None
    assert len(told) == MAX_WAITING
    person = read_person({"real_name": "", "sessions": [has_session()] * 100_000}, START)
    assert person is not None
    assert len(person.sessions) == MAX_SUMMARIES


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes().map(str),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.sampled_from([*waits("", ""), *has_session()]), _json), _json)
def test_whatever_a_host_tells_can_be_read(entry: dict[str, Any], other: Any) -> None:
    """No JSON raises an error."""
    read_waiting(other, START)
    read_waiting([waits("AC34", "alice") | entry, other], START)
    read_person(other, START)
    read_person({"real_name": "", "sessions": [has_session() | entry, other]}, START)


def test_what_is_told_of_a_person_is_read_as_it_was_meant() -> None:
    """Writing and reading are each other's inverse."""
    sessions = [
        SessionSummary("s1", "[::1] curl", START, START + SECOND, State.ACTIVE),
        SessionSummary("s2", "", START, None, State.LOGGED_OUT),
        SessionSummary("s3", "", START, None, State.EXPIRED, seating=Seating("B-14")),
        SessionSummary("s4", "", START, None, State.EXPIRED, seating=Seating("B-14", "C-3")),
        SessionSummary("s5", "", START, None, State.EXPIRED, seating=Seating("B-14", "")),
    ]
    told = PersonSessions("Alice", sessions)
    written = json.loads(json.dumps(person_as_json("Alice", sessions)))
    assert read_person(written, START + SECOND) == told
