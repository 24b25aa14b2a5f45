"""The command line, run in the process of the tests."""

import sys
from pathlib import Path

from click.testing import CliRunner, Result

from timApp.cli.group import cli

#: What runs it in a process of its own, in the folder `tests.live.PROJECT`.
TIMAPP = [sys.executable, "-m", "timApp.cli"]


class CommandLine:
    """Runs commands in this process, on one database."""

    def __init__(self, database_url: str, instance: Path) -> None:
        self.env = {"TIM_DATABASE_URL": database_url, "TIM_INSTANCE_PATH": str(instance)}

    def __call__(self, *words: str, stdin: str | bytes | None = None) -> Result:
        """Run a command and return what came of it."""
        # An error that gets through to here is a traceback for the person.
        return CliRunner(catch_exceptions=False).invoke(
            cli, words, input=stdin, env=self.env, prog_name="timapp"
        )

    def done(self, *words: str, stdin: str | bytes | None = None) -> str:
        """Run a command that succeeds and return what it printed."""
        result = self(*words, stdin=stdin)
        assert result.exit_code == 0, result.output
        assert result.stderr == ""
        return result.stdout

    def refused(self, *words: str, stdin: str | bytes | None = None, code: int = 1) -> str:
        """Run a command that fails, and return its one line of error."""
        result = self(*words, stdin=stdin)
        assert result.exit_code == code, result.output
        assert result.stdout == ""
        last = result.stderr.splitlines()[-1]
        assert last.startswith("Error: ")
        assert code == 2 or result.stderr == f"{last}\n"
        return last
