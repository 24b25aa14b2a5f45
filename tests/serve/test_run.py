"""The server, and the command line as a person at a terminal meets it: real processes."""

import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from tests.commandline import TIMAPP, CommandLine
from tests.live import PATIENCE, PROJECT, LiveBrowser, eventually, free_port

# Makes the terminal its own, so that Ctrl-C reaches it, and becomes the program of its arguments.
AT_TERMINAL = (
    "import os, sys; os.open(os.ttyname(0), os.O_RDWR); os.execv(sys.argv[1], sys.argv[1:])"
)

# Becomes the program of its arguments, which may open few files unless it asks for more.
WITH_FEW_FILES = (
    "import os, resource, sys; limit = resource.RLIMIT_NOFILE;"
    " resource.setrlimit(limit, (512, resource.getrlimit(limit)[1]));"
    " os.execv(sys.argv[1], sys.argv[1:])"
)


def environment(database_url: str, instance: Path) -> dict[str, str]:
    """Return the environment of processes on the database."""
    variables = {"TIM_DATABASE_URL": database_url, "TIM_INSTANCE_PATH": str(instance)}
    return os.environ | variables


@pytest.fixture
def env(sqlite_url: str, tmp_path: Path) -> dict[str, str]:
    """The environment of processes on a fresh SQLite database."""
    return environment(sqlite_url, tmp_path)


def timapp(env: dict[str, str], *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*TIMAPP, *words],
        input=stdin,
        capture_output=True,
        text=True,
        cwd=PROJECT,
        env=env,
        timeout=PATIENCE,
        check=False,
    )


class Server:
    """A running `timapp run`."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self.port = port

    def get(self, path: str) -> tuple[int, bytes] | None:
        """Ask for a page as an API caller does; None if nobody answers."""
        url = f"http://127.0.0.1:{self.port}{path}"
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()
        except OSError:
            return None

    def stop(self, stop_signal: signal.Signals = signal.SIGTERM) -> tuple[str, str]:
        """Send the signal and return what was printed from beginning to end."""
        self.process.send_signal(stop_signal)
        return self.process.communicate(timeout=PATIENCE)


@contextmanager
def running(
    env: dict[str, str],
    *options: str,
    command: Sequence[str] = TIMAPP,
    port: int | None = None,
) -> Iterator[Server]:
    """Start a server, wait until it answers, and stop it in any case."""
    port = port or free_port()
    process = subprocess.Popen(
        [*command, "run", "--port", str(port), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
        env=env,
        start_new_session=True,
    )
    server = Server(process, port)

    def answer() -> tuple[int, bytes] | None:
        assert process.poll() is None, process.communicate()
        return server.get("/login")

    with process:
        try:
            eventually(answer)
            yield server
        finally:
            if process.poll() is None:
                server.stop()


def test_the_demo_is_served(database_url: str, tmp_path: Path) -> None:
    """After `demo` and `run` a student logs in over HTTP and reads the exam, with two workers."""
    env = environment(database_url, tmp_path)
    assert timapp(env, "demo").returncode == 0
    accounts = (tmp_path / "demo-accounts.txt").read_text().splitlines()
    name, password, _ = accounts[2].split("\t")
    with running(env, "--workers", "2") as server:
        with closing(HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)) as connection:

            def ask(method: str, path: str, **options: Any) -> tuple[int, str | None, bytes]:
                connection.request(method, path, **options)
                response = connection.getresponse()
                return response.status, response.getheader("Set-Cookie"), response.read()

            login = json.dumps({"username": name, "password": password})
            headers = {"Content-Type": "application/json"}
            status, cookie, body = ask("POST", "/login", body=login, headers=headers)
            assert status == 200
            assert json.loads(body)["valid"] is True
            headers = {"Cookie": (cookie or "").partition(";")[0]}
            assert ask("GET", "/view/exam/part1", headers=headers)[0] == 200
            session = json.loads(body)["sessionId"]
            done = timapp(env, "session", "invalidate", name, session)
            said = f"Invalidated the session {session} of {name}.\n"
            assert (done.stdout, done.stderr) == (said, "")
            assert ask("GET", "/view/exam/part1", headers=headers)[0] == 490
        out, err = server.stop()
    assert out == f"timApp serves on http://127.0.0.1:{server.port} (Ctrl-C stops it).\n"
    assert err == ""
    assert server.process.returncode == 0


def test_a_phone_is_told_the_address_that_it_reaches(sqlite_url: str, tmp_path: Path) -> None:
    """Served on all addresses, it says by which others reach the machine, and so do QR codes."""
    env = environment(sqlite_url, tmp_path)
    accounts = CommandLine(sqlite_url, tmp_path).done("demo")
    (password,) = re.findall(r"student1 +(\S+)", accounts)
    with socket.socket() as probe:  # a port that is free at all addresses
        probe.bind(("", 0))
        port = probe.getsockname()[1]
    with running(env, "--host", "0.0.0.0", port=port) as server:  # noqa: S104 - it is what it is for
        for is_valid in (True, False):
            student = LiveBrowser(f"http://127.0.0.1:{server.port}")
            assert student.log_in("student1", password).json["valid"] is is_valid
        page = student.get_page("/view/exam/part1").text
        (address,) = re.findall(r'href="(http://[^/]+)/supervise/link/', page)
        assert LiveBrowser(address).get("/login").status == 200
        out, _ = server.stop()
    assert out == f"timApp serves on {address} (Ctrl-C stops it).\n"


@pytest.mark.parametrize("stop_signal", [signal.SIGINT, signal.SIGTERM], ids=lambda sent: sent.name)
def test_a_signal_to_all_processes_stops_the_server(
    env: dict[str, str], stop_signal: signal.Signals
) -> None:
    """Ctrl-C and SIGTERM end all processes quietly, with code 0."""
    with running(env, "--workers", "2") as server:
        workers = psutil.Process(server.process.pid).children()
        os.killpg(server.process.pid, stop_signal)
        out, err = server.process.communicate(timeout=PATIENCE)
    assert server.process.returncode == 0
    assert out.count("\n") == 1
    assert "Traceback" not in err
    assert not any(worker.is_running() for worker in workers)


def test_a_hall_of_browsers_that_keep_their_connections_is_answered(env: dict[str, str]) -> None:
    """Each of 1,100 browsers gets an answer while all the others stay connected.

    The server may open few files at first, as on most systems.
    """
    few = [sys.executable, "-c", WITH_FEW_FILES, *TIMAPP]
    with running(env, "--workers", "1", command=few) as server, ExitStack() as connections:
        for _ in range(1100):
            browser = HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
            connections.callback(browser.close)
            browser.request("GET", "/nowhere", headers={"Accept": "application/json"})
            answer = browser.getresponse()
            assert answer.status == 404
            answer.read()


def test_a_worker_that_dies_is_replaced(env: dict[str, str]) -> None:
    """The site keeps answering after its only worker was killed."""
    with running(env, "--workers", "1") as server:
        (worker,) = psutil.Process(server.process.pid).children()
        worker.kill()
        assert eventually(lambda: server.get("/login"))[0] == 200
        out, _ = server.stop()
    assert server.process.returncode == 0
    assert out.count("http://") == 1


def test_a_port_that_is_taken_is_one_line(env: dict[str, str]) -> None:
    """A port where somebody listens, another timApp too, is refused, and never shared."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        done = timapp(env, "run", "--port", str(port))
    error = f"Error: port {port} on 127.0.0.1 is taken; choose another with --port.\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", error)


