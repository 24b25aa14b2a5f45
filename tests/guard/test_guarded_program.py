"""Any program can be guarded: `Guard` needs no web framework and brings none."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

_FRAMEWORKS = {"flask", "werkzeug", "jinja2", "babel", "wtforms", "click"}


@contextmanager
def served(database_url: str) -> Iterator[int]:
    """Run the program in a process of its own; yield its port."""
    command = [sys.executable, "-m", "tests.guard.guarded_program", database_url]
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        command,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


@pytest.fixture
def port(database_url: str) -> Iterator[int]:
    """The port of the program on a fresh database."""
    with served(database_url) as number:
        yield number


def ask(port: int, path: str, cookie: str = "") -> tuple[int, str, str]:
    """Return status, answer and the cookie that came with it."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path, headers={"Cookie": cookie})
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response.status, body, (response.getheader("Set-Cookie") or "").partition(";")[0]


def test_a_program_without_a_framework_is_guarded(port: int) -> None:
    """Somebody who logs in twice is blocked, is verified, goes on; the first login is blocked."""
    assert ask(port, "/") == (403, "anonymous", "")
    status, state, first = ask(port, "/login?name=ann")
    assert (status, state) == (200, "active")
    assert ask(port, "/", first)[:2] == (200, "the exam of ann")
    status, state, second = ask(port, "/login?name=ann")
    assert (status, state) == (200, "expired")
    assert ask(port, "/", second)[:2] == (403, "blocked")
    assert ask(port, "/", first)[:2] == (200, "the exam of ann")
    assert ask(port, "/verify?name=ann")[:2] == (200, "1")
    assert ask(port, "/", second)[:2] == (200, "the exam of ann")
    assert ask(port, "/", first)[:2] == (403, "blocked")
    assert ask(port, "/", second.replace("timapp=", "timapp=x"))[:2] == (403, "anonymous")


def test_no_framework_is_imported(port: int) -> None:
    """While it is guarded, there is nothing of Flask and its like in the program's process."""
    ask(port, "/login?name=ann")
    modules = {name.partition(".")[0] for name in ask(port, "/modules")[1].split()}
    assert "sqlalchemy" in modules
    assert modules & _FRAMEWORKS == set()
