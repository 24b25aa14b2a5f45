"""Guessed passwords: whoever guesses waits, and nobody else does."""

import re
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from tests.conftest import MakeApp
from tests.live import PROJECT, eventually
from tests.site import PASSWORD, Browser, Site
from tests.statements import noted_statements_of
from tests.together import together
from timApp.auth.site import current_site, db
from timApp.user import hashing, password
from timApp.user.attempts.failed import FailedLogin
from timApp.user.attempts.rule import FREE, PERIOD
from timApp.user.attempts.throttle import PasswordFailures
from timApp.util.clock import now
from timApp.util.logs import TextLines, about_request

HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"
WRONG = "a wrong one"
DOCUMENT = PROJECT / "docs" / "keeping.md"
PAGE = {"Accept": "text/html"}


@pytest.fixture
def hall(site: Site) -> Site:
    """A site with some people."""
    for name in ("alice", "bob"):
        site.add_user(name)
    return site


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """The clock, which stands still."""
    with time_machine.travel(now(), tick=False) as clock:
        yield clock


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords that hashes were computed of."""
    tried: list[str] = []
    verify = password._hasher.verify

    def note(known: str, typed: str) -> bool:
        tried.append(typed)
        return verify(known, typed)

    monkeypatch.setattr(password._hasher, "verify", note)
    return tried


def try_in(browser: Browser, name: str, typed: str = WRONG, address: str = HERE) -> int:
    """Try to log in in a browser; return the status. The wait stands in the answer, too."""
    answer = browser.client.post(
        "/login",
        json={"username": name, "password": typed},
        environ_base={"REMOTE_ADDR": address},
    )
    if answer.status_code == 429:
        assert f"Wait {answer.headers['Retry-After']} s" in (answer.json or {})["error"]
    return answer.status_code


def try_out(site: Site, name: str, typed: str = WRONG, address: str = HERE) -> int:
    """Try to log in, without a cookie of before."""
    return try_in(site.browser(), name, typed, address)


def guess(site: Site, name: str, times: int = FREE, address: str = HERE) -> None:
    """Try wrong passwords, none of which has to wait."""
    assert [try_out(site, name, address=address) for _ in range(times)] == [403] * times


def in_database(site: Site) -> list[tuple[str, int]]:
    """Return the places from which passwords failed, and how many did."""
    with site.app.app_context():
        rows = db.session.execute(sa.select(PasswordFailures.place, PasswordFailures.failures))
        return sorted((place, count) for place, count in rows)


def recorded(site: Site) -> list[tuple[int | None, str | None]]:
    """Return the record of failed logins: whose and from where."""
    with site.app.app_context():
        query = sa.select(FailedLogin.user_id, FailedLogin.address).order_by(FailedLogin.id)
        return [(user_id, address) for user_id, address in db.session.execute(query)]


def test_five_wrong_ones_are_free_and_then_one_waits_longer_each_time(
    hall: Site, clock: time_machine.Traveller, hashed: list[str]
) -> None:
    """While one waits, the right password is not looked at either; then it is, and is right."""
    guess(hall, "alice")
    for seconds in (1, 2, 4, 8, 16, 32, 60, 60):
        assert try_out(hall, "alice", PASSWORD) == 429
        clock.shift(timedelta(seconds=seconds - 0.1))
        assert try_out(hall, "alice") == 429
        clock.shift(timedelta(seconds=0.1))
        assert try_out(hall, "alice") == 403
    assert hashed == [WRONG] * (FREE + 8)
    clock.shift(timedelta(seconds=60))
    assert try_out(hall, "alice", PASSWORD) == 200
    # And all is forgotten.
    assert in_database(hall) == []
    guess(hall, "alice")


def test_nobody_else_waits(hall: Site, clock: time_machine.Traveller) -> None:
    """Not the person from another address, and no other person from the same one."""
    guess(hall, "alice")
    assert try_out(hall, "alice", PASSWORD) == 429
    assert try_out(hall, "alice", PASSWORD, ELSEWHERE) == 200
    assert try_out(hall, "bob", PASSWORD) == 200
    # What was right elsewhere helps nobody here.
    assert try_out(hall, "alice", PASSWORD) == 429
    assert try_out(hall, "ALICE ", PASSWORD) == 429


def test_addresses_of_one_network_of_ipv6_are_one_place(
    hall: Site, clock: time_machine.Traveller
) -> None:
    """Whoever has a /64 has all of its addresses to guess from; the next one is somebody else's."""
    for number in range(FREE):
        guess(hall, "alice", 1, f"2001:db8::{number}")
    assert try_out(hall, "alice", PASSWORD, "2001:db8::ffff:1") == 429
    assert try_out(hall, "alice", PASSWORD, "2001:db8:0:1::1") == 200


