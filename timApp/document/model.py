"""Documents: pages written in Markdown that are found by their path."""

from datetime import datetime
from enum import Enum
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.driver.read import QuickRead
from timApp.database.engine import begin_write
from timApp.database.work import UnitOfWork
from timApp.document.markdown import title_of
from timApp.document.path import normal_path
from timApp.document.reference import keep_references, references_of
from timApp.item.accesstype import AccessType
from timApp.item.block import Block, accessible_blocks
from timApp.item.item import Item
from timApp.util.clock import now
from timApp.util.errors import BadInput, Conflict, NotFound
from timApp.util.text import check_text, is_storable, quoted

#: What the block of a document says it is the handle of.
BLOCK_KIND = "document"


class Document(Item):
    """A page written in Markdown, found by its path."""

    __tablename__ = "document"

    #: The Markdown text.
    source: orm.Mapped[str]
    #: When source or title changed last.
    modified_at: orm.Mapped[datetime] = orm.mapped_column(default=now)

    @classmethod
    def get_by_path(cls, work: UnitOfWork, path: str) -> "Document | None":
        """Return the document at `path`, or None; also for what cannot be a document's path."""
        normal = _known_form(path)
        return (
            None
            if normal is None
            else work.session.scalar(sa.select(cls).where(cls.path == normal))
        )


def require_document(work: UnitOfWork, path: str) -> Document:
    """Return the document at `path`; `NotFound` (field ``document``) if there is none."""
    document = Document.get_by_path(work, path)
    if document is None:
        raise NotFound("There is no document %(path)s.", field="document", path=quoted(path))
    return document


class DocumentText(NamedTuple):
    """What a page needs to show a document."""

    id: int
    path: str
    title: str
    source: str


class SaveResult(Enum):
    """What saving a document came to."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


class DocumentEntry(NamedTuple):
    """A line in a list of documents."""

    path: str
    title: str


def find_document(work: UnitOfWork, path: str) -> DocumentText | None:
    """Return the document at `path` to be shown, or None; see `Document.get_by_path`."""
    normal = _known_form(path)
    row = None if normal is None else _text_query.first(work, {"path": normal})
    return row and DocumentText._make(row)


def save_document(
    work: UnitOfWork, path: str, source: str, title: str | None = None
) -> tuple[Document, SaveResult]:
    """Make the document at `path`, or give the one that is there this source and title.

    Without a title it is the text of the first heading, else the last segment of the path.
    Saving what is there already changes nothing, not even `modified_at`. Nothing is committed.

    Raises `BadInput` for a bad path (field ``path``), for a source that cannot be stored
    (``source``; NUL, or halves of surrogate pairs) and for a bad title (``title``), and
    `Conflict` (``path``) if somebody else makes the same document at this moment.
    """
    path = normal_path(path)
    if not is_storable(source):
        message = "The source has a NUL character or half of a surrogate pair."
        raise BadInput(message, field="source")
    if title is None:
        title = title_of(source, path.rpartition("/")[2])
    check_text("title", title, required=True)
    begin_write(work.session.connection())
    document = Document.get_by_path(work, path)
    if document is None:
        document = _create(work, path, source, title)
        keep_references(work, document.id, references_of(source, path))
        return document, SaveResult.CREATED
    keep_references(work, document.id, references_of(source, path))
    if (document.source, document.title) == (source, title):
        return document, SaveResult.UNCHANGED
    document.source = source
    document.title = title
    document.modified_at = now()
    work.session.flush()
    return document, SaveResult.CHANGED


def documents_visible_to(work: UnitOfWork, user_id: int, is_admin: bool) -> list[DocumentEntry]:
    """Return the documents that the user may view, ordered by path; an administrator's are all."""
    query = sa.select(Document.path, Document.title)
    if not is_admin:
        query = query.where(Document.id.in_(accessible_blocks(user_id, AccessType.VIEW)))
    # Sorted here: databases differ in how they order text.
    return sorted(DocumentEntry(path, title) for path, title in work.session.execute(query))


_text_query = QuickRead(
    sa.select(Document.id, Document.path, Document.title, Document.source).where(
        Document.path == sa.bindparam("path")
    )
)


def _known_form(path: str) -> str | None:
    """Return the path as documents have it; None for what cannot be a document's path."""
    try:
        return normal_path(path)
    except BadInput:  # among them what a database cannot even be asked for
        return None


def _create(work: UnitOfWork, path: str, source: str, title: str) -> Document:
    document = Document(block=Block(kind=BLOCK_KIND), path=path, source=source, title=title)
    work.session.add(document)
    try:
        work.session.flush()
    except sa.exc.IntegrityError as error:
        message = f"Somebody else has just made a document at {quoted(path)}."
        raise Conflict(message, field="path") from error
    return document
