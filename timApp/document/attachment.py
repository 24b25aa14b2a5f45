"""Attachments: pictures and other files to which documents refer, guarded like these."""

from base64 import b64decode, b64encode
from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.driver.read import QuickRead
from timApp.database.engine import begin_write
from timApp.database.model import Model
from timApp.database.work import UnitOfWork
from timApp.document.model import Document, SaveResult
from timApp.document.path import normal_path
from timApp.document.reference import DocumentReference
from timApp.util.clock import now
from timApp.util.errors import BadInput
from timApp.util.text import quoted

ATTACHMENT_MAX_BYTES = 5 * 1024 * 1024
"""Largest attachment, in bytes."""

#: What browsers show by themselves, by the end of the path. Whatever else there is they are told
#: to save: of a file that somebody has sent none may become a page or a script of this site.
_SHOWN = {
    "avif": "image/avif",
    "csv": "text/csv; charset=utf-8",
    "gif": "image/gif",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "ogg": "audio/ogg",
    "pdf": "application/pdf",
    "png": "image/png",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
    "webm": "video/webm",
    "webp": "image/webp",
}
_UNKNOWN = "application/octet-stream"


class Attachment(Model):
    """A file that is found by its path, beside the documents."""

    __tablename__ = "attachment"

    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    path: orm.Mapped[str] = orm.mapped_column(unique=True)
    #: The content, in base64: a backup holds texts.
    encoded: orm.Mapped[str]
    #: In bytes.
    size: orm.Mapped[int]
    modified_at: orm.Mapped[datetime] = orm.mapped_column(default=now)


class SentAttachment(NamedTuple):
    """What is sent to whoever asks for an attachment."""

    content: bytes
    media_type: str
    #: Whether browsers show it by themselves.
    is_shown: bool


class Referring(NamedTuple):
    """A document that refers to something."""

    id: int
    path: str


def save_attachment(work: UnitOfWork, path: str, content: bytes) -> SaveResult:
    """Make the attachment at `path`, or give the one that is there this content.

    Nothing is committed, and nothing changes if it is the same already. Raises `BadInput` (field
    ``path``) for a bad path, and for one at which there is a document, and (``content``) for more
    than `ATTACHMENT_MAX_BYTES`.
    """
    path = normal_path(path)
    if len(content) > ATTACHMENT_MAX_BYTES:
        raise BadInput(
            "%(path)s is larger than %(size)s MiB.",
            field="content",
            path=quoted(path),
            size=ATTACHMENT_MAX_BYTES // 1024**2,
        )
    begin_write(work.session.connection())
    if Document.get_by_path(work, path) is not None:
        raise BadInput("There is a document at %(path)s already.", field="path", path=quoted(path))
    encoded = b64encode(content).decode()
    known = work.session.scalar(sa.select(Attachment).where(Attachment.path == path))
    if known is None:
        work.session.add(Attachment(path=path, encoded=encoded, size=len(content)))
        work.session.flush()
        return SaveResult.CREATED
    if known.encoded == encoded:
        return SaveResult.UNCHANGED
    known.encoded, known.size, known.modified_at = encoded, len(content), now()
    work.session.flush()
    return SaveResult.CHANGED


def find_attachment(work: UnitOfWork, path: str) -> SentAttachment | None:
    """Return the attachment at `path`, or None; also for what could be no path."""
    try:
        path = normal_path(path)
    except BadInput:
        return None
    encoded = work.session.scalar(sa.select(Attachment.encoded).where(Attachment.path == path))
    if encoded is None:
        return None
    media_type = _SHOWN.get(path.rpartition(".")[2].lower())
    return SentAttachment(b64decode(encoded), media_type or _UNKNOWN, media_type is not None)


def referring_documents(work: UnitOfWork, path: str) -> list[Referring]:
    """Return the documents that refer to `path`, in the order of their paths."""
    try:
        path = normal_path(path)
    except BadInput:
        return []
    return sorted(map(Referring._make, _referring.all(work, {"path": path})), key=_path_of)


_referring = QuickRead(
    sa.select(Document.id, Document.path).where(
        Document.id.in_(
            sa.select(DocumentReference.document_id).where(
                DocumentReference.path == sa.bindparam("path")
            )
        )
    )
)


def _path_of(document: Referring) -> str:
    return document.path


class Missing(NamedTuple):
    """What is not there, though a document refers to it."""

    document: str
    path: str


def missing_in(work: UnitOfWork, documents: Collection[str]) -> list[Missing]:
    """Return to what the documents at these paths refer that is neither document nor attachment."""
    other = orm.aliased(Document)
    path = DocumentReference.path
    query = (
        sa.select(Document.path, path)
        .join(DocumentReference, DocumentReference.document_id == Document.id)
        .where(
            Document.path.in_(documents),
            ~sa.exists().where(other.path == path),
            ~sa.exists().where(Attachment.path == path),
        )
    )
    return sorted(Missing(*row) for row in work.session.execute(query))
