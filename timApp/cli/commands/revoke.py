"""`timapp revoke`."""

import click

from timApp.auth.site import db
from timApp.cli.context import application
from timApp.cli.help import examples
from timApp.cli.output import printable
from timApp.cli.parameters import TEXT
from timApp.document.model import require_document
from timApp.item.block import revoke_access
from timApp.user.usergroup import require_group


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
        document = require_document(db, path)
        group = require_group(db, user_or_group)
        name, at = printable(group.name), printable(document.path)
        had = sorted(kind.value for kind in revoke_access(db, document.block, group))
        db.session.commit()
    if not had:
        click.echo(f"{name} had no right to {at}; nothing was changed.")
        return
    click.echo(f"{name} has no right to {at} any more (had: {', '.join(had)}).")
