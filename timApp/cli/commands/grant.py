"""`timapp grant`."""

import click

from timApp.auth.site import db
from timApp.cli.context import application
from timApp.cli.help import examples
from timApp.cli.parameters import TEXT
from timApp.document.model import Document
from timApp.item.accesstype import AccessType
from timApp.item.block import grant_access
from timApp.user.usergroup import require_group
from timApp.util.errors import NotFound
from timApp.util.text import quoted


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
        document = Document.get_by_path(db, path)
        if document is None:
            raise NotFound("There is no document %(path)s.", field="path", path=quoted(path))
        group = require_group(db, user_or_group)
        name = group.name
        is_new = grant_access(db, document.block, group, AccessType(right))
        db.session.commit()
    has = "may now" if is_new else "could already"
    click.echo(f"{name} {has} {right} {path}.")