class Terminal:
    """A process that a person looks at and types to."""

    def __init__(self, env: dict[str, str], *words: str) -> None:
        self._screen, terminal = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", AT_TERMINAL, *TIMAPP, *words],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            cwd=PROJECT,
            env=env,
            start_new_session=True,
        )
        os.close(terminal)
        self.text = ""

    def read_until(self, text: str) -> None:
        """Wait until the text has been printed."""
        while text not in self.text:
            assert self._read(), self.text

    def type(self, text: str) -> None:
        """Press these keys."""
        os.write(self._screen, text.encode())

    def hang_up(self) -> None:
        """Close the window."""
        os.close(self._screen)

    def interrupt(self) -> None:
        """Press Ctrl-C until the process ends.

        Python may take the signal just before it goes to sleep to wait for a line, and then only
        sees it when the next one comes.
        """

        def press() -> int | None:
            self.type("\x03")
            with suppress(subprocess.TimeoutExpired):
                return self.process.wait(2)
            return None

        eventually(press)

    def close(self) -> int:
        """Read to the end and return the exit code."""
        while self._read():
            pass
        os.close(self._screen)
        return self.process.wait(PATIENCE)

    def _read(self) -> bool:
        if not select.select([self._screen], [], [], PATIENCE)[0]:
            self.process.kill()
            pytest.fail(f"Nothing came after {self.text!r}.")
        try:
            read = os.read(self._screen, 10_000)
        except OSError:  # the other end is closed
            return False
        self.text += read.decode()
        return bool(read)


def test_a_password_is_asked_for_twice_and_not_shown(env: dict[str, str]) -> None:
    """At a terminal the password is asked for twice and not echoed, and lists are tables."""
    terminal = Terminal(env, "user", "add", "alice", "--real-name", "Alice Jones")
    terminal.read_until("Password: ")
    terminal.type("purple llama sings\n")
    terminal.read_until("Repeat for confirmation: ")
    terminal.type("purple llama sings\n")
    assert terminal.close() == 0
    assert "purple llama" not in terminal.text
    assert terminal.text.endswith("Added the user alice.\r\n")
    terminal = Terminal(env, "user", "list")
    assert terminal.close() == 0
    assert "Full name" in terminal.text
    assert "Alice Jones" in terminal.text


def test_ctrl_c_at_a_question_is_quiet(env: dict[str, str], tmp_path: Path) -> None:
    """Ctrl-C while a password is asked for ends the command with code 130 and adds nobody."""
    terminal = Terminal(env, "user", "add", "alice")
    terminal.read_until("Password: ")
    terminal.interrupt()
    assert terminal.close() == 130
    assert "Traceback" not in terminal.text
    assert CommandLine(env["TIM_DATABASE_URL"], tmp_path).done("user", "list") == ""


def test_closing_the_terminal_stops_the_server(env: dict[str, str]) -> None:
    """Whoever closes the window in which the server runs ends it, as any other program."""
    assert timapp(env, "db", "upgrade").returncode == 0
    terminal = Terminal(env, "run", "--port", str(free_port()), "--workers", "1")
    terminal.read_until("timApp serves on")
    workers = psutil.Process(terminal.process.pid).children()
    terminal.hang_up()
    assert terminal.process.wait(PATIENCE) == 0
    assert not any(worker.is_running() for worker in workers)
