"""Workers that are killed, frozen or left alone: the site goes on, and ends when it should."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from tests.live import (
    PATIENCE,
    PROJECT,
    LiveServer,
    environment_of,
    eventually,
    free_port,
    live_server,
)
from tests.serve.raw import get, raw_client


def workers_of(server: LiveServer) -> list[psutil.Process]:
    """Return the processes that answer."""
    children: list[psutil.Process] = psutil.Process(server.pid).children()
    return children


def answers(server: LiveServer) -> bool | None:
    """Tell whether somebody is answered; None if not."""
    try:
        return server.browser().get("/login").status == 200 or None
    except OSError:
        return None


def test_a_worker_that_is_killed_again_and_again_is_replaced(
    sqlite_url: str, tmp_path: Path
) -> None:
    """However often its workers are killed, the site goes on."""
    with live_server(sqlite_url, tmp_path / "site", workers=2) as server:
        for _ in range(5):
            for worker in eventually(lambda: workers_of(server) or None):
                worker.kill()
            assert eventually(lambda: answers(server))


def test_workers_end_with_their_parent(sqlite_url: str, tmp_path: Path) -> None:
    """When the parent alone is killed, its workers end, and the port is free."""
    with live_server(sqlite_url, tmp_path / "one", workers=2, may_be_killed=True) as server:
        workers = workers_of(server)
        os.kill(server.pid, signal.SIGKILL)
        _, alive = psutil.wait_procs(workers, timeout=30)
        assert alive == []
        with live_server(sqlite_url, tmp_path / "two", port=server.port) as next_server:
            assert answers(next_server)


# The first worker of the first place gives one sign of life.
FREEZING = """
import os, signal, sys, time
from timApp.serve import supervisor

def work(number, beat):
    os.write(1, b"%d\\n" % number)
    beat()
    if number == 0 and not os.path.exists(sys.argv[1]):
        open(sys.argv[1], "w").close()
        signal.pause()
    while True:
        time.sleep(0.05)
        beat()

supervisor._FROZEN = 1.0
nothing = lambda: None
told = {"ready": nothing, "stopping": nothing, "reload": nothing}
supervisor.Supervisor(2, work, **told, stop_seconds=5).run()
"""


def test_a_worker_that_is_frozen_is_replaced(tmp_path: Path) -> None:
    """A worker that gives no sign of life is killed and replaced, and the other one stays."""
    command = [sys.executable, "-c", FREEZING, str(tmp_path / "frozen")]
    with subprocess.Popen(
        command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        begun = sorted(process.stdout.readline() for _ in range(3))
        process.terminate()
        _, errors = process.communicate(timeout=PATIENCE)
    assert begun == ["0\n", "0\n", "1\n"]
    assert "does nothing any more, and is replaced" in errors
    assert process.returncode == 0


# The worker is ready, and its parent is told to end before it can have seen that.
ENDING = """
import os, signal, time
from timApp.serve import supervisor

def work(number, beat):
    beat()
    os.kill(os.getppid(), signal.SIGTERM)
    time.sleep(60)

ready, nothing = lambda: print("ready"), lambda: None
told = {"ready": ready, "stopping": nothing, "reload": nothing}
supervisor.Supervisor(1, work, **told, stop_seconds=5).run()
"""


def test_a_server_that_answered_was_announced_also_if_it_ends_at_once() -> None:
    """Whoever stops a server as soon as it answers has read where it serves."""
    command = [sys.executable, "-c", ENDING]
    ended = subprocess.run(
        command, cwd=PROJECT, capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    assert (ended.stdout, ended.stderr) == ("ready\n", "")


# `timapp run`, which says so when it begins to tidy.
TIDYING = """
import sys
from timApp.cli import main
from timApp.guard import guard

guard.start_tidying = lambda engine, retention: print("tidies after", retention.period, flush=True)
sys.argv[1:] = ["run", "--port", sys.argv[1], "--workers", "1"]
main()
"""


def test_a_server_tidies_up_where_the_site_keeps_nothing_for_ever(
    sqlite_url: str, tmp_path: Path
) -> None:
    """The worker of a running site lets go what was kept for long enough."""
    command = [sys.executable, "-c", TIDYING, str(free_port())]
    environment = environment_of(sqlite_url, tmp_path, {"SESSIONS_RETENTION": 30})
    with subprocess.Popen(
        command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lines = {process.stdout.readline(), process.stdout.readline()}
        process.terminate()
    assert "tidies after 30 days, 0:00:00\n" in lines


def test_a_server_that_is_to_end_answers_what_has_begun(sqlite_url: str, tmp_path: Path) -> None:
    """After the signal, a request that has begun is answered, and idle connections are closed."""
    with (
        live_server(sqlite_url, tmp_path / "site") as server,
        raw_client(server.port) as idle,
        raw_client(server.port) as client,
    ):
        assert idle.ask(get("/login")).status == 200
        request = get("/login")
        client.send(request[:10])
        os.kill(server.pid, signal.SIGTERM)
        assert idle.is_closed()
        client.send(request[10:])
        answer = client.read()
        assert (answer.status, answer.header("Connection")) == (200, "close")


def numbers_with_turns(server: LiveServer, token: str) -> str | None:
    """Return the numbers once a worker has written its turns down, as it does now and then.

    And when nobody but whoever asks is in flight: whoever looked whether the server answers may
    have given up on a connection that was still to be taken.
    """
    with raw_client(server.port) as client:
        page = client.ask(get("/metrics", f"Authorization: Bearer {token}")).body.decode()
    is_quiet = any(f"timapp_requests_in_flight {number}.0" in page for number in (0, 1))
    return page if is_quiet and "timapp_turns_total{" in page else None


def test_the_numbers_of_all_workers_are_added_up_and_outlive_them(
    sqlite_url: str, tmp_path: Path
) -> None:
    """Each request counts once, whichever worker has answered it, and also one that died since."""
    token = "a token for those who watch"
    login = 'timapp_requests_total{method="GET",route="/login",status="200"}'
    asked = [get("/nowhere"), get("/static/ui/ui.css"), get("/user/sessions/current")]
    with live_server(sqlite_url, tmp_path / "site", workers=2, METRICS_TOKEN=token) as server:
        for number in range(30):
            with raw_client(server.port) as client:
                client.ask(asked[number % 3])
        with raw_client(server.port) as client:
            client.ask(b"nonsense\r\n\r\n")
        workers_of(server)[0].kill()
        assert eventually(lambda: answers(server))
        page = eventually(lambda: numbers_with_turns(server, token))
    for line in (
        'timapp_requests_total{method="GET",route="none",status="404"} 10.0',
        'timapp_requests_total{method="GET",route="static",status="200"} 10.0',
        'timapp_requests_total{method="GET",route="/user/sessions/current",status="403"} 10.0',
        'timapp_request_seconds_count{method="GET",route="static"} 10.0',
        'timapp_request_seconds_bucket{le="+Inf",method="GET",route="none"} 10.0',
        'timapp_refusals_total{reason="malformed"} 1.0',
    ):
        assert line in page.splitlines()
    assert any(line.startswith(login) for line in page.splitlines())
