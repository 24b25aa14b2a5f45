"""Many logins at once: hashes wait for each other, and nobody else waits for hashes."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from tests.conftest import MakeApp
from tests.live import PROJECT, live_server
from tests.serve.raw import raw_client
from tests.site import PASSWORD, Site
from tests.together import TakingTurns
from timApp.auth.site import db
from timApp.guard.changes.lock import lock_everybody, lock_people
from timApp.user import hashing, password
from timApp.user.password import password_matches
from timApp.user.user import User
from timApp.util.errors import Busy
from timApp.util.turns import turn_given

#: Seconds after which something will not happen any more.
_DEADLINE = 30


class SlowHasher:
    """Verifies when it is told to, and counts how many it verifies at a time."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Event()
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()

    def verify(self, _hash: str, _password: str) -> bool:
        """Wait until `go_on`."""
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        self.begun.release()
        assert self.go_on.wait(_DEADLINE)
        with self._lock:
            self._now -= 1
        return True


@pytest.fixture
def hasher(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowHasher]:
    """A slow hasher in the place of the real one; it goes on at the end at the latest."""
    slow = SlowHasher()
    monkeypatch.setattr(password, "_hasher", slow)
    monkeypatch.setattr(hashing, "_hashers", None)  # what the test makes of it is undone
    hashing.use_threads(1)
    yield slow
    slow.go_on.set()


@pytest.mark.parametrize("threads", [1, 3])
def test_few_hashes_are_computed_at_a_time(hasher: SlowHasher, threads: int) -> None:
    """However many log in, no more hashes are computed at a time than there are threads for it."""
    hashing.use_threads(threads)
    with ThreadPoolExecutor(20) as people:
        answers = [people.submit(password_matches, "hash", "password") for _ in range(20)]
        for _ in range(threads):
            assert hasher.begun.acquire(timeout=_DEADLINE)
        hasher.go_on.set()
        assert all(answer.result(_DEADLINE) for answer in answers)
    assert hasher.most == threads


def test_whoever_waits_for_a_hash_gives_their_turn_to_others(hasher: SlowHasher) -> None:
    """With one turn for all requests, a reader is answered while somebody waits for a hash."""

    def answer(environ: dict[str, str], _start: object) -> list[bytes]:
        if environ["PATH_INFO"] == "/login":
            password_matches("hash", "password")
        return [environ["PATH_INFO"].encode()]

    site = TakingTurns(answer, 1)
    with ThreadPoolExecutor(2) as people:
        login = people.submit(site, {"PATH_INFO": "/login"}, print)
        assert hasher.begun.acquire(timeout=_DEADLINE)
        reader = people.submit(site, {"PATH_INFO": "/read"}, print)
        assert reader.result(_DEADLINE) == [b"/read"]
        assert not login.done()
        hasher.go_on.set()
        assert login.result(_DEADLINE) == [b"/login"]


def read_beside(app: Flask, write: Callable[[], object]) -> None:
    """Let somebody read, with one turn for all requests, while somebody waits to write."""
    waits = threading.Event()

    def answer(environ: dict[str, str], _start: object) -> list[bytes]:
        if environ["PATH_INFO"] == "/write":
            waits.set()
            with app.app_context():
                write()
        return [environ["PATH_INFO"].encode()]

    turns = TakingTurns(answer, 1)
    with app.app_context(), ThreadPoolExecutor(2) as people:
        lock_everybody(db)
        writer = people.submit(turns, {"PATH_INFO": "/write"}, print)
        assert waits.wait(_DEADLINE)
        reader = people.submit(turns, {"PATH_INFO": "/read"}, print)
        try:
            assert reader.result(_DEADLINE) == [b"/read"]
            assert not writer.done()
        finally:
            db.session.rollback()
        assert writer.result(_DEADLINE) == [b"/write"]


@pytest.mark.parametrize("lock", [lambda: lock_people(db, [1]), lambda: lock_everybody(db)])
def test_whoever_waits_for_a_lock_gives_their_turn_to_others(
    app: Flask, site: Site, lock: Callable[[], object]
) -> None:
    """A reader is answered while somebody waits for the sessions of a person, or of everybody."""
    site.add_user("alice")
    read_beside(app, lock)


