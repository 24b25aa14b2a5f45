"""All documents at a glance: who may open them, and to what they refer."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from timApp.database.work import UnitOfWork
from timApp.document.attachment import Attachment
from timApp.document.exam import exam_documents
from timApp.document.model import Document
from timApp.document.reference import DocumentReference
from timApp.guard.tables.exam import Exam
from timApp.item.block import BlockAccess
from timApp.user.usergroup import UserGroup


@dataclass(frozen=True)
class CataloguedDocument:
    """A document, and what there is to know of it in a list."""

    path: str
    title: str
    modified_at: datetime
    #: Names of the groups and people who may view it.
    groups: Sequence[str]
    #: Titles of the exams that it belongs to.
    exams: Sequence[str]
    #: Paths of the attachments to which it refers.
    attachments: Sequence[str]


def catalogue(work: UnitOfWork, find: str = "") -> list[CataloguedDocument]:
    """Return all documents with that text in path or title, in the order of their paths.

    Capitals or not. Four look-ups, however many there are; the texts of the documents are not read.
    """
    rows = work.session.execute(
        sa.select(Document.id, Document.path, Document.title, Document.modified_at)
    ).all()
    wanted = find.casefold()
    found = [row for row in rows if wanted in row.path.casefold() or wanted in row.title.casefold()]
    groups = _by_document(
        work,
        sa.select(BlockAccess.block_id, UserGroup.name)
        .join(UserGroup, UserGroup.id == BlockAccess.usergroup_id)
        .distinct(),
    )
    exams = _by_document(
        work,
        sa.select(exam_documents.c.document_id, Exam.title).join(
            Exam, Exam.id == exam_documents.c.exam_id
        ),
    )
    attachments = _by_document(
        work,
        sa.select(DocumentReference.document_id, DocumentReference.path).join(
            Attachment, Attachment.path == DocumentReference.path
        ),
    )
    return sorted(
        (
            CataloguedDocument(
                row.path,
                row.title,
                row.modified_at,
                sorted(groups[row.id]),
                sorted(exams[row.id]),
                sorted(attachments[row.id]),
            )
            for row in found
        ),
        key=lambda one: one.path,
    )


def _by_document(work: UnitOfWork, query: sa.Select[int, str]) -> dict[int, list[str]]:
    named: defaultdict[int, list[str]] = defaultdict(list)
    for document_id, name in work.session.execute(query):
        named[document_id].append(name)
    return named
