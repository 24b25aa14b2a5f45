"""A group whose commands are imported when they are used: asking for help must not take long."""

import importlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import click

from timApp.cli.interrupt import INTERRUPTED, undo_at_interrupt
from timApp.util.errors import TimError


@dataclass(frozen=True)
class LazyCommand:
    """Where a command is, the attribute `command` of `module`, and its line in the help."""

    module: str
    help: str


class LazyGroup(click.Group):
    """The command line's outermost group, which also turns errors into messages and exit codes."""

    def __init__(
        self, *args: Any, commands_at: Mapping[str, LazyCommand] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._commands_at = dict(commands_at or {})

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the commands' names in the order in which they were given."""
        return list(self._commands_at)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command, or return None if there is none of that name."""
        place = self._commands_at.get(cmd_name)
        if place is None:
            return None
        command = importlib.import_module(place.module).command
        assert isinstance(command, click.Command)  # noqa: S101 - narrows the type for mypy
        undo_at_interrupt()  # from now on there may be something to undo
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the commands' lines of the help without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, place.help) for name, place in self._commands_at.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, and write out what it printed while a closed pipe is still handled."""
        result = super().invoke(ctx)
        sys.stdout.flush()
        return result

    def main(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Run the command line and end the process, with one of these codes.

        0: done; 1: an error of the person or the surroundings, in one line on standard error;
        2: wrong usage; 130: interrupted.
        """
        kwargs["standalone_mode"] = False
        try:
            result = super().main(*args, **kwargs)
        except TimError as error:
            click.echo(f"Error: {error}", err=True)
            sys.exit(1)
        except click.ClickException as error:
            error.show()
            sys.exit(error.exit_code)
        except click.Abort:
            sys.exit(INTERRUPTED)
        # A number is the code of --help and the like; a command itself returns None.
        sys.exit(result if isinstance(result, int) else 0)
