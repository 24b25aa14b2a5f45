"""Kinds of arguments and options that several commands take."""

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from timApp.guard.vocabulary import ExportFormatOptions, SessionStateFilterOptions
from timApp.user.password import PASSWORD_MAX_LENGTH
from timApp.util.text import is_storable, quoted

_Command = TypeVar("_Command", bound=Callable[..., Any])

# A character has at most four bytes in UTF-8; what is longer than this is too long in any case.
_PASSWORD_MAX_BYTES = 4 * PASSWORD_MAX_LENGTH + len("\r\n")


class StorableText(click.ParamType[str]):
    """Text that a database can hold."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text, or fail if it is not valid UTF-8."""
        text = str(value)
        if not is_storable(text):
            self.fail(f"{quoted(text)} is not valid text in UTF-8.", param, ctx)
        return text


TEXT = StorableText()


def state_option(function: _Command) -> _Command:
    """Add the option --state."""
    return click.option(
        "--state",
        type=click.Choice([state.value for state in SessionStateFilterOptions]),
        callback=lambda _ctx, _parameter, value: SessionStateFilterOptions(value),
        default=SessionStateFilterOptions.ALL.value,
        show_default=True,
        help="Which sessions.",
    )(function)


def user_option(function: _Command) -> _Command:
    """Add the option --user."""
    return click.option("--user", metavar="NAME", type=TEXT, help="Only this user's sessions.")(
        function
    )


def exam_option(function: _Command) -> _Command:
    """Add the option --exam."""
    text = "Only sessions of those who sit the exam TITLE, in its time."
    return click.option("--exam", "exam", metavar="TITLE", type=TEXT, help=text)(function)


def format_option(function: _Command) -> _Command:
    """Add the option --format of an export."""
    return click.option(
        "--format",
        "export_format",
        type=click.Choice([export_format.value for export_format in ExportFormatOptions]),
        default=ExportFormatOptions.CSV.value,
        show_default=True,
        help="How they are written down.",
    )(function)


def password_option(function: _Command) -> _Command:
    """Add the option --password-stdin."""
    return click.option(
        "--password-stdin",
        is_flag=True,
        help="Read the password from standard input instead of asking for it.",
    )(function)


class NoTerminal(click.ClickException):
    """There is nobody to ask, and what would be asked for has to be said with the command."""

    exit_code = click.UsageError.exit_code


def read_password(*, from_stdin: bool) -> str:
    """Return the password: asked for twice at the terminal, or standard input without its line end.

    Exactly one line end is dropped. Errors: an empty password, input that is no text, and, when
    the password is to be asked for, no terminal to ask at.
    """
    if from_stdin:
        return _password_from_stdin()
    if not sys.stdin.isatty():
        msg = (
            "There is no terminal to ask for the password at;"
            " use --password-stdin to read it from standard input."
        )
        raise NoTerminal(msg)
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return password


def _password_from_stdin() -> str:
    content = sys.stdin.buffer.read(_PASSWORD_MAX_BYTES + 1)
    if len(content) > _PASSWORD_MAX_BYTES:
        msg = f"The password is longer than {PASSWORD_MAX_LENGTH} characters."
        raise click.ClickException(msg)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        msg = "The password on standard input is not text in UTF-8."
        raise click.ClickException(msg) from None
    password = text.removesuffix("\r\n") if text.endswith("\r\n") else text.removesuffix("\n")
    if not password:
        msg = "The password on standard input is empty."
        raise click.ClickException(msg)
    return password
