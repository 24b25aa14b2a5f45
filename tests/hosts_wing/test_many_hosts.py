"""One supervisor's desk and five exam servers: real processes, each with a database of its own."""

import random
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import sqlalchemy as sa

from tests.conftest import MakeApp
from tests.crossing import SENDER, cross
from tests.databases import PostgreSQLDatabases, SQLiteDatabases
from tests.exam import SECRET, Exam, exam_hosts
from tests.forked import ran
from tests.hosts import OK, Host, says
from tests.live import (
    PATIENCE,
    PROJECT,
    LiveBrowser,
    LiveServer,
    environment_of,
    eventually,
    live_server,
)
from tests.site import Site, open_app
from timApp.auth.site import db
from timApp.hosts.outbox.delivery import Delivery, is_owed

NUMBERS = range(5)
#: Seconds that a host may take: ample for those that answer.
DEADLINE = 3


@pytest.fixture(scope="module")
def exam(
    sqlite_databases: SQLiteDatabases,
    postgresql_databases: PostgreSQLDatabases,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Exam]:
    """Five servers, on databases of both kinds."""
    with ExitStack() as stack:
        makers: list[Any] = [sqlite_databases, postgresql_databases]
        urls = [stack.enter_context(makers[number % 2].fresh()) for number in NUMBERS]
        exam = stack.enter_context(exam_hosts(urls, tmp_path_factory.mktemp("exam")))
        for site in exam.sites:
            site.add_document("exam")
        yield exam