def test_whoever_waits_to_write_to_sqlite_gives_their_turn_to_others(
    sqlite_url: str, make_app: MakeApp
) -> None:
    """A reader is answered while a write waits for its turn, whatever it writes."""
    app = make_app(sqlite_url)
    Site(app).add_user("alice")
    read_beside(app, lambda: db.session.execute(sa.update(User).values(real_name="Alice B")))


def test_a_turn_is_given_back_after_an_error() -> None:
    """A request that fails leaves its turn to the next one, also if it fails while it waits."""

    def fail(_environ: object, _start: object) -> list[bytes]:
        with turn_given():
            raise LookupError

    site = TakingTurns(fail, 1)
    for _ in range(3):
        with pytest.raises(LookupError):
            site({}, print)


def test_too_many_are_refused_at_once(
    hasher: SlowHasher, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When as many wait as may, the next one is told when to try again, in JSON and on the page."""
    monkeypatch.setattr(hashing, "WAITING_MAX", 1)
    hashing.use_threads(1)
    with ThreadPoolExecutor(1) as people:
        waiting = people.submit(password_matches, "hash", "password")
        assert hasher.begun.acquire(timeout=_DEADLINE)
        with pytest.raises(Busy):
            password_matches(None, "password")
        client = site.app.test_client()
        who = {"username": "somebody", "password": PASSWORD}
        api = client.post("/login", json=who)
        assert api.status_code == 503
        assert api.headers["Retry-After"] == "10"
        assert "Try again" in api.get_json()["error"]
        site.app.config["WTF_CSRF_ENABLED"] = False
        page = client.post("/login", data=who, headers={"Accept": "text/html"})
        assert page.status_code == 503
        assert page.headers["Retry-After"] == "10"
        assert "Too many people" in page.text
        assert 'value="somebody"' in page.text
        hasher.go_on.set()
        assert waiting.result(_DEADLINE)
    assert password_matches("hash", "password")


def test_a_process_hashes_after_a_fork() -> None:
    """A server may hash before it forks its workers: those have threads of their own."""
    hash_and_fork = (
        "import os; from timApp.user.password import hash_password; hash_password('a');"
        " child = os.fork(); hash_password('b'); child or os._exit(7);"
        " raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
    )
    command = [sys.executable, "-W", "ignore", "-c", hash_and_fork]
    assert subprocess.run(command, cwd=PROJECT, timeout=_DEADLINE, check=False).returncode == 7


def test_hashes_take_what_others_leave_of_the_cores() -> None:
    """Hashes are computed at a lower priority than that of the thread that waits for them."""
    if sys.platform != "linux":
        pytest.skip("threads have no priorities of their own")
    own = os.getpriority(os.PRIO_PROCESS, 0)
    hashers = hashing.computed(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
    assert hashers > own
    assert os.getpriority(os.PRIO_PROCESS, 0) == own


def test_a_burst_of_logins_is_let_in_and_a_reader_is_answered(
    site: Site, database_url: str, tmp_path: Path
) -> None:
    """Forty people who log in at once at one process are all let in, and a reader beside them."""
    names = [f"p{number}" for number in range(40)]
    for name in ("reader", *names):
        site.add_user(name)
    with live_server(database_url, tmp_path / "site", workers=1) as server:
        reader = server.logged_in("reader")
        with ThreadPoolExecutor(len(names)) as people:
            answers = [people.submit(server.browser().log_in, name) for name in names]
            assert reader.get("/user/sessions/current").status == 200
            assert {answer.result().status for answer in answers} == {200}


def test_nobody_waits_for_logins_of_people_who_have_gone(
    site: Site, database_url: str, tmp_path: Path
) -> None:
    """Who closes the connection before a thread has the login is not logged in, after all."""
    count, threads = 100, 32
    for name in ("alice", "bob"):
        site.add_user(name)
    body = json.dumps({"username": "alice", "password": PASSWORD})
    head = "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()
    with live_server(database_url, tmp_path / "site", workers=1) as server:
        for _ in range(count):
            with raw_client(server.port) as client:
                client.send(request)
        server.logged_in("bob")
    begun = len(site.sessions("alice"))
    assert begun < count - threads
