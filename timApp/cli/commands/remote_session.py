"""`timapp --server URL session`."""

import sys
from pathlib import Path

import click

from timApp.cli.files import replaced_file
from timApp.cli.help import examples
from timApp.cli.output import print_rows, printable
from timApp.cli.parameters import TEXT, format_option, state_option, user_option
from timApp.cli.remote import server
from timApp.guard.vocabulary import SessionStateFilterOptions


@click.group("session", epilog=examples("timapp --server https://exam.example.org session list"))
def command() -> None:
    """List, verify, invalidate, pause, end and export the sessions of another server."""


@command.command("list")
@state_option
@user_option
@click.pass_context
def list_sessions(
    context: click.Context, state: SessionStateFilterOptions, user: str | None
) -> None:
    """List sessions: user, session, time of login, time of expiry, origin.

    A table at a terminal; else a line for each session, tab-separated and without headings.
    Times are in UTC.
    """
    with server(context) as site:
        found = site.sessions(state=state.value, user=user)
    print_rows(
        ("User", "Session", "Logged in", "Expired", "Origin"),
        (
            (
                one.user,
                one.session_id,
                one.logged_in_at.isoformat(timespec="seconds"),
                one.expired_at.isoformat(timespec="seconds") if one.expired_at else "",
                one.origin,
            )
            for one in found
        ),
    )


@command.command()
@click.argument("user", type=TEXT)
@click.argument("session", type=TEXT, required=False)
@click.pass_context
def verify(context: click.Context, user: str, session: str | None) -> None:
    """Make SESSION of USER active, or the latest one, and expire the user's others."""
    with server(context) as site:
        site.verify(user, session)
    which = "latest session" if session is None else f"session {session}"
    click.echo(printable(f"Verified the {which} of {user}."))


@command.command()
@click.argument("user", type=TEXT)
@click.argument("session", type=TEXT, required=False)
@click.pass_context
def invalidate(context: click.Context, user: str, session: str | None) -> None:
    """Expire SESSION of USER, or all of the user's sessions."""
    with server(context) as site:
        site.invalidate(user, session)
    which = "all sessions" if session is None else f"the session {session}"
    click.echo(printable(f"Invalidated {which} of {user}."))


@command.command()
@click.argument("user", type=TEXT)
@click.argument("session", type=TEXT, required=False)
@click.pass_context
def end(context: click.Context, user: str, session: str | None) -> None:
    """End SESSION of USER for good, or all of the user's sessions."""
    with server(context) as site:
        site.end(user, session)
    which = "all sessions" if session is None else f"the session {session}"
    click.echo(printable(f"Ended {which} of {user}."))


@command.command()
@click.argument("user", type=TEXT)
@click.pass_context
def pause(context: click.Context, user: str) -> None:
    """Note that USER has left the room: block them until they are verified."""
    with server(context) as site:
        site.pause(user)
    click.echo(printable(f"Paused {user}, until a session of theirs is verified."))


@command.command()
@format_option
@state_option
@user_option
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="Write to FILE, for its owner only.",
)
@click.pass_context
def export(
    context: click.Context,
    export_format: str,
    state: SessionStateFilterOptions,
    user: str | None,
    output: Path | None,
) -> None:
    """Export sessions as CSV or JSON: user, session_id, origin, logged_in_at, expired_at."""
    with server(context) as site:
        content = site.export(export_format, state=state.value, user=user)
    if output is None or output == Path("-"):
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    with replaced_file(output) as file:
        file.write(content)
