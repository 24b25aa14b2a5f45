"""`timapp document`."""

from collections import Counter
from pathlib import Path

import click

from timApp.auth.site import db
from timApp.cli.context import application
from timApp.cli.help import examples
from timApp.cli.progress import progress_bar
from timApp.document.importer import find_markdown_files, import_document
from timApp.document.model import SaveResult


@click.group("document", epilog=examples("timapp document import exam/"))
def command() -> None:
    """Import documents."""


@command.command(
    "import",
    epilog=examples("timapp document import exam/", "timapp grant view instructions Students"),
)
@click.argument(
    "directory", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False)
)
def import_documents(directory: Path) -> None:
    """Import the Markdown files in DIR and the folders in it, all or none.

    A file exam/part1.md in DIR becomes the document exam/part1. A document that is there already
    gets the file's text and keeps the rights to it. A new one can be viewed by administrators
    only, until somebody is given the right.
    """
    with application():
        files = find_markdown_files(directory)
        with progress_bar() as progress:
            results = Counter(
                import_document(db, path, file)[1]
                for path, file in progress.track(files, description="Documents")
            )
            db.session.commit()
    noun = "document" if len(files) == 1 else "documents"
    click.echo(
        f"{len(files)} {noun}: {results[SaveResult.CREATED]} new,"
        f" {results[SaveResult.CHANGED]} changed, {results[SaveResult.UNCHANGED]} unchanged."
    )
