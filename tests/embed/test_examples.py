"""The examples run as the documentation says, on the accounts that they print."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.live import PATIENCE, PROJECT, LiveBrowser, eventually, free_port

_README = re.compile(r"```python\n(.*?)```", re.DOTALL)


@contextmanager
def example(name: str, folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the address of an example that runs, and what it has printed until then."""
    port, log = free_port(), folder / "log"
    environment = os.environ | {"TIM_INSTANCE_PATH": str(folder), "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, str(PROJECT / "examples" / "run.py"), name, str(port)]
    with log.open("w") as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=file, env=environment, cwd=folder, start_new_session=True
        )
    try:
        browser = LiveBrowser(f"http://127.0.0.1:{port}")

        def attempt() -> bool | None:
            assert process.poll() is None, log.read_text()
            try:
                return browser.get("/_timapp/healthz").status == 200 or None
            except OSError:
                return None

        eventually(attempt)
        yield browser.base_url, log.read_text()
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(PATIENCE)


@pytest.mark.parametrize("name", ["flask", "fastapi", "django"])
def test_an_example_lets_a_demo_account_in_once(name: str, tmp_path: Path) -> None:
    """The second browser is blocked."""
    with example(name, tmp_path) as (url, printed):
        found = re.search(r"^\W*(\w+)\s+([a-z0-9-]{8,})\s+Students", printed, re.MULTILINE)
        assert found is not None, printed
        for agent, status in (("Firefox", 200), ("Chrome", 490)):
            browser = LiveBrowser(url, agent)
            led = browser.get_page("/")
            assert led.url.endswith("/_timapp/login?next=%2F")
            credentials = {"username": found[1], "password": found[2]}
            assert browser.post("/_timapp/login", credentials).status == 200
            answer = browser.get("/")
            assert answer.status == status
            assert (found[1] in answer.text) or status == 490


def test_an_example_that_is_not_there_is_said() -> None:
    """With those that are."""
    command = [sys.executable, str(PROJECT / "examples" / "run.py"), "rails", "8000"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert all(name in done.stderr for name in ("rails", "flask", "fastapi", "django"))


def test_the_smallest_example_is_in_the_documentation() -> None:
    """As it stands in its file, without the docstrings."""
    shown = _README.findall((PROJECT / "docs" / "embedding.md").read_text())[0]
    code = (PROJECT / "examples" / "flask" / "app.py").read_text()
    code = code.partition('"""\n\n')[2].replace('    """Greet whoever is let in."""\n', "")
    assert shown == code
    assert len(code.splitlines()) <= 15