def test_a_browser_that_had_a_session_of_the_person_does_not_wait_for_others(
    hall: Site, clock: time_machine.Traveller
) -> None:
    """It has wrong passwords of its own, and those of the address count for all other browsers."""
    own, anothers = hall.browser(), hall.browser()
    assert try_in(own, "alice", PASSWORD) == 200
    own.csrf_token = ""
    own.client.delete_cookie("timapp")
    assert try_in(anothers, "bob", PASSWORD) == 200
    guess(hall, "alice")
    assert try_in(anothers, "alice", PASSWORD) == 429
    assert [try_in(own, "alice") for _ in range(FREE)] == [403] * FREE
    assert try_in(own, "alice", PASSWORD) == 429
    clock.shift(timedelta(seconds=1))
    assert try_in(own, "alice", PASSWORD) == 200
    assert in_database(hall) == [(HERE, FREE)]
    assert try_out(hall, "alice") == 403


def test_names_that_are_nobodys_wait_alike(
    hall: Site, clock: time_machine.Traveller, hashed: list[str]
) -> None:
    """Same answers, and a hash computed for each that is looked at: so no name is found out."""
    found = []
    for name in ("alice", "mallory"):
        hashed.clear()
        statuses = [try_out(hall, name) for _ in range(FREE + 1)]
        clock.shift(timedelta(seconds=1))
        statuses += [try_out(hall, name), try_out(hall, f" {name.upper()}")]
        found.append((statuses, list(hashed)))
    assert found[0] == found[1] == ([403] * FREE + [429, 403, 429], [WRONG] * (FREE + 1))


def test_what_was_typed_as_a_name_is_not_kept(hall: Site, caplog: pytest.LogCaptureFixture) -> None:
    """It may be a password: neither the tables have it nor the log; who is known is named."""
    typed = "my s3cret"
    assert try_out(hall, typed) == 403
    assert try_out(hall, "Alice") == 403
    assert recorded(hall) == [(None, HERE), (hall.user_id("alice"), HERE)]
    with hall.app.app_context():
        subjects = db.session.scalars(sa.select(PasswordFailures.subject)).all()
    assert len(subjects) == 2
    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in subjects)
    assert typed not in caplog.text
    assert "as 'alice'" in caplog.text


def test_a_right_password_writes_and_waits_for_nothing_of_this(hall: Site) -> None:
    """A hall behind one address comes in while somebody there guesses: no row of theirs is made."""
    names = [f"p{number}" for number in range(20)]
    for name in names:
        hall.add_user(name)
    guess(hall, "alice")
    with hall.app.app_context(), noted_statements_of(db.engine) as noted:
        answers = together([lambda name=name: try_out(hall, name, PASSWORD) for name in names])  # type: ignore[misc]
    assert answers == [200] * len(names)
    touched = [text for text in noted if "passwordfailures" in text or "failedlogin" in text]
    assert all(text.lstrip().startswith("SELECT") for text in touched)
    assert in_database(hall) == [(HERE, FREE)]


