"""The command line where it has to do with other hosts."""

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import time_machine

from tests.commandline import TIMAPP, CommandLine
from tests.conftest import MakeApp
from tests.databases import SQLiteDatabases
from tests.hosts import OK, Answer, Host, MakeHost, says
from tests.live import PATIENCE, PROJECT, LiveServer, environment_of, live_server
from tests.signing import SECRET, proves
from tests.site import Site
from timApp.auth.site import current_site, db
from timApp.guard.vocabulary import Action
from timApp.hosts.outbox.debts import owe
from timApp.hosts.outbox.delivery import HostChange
from timApp.net.network import Host as NetworkHost
from timApp.net.note import ChangeNote
from timApp.net.peer import known_peers
from timApp.net.wrongsecret import record_wrong_secret
from timApp.util.stamp import next_stamp

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
DEAD = "http://127.0.0.1:1"

REFUSING = says(503, '{"error": "not now"}')


class Desk:
    """A server and its command line, which knows the hosts of the targets."""

    def __init__(self, database_url: str, make_app: MakeApp, folder: Path) -> None:
        self._database_url, self._make_app, self._folder = database_url, make_app, folder
        self.configure({})

    def configure(self, targets: dict[str, list[str]], **options: object) -> None:
        """Give the server these targets, and hosts named one, two ... in the order of the first."""
        urls = list(dict.fromkeys(url for urls in targets.values() for url in urls))
        names = dict(zip(urls, ("one", "two", "three", "four"), strict=False))
        self.options: dict[str, Any] = {
            "DIST_RIGHTS_NETWORK": {
                "hosts": {name: url for url, name in names.items()},
                "targets": {name: [names[url] for url in urls] for name, urls in targets.items()},
            },
            "DIST_RIGHTS_SEND_SECRET": SECRET,
            **options,
        }
        self.site = Site(
            self._make_app(
                self._database_url, SESSIONS_MAX_CONCURRENT_SESSIONS_PER_USER=None, **self.options
            )
        )
        self.timapp = CommandLine(self._database_url, self._folder)
        self.env = environment_of(self._database_url, self._folder, self.options)
        self.timapp.env |= {
            name: text for name, text in self.env.items() if name.startswith("TIM_")
        }

    def owe(self, action: str, user: str = "alice") -> None:
        """Owe a change to all hosts, and never send it, as if killed."""
        with self.site.app.app_context():
            change = HostChange(Action(action), user, None, ChangeNote(next_stamp(None)))
            network = current_site().network
            owe(db, network, network.hosts, change)
            db.session.commit()

    def signs(self, url: str) -> bool:
        """Tell whether it is noted that the host signs."""
        with self.site.app.app_context():
            return known_peers(db.engine, [NetworkHost(url)])[url].signs


@pytest.fixture
def desk(database_url: str, make_app: MakeApp, tmp_path: Path) -> Desk:
    """A server with alice, on a fresh database of each kind."""
    desk = Desk(database_url, make_app, tmp_path)
    desk.site.add_user("alice")
    return desk


