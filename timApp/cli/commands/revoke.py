"""`timapp revoke`."""

import click

from timApp.accounts.acts import take_rights
from timApp.auth.site import db
from timApp.auth.visitor import current_actor
from timApp.cli.context import application
from timApp.cli.help import examples
from timApp.cli.output import printable
from timApp.cli.parameters import TEXT


@click.command(
    "revoke",
    epilog=examples("timapp revoke exam/part1 Students", "timapp revoke exam/part1 alice"),
)
@click.argument("path", type=TEXT)
@click.argument("user_or_group", type=TEXT)
def command(path: str, user_or_group: str) -> None:
    """Take all rights to the document at PATH from a user or a group; it counts at once.

    Whoever has a right by another group keeps that: `timapp rights` says who does.
    """
    with application():
        taken = take_rights(db, path, user_or_group, current_actor())
        db.session.commit()
    name, at = printable(taken.name), printable(taken.path)
    had = [kind.value for kind in taken.kinds]
    if not had:
        click.echo(f"{name} had no right to {at}; nothing was changed.")
        return
    click.echo(f"{name} has no right to {at} any more (had: {', '.join(had)}).")
