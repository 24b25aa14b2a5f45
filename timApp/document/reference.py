"""Which addresses of this site a document refers to, by its pictures and links."""

from posixpath import dirname, join, normpath
from urllib.parse import unquote, urlsplit

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.model import Model
from timApp.database.work import UnitOfWork
from timApp.document.markdown import addresses_in
from timApp.document.path import normal_path
from timApp.util.errors import BadInput

#: Where documents are shown; what is relative to a document is below it, too.
_VIEW = "/view/"


class DocumentReference(Model):
    """A path to which a document refers, whether there is anything or not."""

    __tablename__ = "documentreference"

    document_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("document.id"), primary_key=True)
    path: orm.Mapped[str] = orm.mapped_column(primary_key=True, index=True)


def references_of(source: str, path: str) -> frozenset[str]:
    """Return the paths to which a document with that Markdown refers, as it stands at `path`.

    An address is relative to the document's folder, or begins with ``/view/``. Other sites, other
    pages of this one, and what could be no document's path are left out.
    """
    return frozenset(
        found for address in addresses_in(source) if (found := _path_of(address, path)) is not None
    )


def keep_references(work: UnitOfWork, document_id: int, paths: frozenset[str]) -> None:
    """Let these be what the document refers to; what is so already stays. Nothing is committed."""
    of_document = DocumentReference.document_id == document_id
    known = set(work.session.scalars(sa.select(DocumentReference.path).where(of_document)))
    gone = sorted(known - paths)
    if gone:
        is_gone = sa.and_(of_document, DocumentReference.path.in_(gone))
        work.session.execute(sa.delete(DocumentReference).where(is_gone))
    new = [{"document_id": document_id, "path": path} for path in sorted(paths - known)]
    if new:
        work.session.execute(sa.insert(DocumentReference), new)


def _path_of(address: str, path: str) -> str | None:
    try:
        url = urlsplit(address)
    except ValueError:
        return None
    if url.scheme or url.netloc or not url.path:
        return None
    wanted = unquote(url.path)
    if wanted.startswith(_VIEW):
        found = normpath(wanted.removeprefix(_VIEW))
    elif wanted.startswith("/"):
        return None
    else:
        found = normpath(join(dirname(path), wanted))
    try:
        return normal_path(found)
    except BadInput:  # among them what leads out of the documents
        return None
