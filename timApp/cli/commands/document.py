"""`timapp document`."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import click
import sqlalchemy as sa

from timApp.accounts.acts import drop_document, record_saved
from timApp.auth.site import db
from timApp.auth.visitor import current_actor
from timApp.cli.context import application
from timApp.cli.exams import counted
from timApp.cli.help import examples
from timApp.cli.output import print_rows, printable, time_text
from timApp.cli.parameters import TEXT
from timApp.cli.progress import progress_bar
from timApp.document.attachment import missing_in
from timApp.document.exam import documents_of_exams
from timApp.document.importer import (
    find_attached_files,
    find_markdown_files,
    import_attachment,
    import_document,
)
from timApp.document.model import Document, SaveResult
from timApp.guard.tables.exam import Exam


@click.group("document", epilog=examples("timapp document import exam/"))
def command() -> None:
    """Import, list and delete documents."""


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
    only, until somebody is given the right. Pictures and other files in DIR to which a document
    refers come with it, and are open to whoever may view the document. A line says to what a
    document refers that is neither there nor in DIR.
    """
    with application():
        files = find_markdown_files(directory)
        attached = find_attached_files(directory, files)
        with progress_bar() as progress:
            saved = {
                path: import_document(db, path, file)[1]
                for path, file in progress.track(files, description="Documents")
            }
            kept = {
                path: import_attachment(db, path, file)
                for path, file in progress.track(attached, description="Attachments")
            }
            changed = [
                path
                for path, result in (saved | kept).items()
                if result is not SaveResult.UNCHANGED
            ]
            record_saved(db, changed, current_actor())
            db.session.commit()
            missing = missing_in(db, list(saved))
    click.echo(f"{counted(len(files), 'document', 'documents')}: {_told(saved)}")
    if attached:
        click.echo(f"{counted(len(attached), 'attachment', 'attachments')}: {_told(kept)}")
    for document, path in missing:
        what = f"{printable(document)} refers to {printable(path)}, which is not here."
        click.echo(what, err=True)


def _told(saved: Mapping[str, SaveResult]) -> str:
    results = Counter(saved.values())
    return (
        f"{results[SaveResult.CREATED]} new, {results[SaveResult.CHANGED]} changed,"
        f" {results[SaveResult.UNCHANGED]} unchanged."
    )


@command.command("list", epilog=examples("timapp document list | cut -f 1"))
def list_documents() -> None:
    """List the documents: path, title, when it was changed last, exams that it belongs to.

    A table at a terminal; else a line for each document, tab-separated and without headings.
    """
    with application():
        titles = {one.id: one.title for one in db.session.execute(sa.select(Exam.id, Exam.title))}
        exams: dict[str, list[str]] = {}
        for exam_id, paths in documents_of_exams(db).items():
            for path in paths:
                exams.setdefault(path, []).append(titles[exam_id])
        columns = (Document.path, Document.title, Document.modified_at)
        found = sorted(db.session.execute(sa.select(*columns)), key=lambda one: one.path)
        print_rows(
            ("Path", "Title", "Changed", "Exams"),
            (
                (
                    one.path,
                    one.title,
                    time_text(one.modified_at),
                    ", ".join(sorted(exams.get(one.path, ()))),
                )
                for one in found
            ),
        )


@command.command(epilog=examples("timapp document delete exam/part1"))
@click.argument("path", type=TEXT)
def delete(path: str) -> None:
    """Delete the document at PATH, with all rights to it; it cannot be undone.

    One of an exam that is to come or runs stays: take it out of the exam before.
    """
    with application():
        shown = printable(drop_document(db, path, current_actor()))
        db.session.commit()
    click.echo(f"Deleted the document {shown}.")
