"""`timapp group`."""

import click

from timApp.accounts.acts import drop_group, make_group
from timApp.accounts.groups import all_groups
from timApp.auth.site import db
from timApp.auth.visitor import current_actor
from timApp.cli.context import application
from timApp.cli.exams import counted
from timApp.cli.help import examples
from timApp.cli.output import print_rows, printable
from timApp.cli.parameters import TEXT


@click.group("group", epilog=examples("timapp group add Retake", "timapp group list"))
def command() -> None:
    """List, add and remove groups; `timapp user group` says who is in which."""


@command.command("list", epilog=examples("timapp group list | cut -f 1"))
def list_groups() -> None:
    """List the groups: name, how many members, rights to documents, and exams.

    A table at a terminal; else a line for each group, tab-separated and without headings.
    """
    with application():
        print_rows(
            ("Name", "Members", "Rights", "Exams"),
            (
                (one.name, str(one.members), str(one.rights), str(one.exams))
                for one in all_groups(db)
            ),
        )


@command.command(epilog=examples("timapp group add Retake"))
@click.argument("name", type=TEXT)
def add(name: str) -> None:
    """Add the group NAME, which nobody is in yet."""
    with application():
        is_new = make_group(db, name, current_actor())
        db.session.commit()
    shown = printable(name)
    click.echo(
        f"Added the group {shown}."
        if is_new
        else f"The group {shown} is there already; nothing was changed."
    )


@command.command(epilog=examples("timapp group remove Retake", "timapp group remove Old --force"))
@click.argument("name", type=TEXT)
@click.option(
    "--force", "with_all", is_flag=True, help="Also if it has members or rights, which go with it."
)
def remove(name: str, *, with_all: bool) -> None:
    """Remove the group NAME. One that has members or rights stays, unless --force is said.

    One that sits or supervises an exam stays in any case, and so do the two that the site knows
    of, "Administrators" and "Session supervisors". Its members stay people.
    """
    with application():
        gone = drop_group(db, name, current_actor(), with_all=with_all)
        db.session.commit()
    members = counted(gone.members, "member", "members")
    rights = counted(gone.rights, "right", "rights")
    click.echo(f"Removed the group {printable(gone.name)}: {members}, {rights}.")
