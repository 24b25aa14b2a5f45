"""Documents of exams: open within the exam's time, to those who sit it."""

from collections.abc import Collection, Iterable, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

import sqlalchemy as sa

from timApp.database.driver.read import QuickRead
from timApp.database.engine import begin_write
from timApp.database.model import Model
from timApp.database.work import UnitOfWork
from timApp.document.model import Document, require_document
from timApp.document.reference import keep_references
from timApp.guard.exams.plan import delete_exam, lock_planned, require_changeable
from timApp.guard.rules.exam import Part, Phase, end_of, phase_of, start_of
from timApp.guard.tables.exam import Exam, sits, supervises
from timApp.guard.tables.handin import handed_in_at
from timApp.item.block import Block, BlockAccess
from timApp.util.clock import now
from timApp.util.errors import Conflict, NotFound
from timApp.util.names import key_of
from timApp.util.text import quoted

#: Which documents an exam consists of.
exam_documents = sa.Table(
    "examdocument",
    Model.metadata,
    sa.Column("document_id", sa.ForeignKey("document.id"), primary_key=True),
    sa.Column("exam_id", sa.ForeignKey("exam.id"), primary_key=True, index=True),
)


class Closed(Enum):
    """Why somebody may not open a document of an exam."""

    TO_COME = "the exam has not begun"
    OVER = "the exam is over"
    HANDED_IN = "they have handed the exam in"
    NOT_SITTING = "they do not sit the exam"


@dataclass(frozen=True)
class ExamOfDocument:
    """An exam to which a document belongs, and what it is to whoever asks."""

    title: str
    starts_at: datetime
    ends_at: datetime
    begun_at: datetime | None
    ended_at: datetime | None
    sits: bool
    supervises: bool
    #: When they handed it in; None if they have not.
    handed_in_at: datetime | None

    @property
    def start(self) -> datetime:
        """When it begins or began."""
        return start_of(self)

    @property
    def end(self) -> datetime:
        """When it ends or ended."""
        return end_of(self)

    def closed(self, moment: datetime) -> Closed | None:
        """Return why its documents are closed to them then; None if they are open."""
        if self.supervises:
            return None
        if not self.sits:
            return Closed.NOT_SITTING
        if self.handed_in_at is not None:
            return Closed.HANDED_IN
        match phase_of(self, moment):
            case Phase.TO_COME:
                return Closed.TO_COME
            case Phase.OVER:
                return Closed.OVER
        return None


@dataclass(frozen=True)
class Closing:
    """Why a document is closed, and the exam that says so."""

    why: Closed
    exam: ExamOfDocument


def closing_of(exams: Iterable[ExamOfDocument], moment: datetime) -> Closing | None:
    """Return why a document of these exams is closed; None if one opens it, or there are none.

    Of several exams, one that runs and that they have handed in is named first, then the next one
    to come, one that they have handed in, and the one that ended last. Of those that they do not
    sit it is one that runs, if one does.
    """
    found: list[Closing] = []
    for exam in exams:
        why = exam.closed(moment)
        if why is None:
            return None
        found.append(Closing(why, exam))
    of_kind = {kind: [one for one in found if one.why is kind] for kind in Closed}
    running = [one for one in found if phase_of(one.exam, moment) is Phase.RUNS]
    for one in running:
        if one.why is Closed.HANDED_IN:
            return one
    if of_kind[Closed.TO_COME]:
        return min(of_kind[Closed.TO_COME], key=lambda one: one.exam.start)
    if of_kind[Closed.HANDED_IN]:
        return of_kind[Closed.HANDED_IN][0]
    if of_kind[Closed.OVER]:
        return max(of_kind[Closed.OVER], key=lambda one: one.exam.end)
    return next(iter(running or found), None)


@dataclass(frozen=True)
class Gate:
    """What exams say of a document to somebody."""

    #: None if no exam closes it.
    closing: Closing | None = None
    #: Whether they sit an exam that it belongs to, and which runs: there is something to hand in.
    is_sat: bool = False


def find_gate(work: UnitOfWork, document_id: int, user_id: int) -> Gate:
    """Return what exams say of the document to the person.

    It is one look-up. Administrators, to whom all is open, are not asked about.
    """
    asked = {"document": document_id, "person": user_id}
    exams, moment = [_read(row) for row in _of_document.all(work, asked)], now()
    is_sat = any(one.sits and one.closed(moment) is None for one in exams)
    return Gate(closing_of(exams, moment), is_sat)


def find_exam_closing(work: UnitOfWork, title: str, user_id: int) -> Closing | None:
    """Return why what belongs to the exam of that title is closed to the person; None if open.

    `NotFound` if there is no such exam.
    """
    row = _of_title.first(work, {"key": key_of(title), "person": user_id})
    if row is None:
        raise NotFound("There is no exam %(title)s.", field="title", title=quoted(title))
    return closing_of([_read(row)], now())


def closed_documents(work: UnitOfWork, user_id: int) -> set[str]:
    """Return the paths of the documents that exams close to the person."""
    exams: dict[str, list[ExamOfDocument]] = {}
    query: sa.Select[*tuple[Any, ...]] = _exams(sa.literal(user_id)).add_columns(Document.path)
    query = query.join(Document, Document.id == exam_documents.c.document_id)
    for row in work.session.execute(query):
        *of_exam, path = row
        exams.setdefault(path, []).append(_read(of_exam))
    moment = now()
    return {path for path, found in exams.items() if closing_of(found, moment) is not None}


