"""Who sits an exam and has no right to its documents: it would open, and they could not read it."""

import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from timApp.database.work import UnitOfWork
from timApp.document.exam import exam_documents
from timApp.document.model import Document
from timApp.guard.tables.exam import Exam, exam_groups, sits
from timApp.item.accesstype import AccessType
from timApp.item.block import may
from timApp.user.usergroup import UserGroup, membership


@dataclass(frozen=True)
class ShutOut:
    """A document of an exam that some who sit the exam have no right to view."""

    path: str
    #: How many people that is.
    people: int
    #: The groups by which they sit it, in order; a person's own has the person's name.
    groups: Sequence[str]

    @property
    def commands(self) -> Sequence[str]:
        """The commands that give these groups the right, as a shell reads them."""
        return [shlex.join(("timapp", "grant", "view", self.path, name)) for name in self.groups]


def shut_out_of(work: UnitOfWork, exam_ids: Collection[int]) -> Mapping[int, Sequence[ShutOut]]:
    """Return from which documents of these exams somebody is shut out, in order, by the exam's id.

    Two look-ups, however many exams there are. Exams that all who sit them can read are left out.
    """
    member = membership.alias()
    without: sa.Select[*tuple[Any, ...]] = (
        sa.select(Exam.id, Document.path)
        .select_from(Exam)
        .join(exam_documents, exam_documents.c.exam_id == Exam.id)
        .join(Document, Document.id == exam_documents.c.document_id)
        .join(exam_groups, exam_groups.c.exam_id == Exam.id)
        .join(member, member.c.usergroup_id == exam_groups.c.usergroup_id)
        .where(
            Exam.id.in_(exam_ids),
            sits(member.c.user_id),
            ~may(member.c.user_id, Document.__table__.c.id, AccessType.VIEW),
        )
    )
    counted = without.add_columns(sa.func.count(member.c.user_id.distinct()))
    people = {
        (exam_id, path): number
        for exam_id, path, number in work.session.execute(counted.group_by(Exam.id, Document.path))
    }
    groups: dict[tuple[int, str], list[str]] = {}
    by_group = without.join(UserGroup, UserGroup.id == exam_groups.c.usergroup_id)
    for exam_id, path, name in sorted(
        map(tuple, work.session.execute(by_group.add_columns(UserGroup.name).distinct()))
    ):
        groups.setdefault((exam_id, path), []).append(name)
    found: dict[int, list[ShutOut]] = {}
    for (exam_id, path), number in sorted(people.items()):
        found.setdefault(exam_id, []).append(ShutOut(path, number, groups[exam_id, path]))
    return found
