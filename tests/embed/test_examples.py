"""The examples run as the documentation says, on the accounts that they print."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.embed.examples import example
from tests.live import PROJECT, LiveBrowser

_README = re.compile(r"```python\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("name", ["flask", "fastapi", "django"])
def test_an_example_lets_a_demo_account_in_once(name: str, tmp_path: Path) -> None:
    """The second browser is blocked."""
    with example(name, tmp_path) as running:
        user, password = running.account("Students")
        for agent, status in (("Firefox", 200), ("Chrome", 490)):
            browser = LiveBrowser(running.url, agent)
            led = browser.get_page("/")
            assert led.url.endswith("/_timapp/login?next=%2F")
            credentials = {"username": user, "password": password}
            assert browser.post("/_timapp/login", credentials).status == 200
            answer = browser.get("/")
            assert answer.status == status
            assert (user in answer.text) or status == 490


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