def set_documents(work: UnitOfWork, exam: Exam, paths: Collection[str]) -> bool:
    """Let the exam consist of the documents at these paths; return whether it did not before.

    `NotFound` (field ``document``) for one that there is not, `Conflict` (``documents``) if they
    cannot change any more. Nothing is committed.
    """
    return _set_documents(work, exam, {require_document(work, path).id for path in paths})


def _set_documents(work: UnitOfWork, exam: Exam, wanted: Set[int]) -> bool:
    if wanted == _document_ids(work, exam):
        return False
    require_changeable(exam, {Part.DOCUMENTS})
    work.session.execute(exam_documents.delete().where(exam_documents.c.exam_id == exam.id))
    rows = [{"exam_id": exam.id, "document_id": one} for one in sorted(wanted)]
    if rows:
        work.session.execute(exam_documents.insert(), rows)
    return True


def _document_ids(work: UnitOfWork, exam: Exam) -> set[int]:
    is_of_exam = exam_documents.c.exam_id == exam.id
    return set(work.session.scalars(sa.select(exam_documents.c.document_id).where(is_of_exam)))


def take_back(work: UnitOfWork, title: str) -> Exam:
    """Delete the exam of that title, which is to come, and return what it was.

    Its documents stay. Errors are those of `timApp.guard.exams.plan.lock_planned`. Nothing is
    committed.
    """
    exam = lock_planned(work, title)
    _set_documents(work, exam, set())
    delete_exam(work, exam)
    return exam


def change_documents(
    work: UnitOfWork, exam: Exam, added: Collection[str], removed: Collection[str]
) -> bool:
    """Add documents to the exam, and take others away; return whether that changes anything.

    Those that are there already, or are not, change nothing. Errors are as in `set_documents`.
    """
    gone = {require_document(work, path).id for path in removed}
    new = {require_document(work, path).id for path in added}
    return _set_documents(work, exam, (_document_ids(work, exam) | new) - gone)


def delete_document(work: UnitOfWork, path: str) -> Document:
    """Delete the document at a path, with the rights to it, and return what it was.

    `NotFound` (field ``document``) if there is none, and `Conflict` for one of an exam that is to
    come or runs. Exams that are over lack it then. Nothing is committed.
    """
    begin_write(work.session.connection())
    document = require_document(work, path)
    work.session.refresh(document, with_for_update=True)
    is_of_document = exam_documents.c.document_id == document.id
    ids = sa.select(exam_documents.c.exam_id).where(is_of_document)
    for exam in work.session.scalars(sa.select(Exam).where(Exam.id.in_(ids)).order_by(Exam.id)):
        if phase_of(exam, now()) is not Phase.OVER:
            raise Conflict(
                "%(path)s belongs to the exam %(title)s, which is not over.",
                field="document",
                path=quoted(document.path),
                title=quoted(exam.title),
            )
    work.session.execute(exam_documents.delete().where(is_of_document))
    keep_references(work, document.id, frozenset())
    work.session.execute(sa.delete(BlockAccess).where(BlockAccess.block_id == document.id))
    work.session.execute(sa.delete(Document).where(Document.id == document.id))
    work.session.execute(sa.delete(Block).where(Block.id == document.id))
    return document


def documents_of_exams(work: UnitOfWork) -> dict[int, list[str]]:
    """Return the paths of the documents of each exam, in order, by the exam's id."""
    query = sa.select(exam_documents.c.exam_id, Document.path).join(
        Document, Document.id == exam_documents.c.document_id
    )
    found: dict[int, list[str]] = {}
    for exam_id, path in sorted(map(tuple, work.session.execute(query))):
        found.setdefault(exam_id, []).append(path)
    return found


def _exams(user_id: sa.ColumnElement[int]) -> sa.Select[*tuple[Any, ...]]:
    return _of_exams(user_id).join_from(exam_documents, Exam, Exam.id == exam_documents.c.exam_id)


def _of_exams(user_id: sa.ColumnElement[int]) -> sa.Select[*tuple[Any, ...]]:
    return sa.select(
        Exam.title,
        Exam.starts_at,
        Exam.ends_at,
        Exam.begun_at,
        Exam.ended_at,
        sits(user_id).label("sits"),
        supervises(user_id).label("supervises"),
        handed_in_at(user_id).label("handed_in_at"),
    )


_of_document = QuickRead(
    _exams(sa.bindparam("person", type_=sa.Integer())).where(
        exam_documents.c.document_id == sa.bindparam("document")
    )
)


_of_title = QuickRead(
    _of_exams(sa.bindparam("person", type_=sa.Integer())).where(
        Exam.title_key == sa.bindparam("key")
    )
)


def _read(row: Sequence[Any]) -> ExamOfDocument:
    title, starts_at, ends_at, begun_at, ended_at, is_sitting, is_supervising, at = row
    return ExamOfDocument(
        title, starts_at, ends_at, begun_at, ended_at, bool(is_sitting), bool(is_supervising), at
    )
