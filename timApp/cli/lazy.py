"""A group whose commands are imported when they are used: asking for help must not take long."""

import importlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import click

from timApp.cli.interrupt import INTERRUPTED, undo_at_interrupt
from timApp.util.errors import TimError

#: Where a context keeps the address of the server that is to do it; nothing there: this one.
SERVER = "timApp.cli.server"


@dataclass(frozen=True)
class LazyCommand:
    """Where a command is, the attribute `command` of `module`, and its line in the help."""

    module: str
    help: str


class LazyGroup(click.Group):
    """The command line's outermost group, which also turns errors into messages and exit codes."""

    def __init__(
        self,
        *args: Any,
        commands_at: Mapping[str, LazyCommand] | None = None,
        remote_at: Mapping[str, LazyCommand] | None = None,
        **kwargs: Any,
    ) -> None:
        """`remote_at` are the commands that there are when another server is named (--server)."""
        super().__init__(*args, **kwargs)
        self._commands_at = dict(commands_at or {})
        self._remote_at = dict(remote_at or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands' names in the order in which they were given."""
        return list(self._places(ctx))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command, or return None if there is none of that name."""
        place = self._places(ctx).get(cmd_name)
        if place is None:
            if cmd_name in self._commands_at:
                there_are = ", ".join(self._remote_at)
                msg = f"{cmd_name} is for the server itself; with --server there is: {there_are}."
                raise click.UsageError(msg, ctx)
            return None
        command = importlib.import_module(place.module).command
        assert isinstance(command, click.Command)  # noqa: S101 - narrows the type for mypy
        undo_at_interrupt()  # from now on there may be something to undo
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands' lines of the help without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, place.help) for name, place in self._places(ctx).items()])

    def _places(self, ctx: click.Context) -> Mapping[str, LazyCommand]:
        return self._remote_at if ctx.meta.get(SERVER) else self._commands_at

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