@pytest.mark.parametrize("servers", [1, 2])
def test_many_at_once_count_as_many(
    hall: Site, make_app: MakeApp, hashed: list[str], servers: int
) -> None:
    """Each of forty wrong ones at the same moment is refused unseen, or is counted."""
    url = hall.app.config["DATABASE_URL"]
    sites = [hall, *(Site(make_app(url)) for _ in range(servers - 1))] * (40 // servers)
    statuses = Counter(together([lambda one=one: try_out(one, "alice") for one in sites]))  # type: ignore[misc]
    assert set(statuses) == {403, 429}
    assert statuses[403] == len(hashed) == len(recorded(hall))
    # The first ones of all servers do not know of each other.
    assert 1 <= len(hashed) <= FREE + servers - 1
    assert in_database(hall) == [(HERE, len(hashed))]


def test_a_right_password_waits_for_few_of_forty_wrong_ones(
    sqlite_url: str, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of four people whose passwords are guessed ten at a time, one hash each comes before it."""
    site = Site(make_app(sqlite_url))
    victims = ["alice", "bob", "carol", "dave"]
    for name in (*victims, "erin"):
        site.add_user(name)
    hashed: list[str] = []
    goes_on = threading.Event()
    verify = password._hasher.verify

    def slowly(known: str, typed: str) -> bool:
        hashed.append(typed)
        assert goes_on.wait(30)
        return verify(known, typed)

    monkeypatch.setattr(password._hasher, "verify", slowly)
    monkeypatch.setattr(hashing, "_hashers", None)  # what the test makes of it is undone
    hashing.use_threads(1)
    with ThreadPoolExecutor(41) as people:
        guesses = [people.submit(try_out, site, name) for name in victims * 10]
        eventually(lambda: in_lines(site.app) == len(guesses) or None)
        right = people.submit(try_out, site, "erin", PASSWORD)
        eventually(lambda: in_lines(site.app) == len(guesses) + 1 or None)
        goes_on.set()
        assert right.result(30) == 200
        assert hashed.index(PASSWORD) <= len(victims)
        statuses = Counter(one.result(30) for one in guesses)
    assert statuses == {403: FREE * len(victims), 429: (10 - FREE) * len(victims)}


def in_lines(app: Flask) -> int:
    """Return how many wait to try a password, or try one."""
    with app.app_context():
        lines = current_site().throttle._lines._lines
    return sum(len(line._tickets) for line in list(lines.values()))


def test_those_who_failed_before_let_others_go_first_and_get_there_too() -> None:
    """Of eight hashes that are computed, one is of theirs, as long as there are any."""
    order: list[str] = []
    queue = hashing._Queue()
    for number in range(3):
        queue.add(lambda number=number: order.append(f"behind {number}"), goes_behind=True)  # type: ignore[misc]
    for number in range(9):
        queue.add(lambda number=number: order.append(f"first {number}"), goes_behind=False)  # type: ignore[misc]
    for _ in range(12):
        queue.do_next()
    first = [f"first {number}" for number in range(9)]
    assert order == [*first[:7], "behind 0", *first[7:], "behind 1", "behind 2"]


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Wait 2 s"), ("fi", "Odota 2 s"), ("sv", "Vänta 2 s")]
)
def test_the_page_says_how_long_and_keeps_the_name(
    sqlite_url: str, make_app: MakeApp, clock: time_machine.Traveller, language: str, words: str
) -> None:
    """It is 429, in the reader's language, and only the password has to be typed again."""
    site = Site(make_app(sqlite_url, WTF_CSRF_ENABLED=False))
    guess(site, "mallory", address="127.0.0.1")
    clock.shift(timedelta(seconds=1))
    guess(site, "mallory", 1, "127.0.0.1")
    answer = site.browser().client.post(
        "/login",
        data={"username": "mallory", "password": WRONG},
        headers={**PAGE, "Accept-Language": language},
    )
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "2")
    assert words in answer.text
    assert 'value="mallory"' in answer.text
    assert WRONG not in answer.text


def test_what_counts_no_more_goes(hall: Site, clock: time_machine.Traveller) -> None:
    """Rows from before the period go with later wrong passwords, whoever's they are."""
    for number in range(3):
        guess(hall, "alice", 1, f"198.51.100.{number}")
    guess(hall, "bob")
    clock.shift(PERIOD + timedelta(minutes=2))
    assert [try_out(hall, "bob") for _ in range(FREE)] == [403] * FREE
    assert in_database(hall) == [(HERE, FREE)]


def test_a_failed_login_is_a_line_that_fail2ban_reads(
    hall: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """The documented filter finds the address, and no name that somebody has makes one up."""
    forger = "x\n2026-01-01 00:00:00,000 [WARNING] Failed login from 203.0.113.9 as 'y"
    hall.add_older_user(forger)
    for name, address in (("alice", HERE), ("nobody", "2001:db8::1"), (forger, ELSEWHERE)):
        assert try_out(hall, name, address=address) == 403
    with about_request("7c1f0a9b2d3e4f50"):
        lines = "\n".join(map(TextLines().format, caplog.records)).splitlines()
    # fail2ban takes the time out, and looks at what is left.
    time_of_line = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d"
    left = [re.sub(time_of_line, "", line) for line in lines]
    documented = re.search("^failregex = (.+)$", DOCUMENT.read_text(), re.MULTILINE)
    assert documented
    pattern = re.compile(documented[1].replace("<HOST>", r"(?P<host>[0-9a-fA-F.:]+)"))
    found = [match["host"] for match in map(pattern.match, left) if match]
    assert found == [HERE, "2001:db8::1", ELSEWHERE]
    assert "as an unknown user" in lines[1]
