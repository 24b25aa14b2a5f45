"""The examples, run as the documentation says."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.live import PATIENCE, PROJECT, LiveBrowser, eventually, free_port

_ACCOUNT = re.compile(r"^\W*(\w+)\s+([a-z0-9-]{8,})\s+(\w[\w ]*\w)", re.MULTILINE)


@dataclass(frozen=True)
class Example:
    """An example that runs."""

    url: str
    #: What it has printed until it answered.
    printed: str

    def account(self, group: str) -> tuple[str, str]:
        """Return name and password of an account of that group, as they are printed."""
        return next(
            (found[1], found[2]) for found in _ACCOUNT.finditer(self.printed) if group in found[3]
        )


@contextmanager
def example(name: str, folder: Path) -> Iterator[Example]:
    """Yield an example that runs, with its database in the folder."""
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
        yield Example(browser.base_url, log.read_text())
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(PATIENCE)