class Desk:
    """The supervisor's server, which tells the five."""

    def __init__(self, exam: Exam, site: Site, folder: Path, extra: dict[str, str]) -> None:
        self.site, self.folder = site, folder
        self.url: str = site.app.config["DATABASE_URL"]
        self.names = [f"host{number}" for number in NUMBERS] + list(extra)
        hosts = {f"host{number}": exam.places[number].url for number in NUMBERS} | extra
        self.options: dict[str, Any] = {
            "DIST_RIGHTS_NETWORK": {"hosts": hosts, "targets": {"exam": self.names}},
            "DIST_RIGHTS_SEND_SECRET": SECRET,
            "DIST_RIGHTS_TIMEOUT": DEADLINE,
            "SESSIONS_VERIFY_TARGETS": ["exam"],
        }

    def serve(self, stack: ExitStack) -> LiveServer:
        """Start the server; it is stopped with the stack, if the test has not killed it."""
        return stack.enter_context(
            live_server(self.url, self.folder, may_be_killed=True, **self.options)
        )

    def timapp(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the desk's server to its end."""
        return ran(arguments, self._environment(), PROJECT, PATIENCE)

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a program of Python's on the desk's site to its end."""
        return subprocess.run(
            [sys.executable, "-c", program, *arguments],
            cwd=PROJECT,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def _environment(self) -> dict[str, str]:
        return environment_of(self.url, self.folder, self.options)

    def owed(self) -> dict[str, tuple[int, int]]:
        """Return how many changes each host is owed, and how many were dropped."""
        shown = self.timapp("hosts", "status")
        assert shown.returncode == 0, shown.stderr
        rows = [line.split("\t") for line in shown.stdout.splitlines()]
        return {row[0]: (int(row[6]), int(row[7])) for row in rows if row[0] in self.names}

    def owes(self) -> set[str]:
        """Return the URLs of the hosts that are owed something, as the database has it."""
        with self.site.app.app_context():
            return set(db.session.scalars(sa.select(Delivery.host).where(is_owed)))


@pytest.fixture
def make_desk(
    exam: Exam, sqlite_url: str, make_app: MakeApp, tmp_path: Path
) -> Callable[..., Desk]:
    """What makes the supervisor's server, with a supervisor, and more hosts that it tells."""

    def make(**extra: str) -> Desk:
        site = Site(make_app(sqlite_url))
        site.add_supervisor()
        return Desk(exam, site, tmp_path / "desk", extra)

    return make


def enrol(exam: Exam, name: str, desk: Desk) -> list[LiveBrowser]:
    """Add a person to every server; log them in at each of the five once."""
    for site in [*exam.sites, desk.site]:
        site.add_user(name)
    return [exam.servers[number].logged_in(name) for number in NUMBERS]


def statuses(browsers: list[LiveBrowser]) -> list[bool]:
    """Return for each browser whether its session is valid."""
    return [browser.get("/user/sessions/current").json["valid"] for browser in browsers]


def become(browser: LiveBrowser, *, valid: bool) -> None:
    """Wait until the browser's session is valid, or is not."""
    eventually(lambda: statuses([browser]) == [valid] or None)


def slowly(handler: BaseHTTPRequestHandler) -> None:
    """Answer as a host does that takes its time."""
    Event().wait(DEADLINE / 6)
    OK(handler)


def test_a_verification_reaches_all_hosts(exam: Exam, make_desk: Callable[..., Desk]) -> None:
    """The verified session is the only one on five hosts; an invalidation ends that one, too."""
    desk = make_desk()
    browsers = enrol(exam, "alice", desk)
    assert statuses(browsers) == [True] * 5
    for number in (3, 0):
        told = desk.timapp(
            "session", "verify", "alice", browsers[number].session_id, "--target", "exam"
        )
        assert (told.returncode, told.stderr) == (0, ""), told
        assert statuses(browsers) == [other == number for other in NUMBERS]
    told = desk.timapp("session", "invalidate", "alice", "--target", "exam")
    assert told.returncode == 0, told
    assert statuses(browsers) == [False] * 5
    assert desk.owed() == dict.fromkeys(desk.names, (0, 0))


def test_hosts_that_fail_are_named_and_catch_up(exam: Exam, make_desk: Callable[..., Desk]) -> None:
    """Of a dead, a hanging, a wrongly keyed, a broken and a slow host only the last does as told.

    When they are back they are told, in order, by the worker in `timapp run`.
    """
    broken = Host(says(500, "<h1>Internal Server Error</h1>"))
    slow = Host(slowly)
    with ExitStack() as stack:
        stack.callback(broken.stop)
        stack.callback(slow.stop)
        stack.callback(exam.start_all)
        desk = make_desk(broken=broken.url, slow=slow.url)
        desk.serve(stack)
        browsers = enrol(exam, "bella", desk)
        exam.stop(1)
        exam.servers[2].send(signal.SIGSTOP)
        stack.callback(exam.servers[2].send, signal.SIGCONT)
        exam.stop(3)
        exam.start(3, secret="another secret")

        def tell(action: str) -> subprocess.CompletedProcess[str]:
            session_id = browsers[0].session_id
            return desk.timapp("session", action, "bella", session_id, "--target", "exam")

        verified, invalidated = tell("verify"), tell("invalidate")
        for told in (verified, invalidated):
            failed = re.findall(r"^(\w+) \(", told.stderr, re.MULTILINE)
            assert told.returncode == 1
            assert sorted(failed) == ["broken", "host1", "host2", "host3"], told
        for words in (f"no answer within {DEADLINE} s", "refused", "status 500", "Wrong secret"):
            assert words in verified.stderr
        assert len(slow.asked) == 2
        # Those that did not hear of it have changed nothing; the others have done both.
        assert statuses([browsers[number] for number in (0, 3, 4)]) == [False, True, False]

        exam.servers[2].send(signal.SIGCONT)
        exam.stop(3)
        exam.start_all()
        for number in (1, 2, 3):
            become(browsers[number], valid=False)
        # A host that hung may have done it before the desk hears that it has.
        eventually(lambda: desk.owes() == {broken.url} or None)
        assert [name for name, (number, _) in desk.owed().items() if number] == ["broken"]


def test_nothing_is_lost_when_the_sender_is_killed(
    exam: Exam, make_desk: Callable[..., Desk]
) -> None:
    """Killed between the commit and the first byte it sends, it tells the hosts after a restart."""
    desk = make_desk()
    browsers = enrol(exam, "carla", desk)
    killing = (
        "import os, signal\n"
        "from timApp.cli import main\n"
        "from timApp.hosts.outbox import worker\n"
        "worker.call_hosts = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "main()\n"
    )
    session_id = browsers[2].session_id
    killed = desk.run(killing, "session", "verify", "carla", session_id, "--target", "exam")
    assert killed.returncode == -signal.SIGKILL, killed
    assert statuses(browsers) == [True] * 5
    assert desk.owed() == dict.fromkeys(desk.names, (1, 0))
    with ExitStack() as stack:
        desk.serve(stack)
        for number in NUMBERS:
            become(browsers[number], valid=number == 2)
        eventually(lambda: not desk.owes() or None)
        assert desk.owed() == dict.fromkeys(desk.names, (0, 0))


def test_changes_that_cross_and_come_twice_end_alike_on_every_host(
    exam: Exam, sqlite_url: str, tmp_path: Path
) -> None:
    """In whatever order each host hears of them, all end in the state of the later change."""
    with open_app(sqlite_url, tmp_path, **SENDER) as sender:
        assert cross(exam, sender, 8, random.Random(7)) == 40  # noqa: S311