@pytest.fixture(scope="module")
def there(
    sqlite_databases: SQLiteDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    """Another server, which takes our secret and one more, and of which tests only ask."""
    folder = tmp_path_factory.mktemp("there")
    with (
        sqlite_databases.fresh() as url,
        live_server(url, folder, DIST_RIGHTS_RECEIVE_SECRET=[SECRET, "x"]) as server,
    ):
        yield server


@pytest.fixture(scope="module")
def without_address(
    sqlite_databases: SQLiteDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    """Another server, which takes our secret and does not know its own address."""
    options: dict[str, Any] = {"DIST_RIGHTS_RECEIVE_SECRET": SECRET, "SITE_URL": "none"}
    folder = tmp_path_factory.mktemp("without_address")
    with sqlite_databases.fresh() as url, live_server(url, folder, **options) as server:
        yield server


def told(host: Host) -> list[tuple[str, str | None]]:
    """Return what a host was told about alice: action and session."""
    assert {asked.body["username"] for asked in host.asked} <= {"alice"}
    return [(asked.path.rpartition("/")[2], asked.body["session_id"]) for asked in host.asked]


# timapp session verify|invalidate --target


def test_a_target_is_told_what_was_done_here(desk: Desk, make_host: MakeHost) -> None:
    """Every host of every target is told, of the latest session by its id."""
    here, there = make_host(), make_host()
    desk.configure({"a": [here.url], "b": [there.url]})
    first, second = (desk.site.logged_in("alice").session_id for _ in range(2))
    said = desk.timapp.done("session", "verify", "alice", "--target", "a", "--target", "b")
    assert said == "Verified the latest session of alice.\n"
    assert desk.site.active("alice") == {second}
    desk.timapp.done("session", "verify", "alice", first, "--target", "a")
    desk.timapp.done("session", "invalidate", "alice", first, "--target", "a")
    desk.timapp.done("session", "invalidate", "alice", "--target", "a")
    assert desk.site.active("alice") == set()
    assert told(there) == [("verify", second)]
    assert told(here) == [
        ("verify", second),
        ("verify", first),
        ("invalidate", first),
        ("invalidate", None),
    ]
    assert "secret" in here.asked[0].body


def test_hosts_that_fail_are_printed_and_are_still_owed(desk: Desk, make_host: MakeHost) -> None:
    """The exit code is 1, each failed host has its line, and the change stands here."""
    good, bad = make_host(), make_host(REFUSING)
    unknown = make_host(says(404, '{"error": "There is no user."}'))
    desk.configure({"exam": [good.url, bad.url, DEAD, unknown.url]})
    session = desk.site.logged_in("alice").session_id
    result = desk.timapp("session", "invalidate", "alice", session, "--target", "exam")
    assert result.exit_code == 1
    assert result.stdout == f"Invalidated the session {session} of alice.\n"
    assert result.stderr.splitlines() == [
        f"two ({bad.url}): refused with status 503: not now",
        f"three ({DEAD}): cannot be reached (Connection refused).",
        f"four ({unknown.url}): refused with status 404: There is no user.",
        "Still owed to 2 of them: `timapp run` or `timapp deliver` tells them later on.",
    ]
    assert desk.site.active("alice") == set()


def test_a_session_that_is_elsewhere_is_verified_there(desk: Desk, make_host: MakeHost) -> None:
    """With a target the session may be one that only the target has; without one it is an error."""
    host = make_host()
    desk.configure({"exam": [host.url]})
    kept = desk.site.logged_in("alice").session_id
    for action in ("verify", "invalidate"):
        assert "'elsewhere'" in desk.timapp.refused("session", action, "alice", "elsewhere")
    assert desk.site.active("alice") == {kept}
    for action in ("invalidate", "verify"):
        desk.timapp.done("session", action, "alice", "elsewhere", "--target", "exam")
    assert told(host) == [("invalidate", "elsewhere"), ("verify", "elsewhere")]
    assert desk.site.active("alice") == set()


def test_what_cannot_be_done_at_the_target_is_not_done_here(
    desk: Desk, make_host: MakeHost
) -> None:
    """An unknown target or session id, and a missing secret, change nothing and ask nobody."""
    host = make_host()
    desk.configure({"exam": [host.url]})
    session = desk.site.logged_in("alice").session_id
    gone = desk.site.logged_in("alice")
    gone.log_out()
    for action in ("verify", "invalidate"):
        words = ("session", action, "alice", session, "--target")
        assert "'nowhere'" in desk.timapp.refused(*words, "exam", "--target", "nowhere")
        for no_id in ("", "x" * 256):
            desk.timapp.refused("session", action, "alice", no_id, "--target", "exam")
    desk.timapp.refused("session", "verify", "alice", gone.session_id, "--target", "exam")
    desk.configure({"exam": [host.url]}, DIST_RIGHTS_SEND_SECRET="none")
    error = desk.timapp.refused("session", "invalidate", "alice", "--target", "exam")
    assert "DIST_RIGHTS_SEND_SECRET" in error
    assert desk.site.active("alice") == {session}
    assert host.asked == []


# timapp deliver


def test_one_round_delivers_and_says_what_stays_owed(desk: Desk, make_host: MakeHost) -> None:
    """A line for each delivery; the exit code is 1 until nothing is owed any more."""
    host = make_host(REFUSING)
    desk.configure({"exam": [host.url]})
    assert desk.timapp.done("deliver", "--once") == ""
    with time_machine.travel(NOON, tick=False) as clock:
        desk.owe("invalidate")
        clock.shift(1)
        desk.owe("verify")
        clock.shift(60)
        result = desk.timapp("deliver", "--once")
        assert result.exit_code == 1
        assert result.stdout == (
            f"failed invalidate of alice to one ({host.url}): refused with status 503: not now\n"
        )
        assert result.stderr == "Still owed: 2.\n"
        host.answer = OK
        clock.shift(600)
        assert desk.timapp.done("deliver", "--once") == (
            f"dropped verify of alice to one ({host.url})\n"
            f"delivered invalidate of alice to one ({host.url})\n"
        )
        host.answer = proves(200, {"status": "ok", "known": False})
        desk.owe("verify")
        clock.shift(60)
        assert desk.timapp.done("deliver", "--once") == (
            f"unknown there: verify of alice to one ({host.url})\n"
        )
    assert told(host)[-1] == ("verify", None)


@pytest.mark.parametrize(
    ("database_url", "stop_signal"),
    [("sqlite", signal.SIGINT), ("postgresql", signal.SIGTERM)],
    indirect=["database_url"],
)
def test_it_delivers_until_a_signal_ends_it(
    desk: Desk, make_host: MakeHost, stop_signal: signal.Signals
) -> None:
    """A running `timapp deliver` tells a host what it is owed, and ends quietly with 0."""
    host = make_host()
    desk.configure({"exam": [host.url]})
    with time_machine.travel(datetime.now(UTC) - timedelta(minutes=1)):
        desk.owe("invalidate")
    with subprocess.Popen(
        [*TIMAPP, "deliver"],
        cwd=PROJECT,
        env=desk.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"delivered invalidate of alice to one ({host.url})\n"
        process.send_signal(stop_signal)
        try:
            assert process.communicate(timeout=PATIENCE) == ("", "")
        finally:
            process.kill()  # else it would be waited for, if it does not end
    assert process.returncode == 0
    assert told(host) == [("invalidate", None)]


def test_the_server_delivers_too(
    sqlite_url: str, make_app: MakeApp, make_host: MakeHost, tmp_path: Path
) -> None:
    """A running `timapp run`, of several processes, tells a host once what it is owed."""
    was_told = Event()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        OK(handler)
        was_told.set()

    host = make_host(answer)
    desk = Desk(sqlite_url, make_app, tmp_path)
    desk.configure({"exam": [host.url]})
    with time_machine.travel(datetime.now(UTC) - timedelta(minutes=1)):
        desk.owe("invalidate")
    with live_server(sqlite_url, tmp_path / "live", workers=2, **desk.options):
        assert was_told.wait(PATIENCE)
    assert told(host) == [("invalidate", None)]


# timapp hosts check


def unsigned_host(answer: Answer) -> Answer:
    """Return how a host answers that does not sign, and to changes as this."""

    def answer_by_path(handler: BaseHTTPRequestHandler) -> None:
        is_known = handler.path.startswith("/user/sessions/")
        (answer if is_known else says(404, "<h1>Not Found</h1>"))(handler)

    return answer_by_path


def test_each_host_is_checked_and_nothing_changes(
    desk: Desk, make_host: MakeHost, there: LiveServer
) -> None:
    """Hosts of both kinds that take the secret are ok, and those that do not are named."""
    unsigned = make_host(unsigned_host(says(404, '{"error": "There is no user."}')))
    strict = make_host(unsigned_host(says(400, '{"error": "Wrong secret"}')))
    desk.configure({"exam": [there.url, unsigned.url]})
    for _ in range(2):
        assert desk.timapp.done("hosts", "check") == (
            f"one ({there.url}): ok, signs.\n"
            f"two ({unsigned.url}): ok, does not sign, and takes the secret.\n"
        )
    assert (desk.signs(there.url), desk.signs(unsigned.url)) == (True, False)
    desk.configure({"exam": [there.url, strict.url, DEAD]}, DIST_RIGHTS_SEND_SECRET="wrong")
    result = desk.timapp("hosts", "check")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        f"one ({there.url}): refused with status 400: Wrong secret",
        f"two ({strict.url}): refused with status 400: Wrong secret",
        f"three ({DEAD}): cannot be reached (Connection refused).",
    ]
    for asked in (*unsigned.asked, *strict.asked):
        assert asked.path in {"/hosts/check", "/user/sessions/invalidate"}
        assert "alice" not in json.dumps(asked.body)
        assert ("secret" in asked.body) == (asked.path != "/hosts/check")


def test_an_unsigned_host_is_shown_nothing_where_all_must_sign(
    desk: Desk, make_host: MakeHost
) -> None:
    """With DIST_RIGHTS_SIGNED_ONLY a host that does not sign fails, and is shown nothing."""
    unsigned = make_host(unsigned_host(OK))
    desk.configure({"exam": [unsigned.url]}, DIST_RIGHTS_SIGNED_ONLY=True)
    result = desk.timapp("hosts", "check")
    assert result.exit_code == 1
    assert "does not sign" in result.stderr
    assert [asked.path for asked in unsigned.asked] == ["/hosts/check"]


def test_a_host_without_its_address_says_so(desk: Desk, without_address: LiveServer) -> None:
    """What the other side lacks is read here: its option SITE_URL."""
    desk.configure({"exam": [without_address.url]})
    result = desk.timapp("hosts", "check")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"one ({without_address.url}): refused with status 400: This server takes no signed"
        " requests, as its option SITE_URL is not configured.\n"
    )


def test_a_clock_that_is_off_is_named(desk: Desk, there: LiveServer) -> None:
    """By how much, whether or not the request was taken; a few seconds are nothing to tell."""
    desk.configure({"exam": [there.url]})

    def check(seconds: int) -> str:
        """Check while our clock is ahead by that."""
        with time_machine.travel(datetime.now(UTC) + timedelta(seconds=seconds)):
            result = desk.timapp("hosts", "check")
        assert result.exit_code == (0 if abs(seconds) < 60 else 1)
        return result.output.removeprefix(f"one ({there.url}): ")

    assert check(3) == check(-3) == "ok, signs.\n"
    assert re.fullmatch(r"ok, signs; its clock is 4[123] s ahead of ours.\n", check(-42))
    assert re.fullmatch(r"ok, signs; its clock is 4[123] s behind ours.\n", check(42))
    assert re.search(r" signed (99|100|101) s ago by our clock, and counts ", check(-100))
    assert re.search(r" signed (99|100|101) s ahead of our clock, and counts ", check(100))


def test_without_a_secret_no_host_is_checked(desk: Desk, make_host: MakeHost) -> None:
    """The one line names the option that is missing."""
    host = make_host()
    desk.configure({"exam": [host.url]}, DIST_RIGHTS_SEND_SECRET="none")
    assert "DIST_RIGHTS_SEND_SECRET" in desk.timapp.refused("hosts", "check")
    assert host.asked == []


# timapp hosts status


def test_the_status_tells_of_each_host_and_of_wrong_secrets(
    desk: Desk, make_host: MakeHost
) -> None:
    """Successes, failures, what is owed and dropped; also of a host that left the configuration."""
    good, bad = make_host(), make_host(REFUSING)
    desk.configure({"exam": [good.url, bad.url]})
    with time_machine.travel(NOON, tick=False) as clock:
        session = desk.site.logged_in("alice").session_id
        desk.timapp("session", "invalidate", "alice", session, "--target", "exam")
        desk.timapp("session", "verify", "alice", session, "--target", "exam")
        with desk.site.app.app_context():
            for _ in range(3):
                record_wrong_secret(db.engine, "192.0.2.7", "/user/sessions/verify")
        clock.shift(700)
        desk.timapp("deliver", "--once")
        good_row = ["one", good.url, "unsigned", "2030-01-01T12:00:00+00:00", "", "", "0", "0"]
        error = "refused with status 503: not now"
        later = "2030-01-01T12:11:40+00:00"
        bad_row = ["two", bad.url, "not known", "", later, error, "1", "1"]
        wrong = ["wrong secrets", "192.0.2.7", "3", "2030-01-01T12:00:00+00:00"]
        assert _rows(desk) == [good_row, bad_row, wrong]
        desk.configure({"exam": [good.url, DEAD]})
        new_row = ["two", DEAD, "not known", "", "", "", "0", "0"]
        bad_row[:3] = ["", bad.url, "not in the configuration"]
        assert _rows(desk) == [good_row, new_row, bad_row, wrong]
        clock.shift(timedelta(days=2))
        bad_row[-1] = "0"
        assert _rows(desk) == [good_row, new_row, bad_row]


def _rows(desk: Desk) -> list[list[str]]:
    return [line.split("\t") for line in desk.timapp.done("hosts", "status").splitlines()]
