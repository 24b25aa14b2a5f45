"""Who may what: the rights to documents, and who sits and supervises exams."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import sqlalchemy as sa

from timApp.database.work import UnitOfWork
from timApp.document.model import Document
from timApp.guard.tables.exam import Exam, exam_groups, exam_supervisors
from timApp.item.accesstype import AccessType
from timApp.item.block import BlockAccess
from timApp.user.usergroup import UserGroup, membership


class Kind(Enum):
    """What a right is to."""

    DOCUMENT = "document"
    EXAM = "exam"


#: What somebody may do to an exam.
SIT, SUPERVISE = "sit", "supervise"


@dataclass(frozen=True, order=True)
class Right:
    """One right of one group, or of one person by themselves."""

    #: A value of `Kind`.
    kind: str
    #: The path of a document, or the title of an exam.
    name: str
    #: A value of `AccessType`, `SIT` or `SUPERVISE`.
    right: str
    #: The group that has it; the person's name if it is theirs alone.
    group: str
    is_personal: bool


def rights_of(
    work: UnitOfWork, user_id: int | None = None, document_id: int | None = None
) -> Sequence[Right]:
    """Return the rights of a person, to a document, or all that there are, in order.

    Three look-ups, however many there are. Those of a person are those of their groups. Not said
    are an administrator's right to everything, and who hides an exam's documents while it does not
    run (`timApp.document.exam`). To a document there are rights alone, and no exams.
    """
    queries: list[tuple[Kind, sa.Select[*tuple[Any, ...]]]] = []
    documents: sa.Select[*tuple[Any, ...]] = (
        sa.select(
            Document.path,
            BlockAccess.access_type,
            UserGroup.name,
            UserGroup.personal_user_id.is_not(None),
        )
        .join(BlockAccess, BlockAccess.block_id == Document.id)
        .join(UserGroup, UserGroup.id == BlockAccess.usergroup_id)
    )
    if document_id is not None:
        documents = documents.where(Document.id == document_id)
    queries.append((Kind.DOCUMENT, documents))
    if document_id is None:
        for right, table in ((SIT, exam_groups), (SUPERVISE, exam_supervisors)):
            of_exams: sa.Select[*tuple[Any, ...]] = (
                sa.select(
                    Exam.title,
                    sa.literal(right),
                    UserGroup.name,
                    UserGroup.personal_user_id.is_not(None),
                )
                .join(table, table.c.exam_id == Exam.id)
                .join(UserGroup, UserGroup.id == table.c.usergroup_id)
            )
            queries.append((Kind.EXAM, of_exams))
    found: list[Right] = []
    is_meant: sa.ColumnElement[bool] = sa.true()
    if user_id is not None:
        is_meant = sa.exists().where(
            membership.c.usergroup_id == UserGroup.id, membership.c.user_id == user_id
        )
    for kind, query in queries:
        for name, right, group, is_personal in work.session.execute(query.where(is_meant)):
            said = right.value if isinstance(right, AccessType) else right
            found.append(Right(kind.value, name, said, group, bool(is_personal)))
    return sorted(found)
