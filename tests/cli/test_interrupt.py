"""Ctrl-C at each moment of a command: it is quiet, also when there is nothing to undo yet."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.live import PROJECT, environment_of

# `timapp user list`, at which Ctrl-C is pressed when it begins to import a module.
AT_IMPORT = """
import os, signal, sys
from timApp.cli import main

class Press:
    @staticmethod
    def find_spec(name, *_):
        if name == moment:
            os.kill(os.getpid(), signal.SIGINT)

moment = sys.argv[1]
sys.meta_path.insert(0, Press)
sys.argv[1:] = ["user", "list"]
main()
"""

# The same, and Ctrl-C is pressed when Python cleans up after the command.
AT_END = """
import atexit, os, signal, sys
from timApp.cli import main

atexit.register(os.kill, os.getpid(), signal.SIGINT)
sys.argv[1:] = ["user", "list"]
main()
"""

# It is pressed while the command is at work, and again when Python cleans up.
AGAIN = """
import atexit, os, signal, sys
from timApp.cli import main
from timApp.cli.commands import user

def press(*_):
    os.kill(os.getpid(), signal.SIGINT)

user.print_rows = press
atexit.register(press)
sys.argv[1:] = ["user", "list"]
main()
"""


def run(command: list[str], url: str, instance: Path) -> subprocess.CompletedProcess[str]:
    """Run a command on the database to its end."""
    return subprocess.run(
        command,
        cwd=PROJECT,
        env=environment_of(url, instance, {}),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "module", ["timApp.cli.group", "click", "timApp.cli.commands.user", "sqlalchemy", "timApp.app"]
)
def test_ctrl_c_in_the_first_moments_is_quiet(sqlite_url: str, tmp_path: Path, module: str) -> None:
    """While a command is still being imported, Ctrl-C ends it with code 130 and not a word."""
    done = run([sys.executable, "-c", AT_IMPORT, module], sqlite_url, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_ctrl_c_after_a_command_is_quiet(sqlite_url: str, tmp_path: Path) -> None:
    """A command that is done shows no traceback if Ctrl-C comes while Python cleans up."""
    done = run([sys.executable, "-c", AT_END], sqlite_url, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_a_second_ctrl_c_changes_nothing(sqlite_url: str, tmp_path: Path) -> None:
    """The code of a command that was interrupted is 130, however often Ctrl-C is pressed."""
    done = run([sys.executable, "-c", AGAIN], sqlite_url, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "\n")


def test_a_command_in_the_background_goes_on_ignoring_ctrl_c(
    sqlite_url: str, tmp_path: Path
) -> None:
    """Where a shell has it ignored, as behind `&`, a command runs to its end."""
    ignoring = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN);"
        " os.execv(sys.argv[1], sys.argv[1:])"
    )
    at_import = [sys.executable, "-c", AT_IMPORT, "timApp.app"]
    done = run([sys.executable, "-c", ignoring, *at_import], sqlite_url, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
