"""`timapp grant`."""

import click

from timApp.accounts.acts import give_right
from timApp.auth.site import db
from timApp.auth.visitor import current_actor
from timApp.cli.context import application
from timApp.cli.help import examples
from timApp.cli.output import printable
from timApp.cli.parameters import TEXT
from timApp.item.accesstype import AccessType


@click.command(
    "grant",
    epilog=examples("timapp grant view exam/part1 Students", "timapp grant edit exam/part1 alice"),
)
@click.argument("right", type=click.Choice([kind.value for kind in AccessType]))
@click.argument("path", type=TEXT)
@click.argument("user_or_group", type=TEXT)
def command(right: str, path: str, user_or_group: str) -> None:
    """Give a user or a group a right to the document at PATH.

    The right to edit includes the one to view, and the right to manage includes both.
    """
    with application():
        given = give_right(db, path, user_or_group, AccessType(right), current_actor())
        db.session.commit()
    has = "may now" if given.kinds else "could already"
    click.echo(f"{printable(given.name)} {has} {right} {printable(given.path)}.")
