"""`timapp rights`."""

import click

from timApp.accounts.account import require_account
from timApp.accounts.rights import rights_of
from timApp.auth.site import db
from timApp.cli.context import application
from timApp.cli.help import examples
from timApp.cli.output import print_rows
from timApp.cli.parameters import TEXT
from timApp.document.model import require_document


@click.command(
    "rights", epilog=examples("timapp rights --user alice", "timapp rights --document exam/part1")
)
@click.option("--user", "name", metavar="NAME", type=TEXT, help="Only what this user may do.")
@click.option("--document", "path", metavar="PATH", type=TEXT, help="Only to this document.")
def command(name: str | None, path: str | None) -> None:
    """List who may what: document or exam, its path or title, the right, the group that has it.

    Rights are to view, edit or manage a document, and to sit or supervise an exam. The group of one
    person has the person's name. Members of "Administrators" may do everything, which is not
    listed.

    A table at a terminal; else a line for each right, tab-separated and without headings.
    """
    with application():
        user_id = None if name is None else require_account(db, name).id
        document_id = None if path is None else require_document(db, path).id
        found = rights_of(db, user_id, document_id)
        print_rows(
            ("What", "Name", "Right", "Group"),
            ((one.kind, one.name, one.right, one.group) for one in found),
        )
