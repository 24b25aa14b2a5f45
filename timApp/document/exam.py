"""Documents of exams: open within the exam's time, to those who sit it."""

from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from timApp.database.driver.read import QuickRead
from timApp.database.engine import begin_write
from timApp.database.model import Model
from timApp.database.work import UnitOfWork
from timApp.document.closing import Closing, ExamOfDocument, closing_of
from timApp.document.model import Document, require_document
from timApp.document.reference import keep_references
from timApp.guard.exams.plan import delete_exam, lock_planned, require_changeable
from timApp.guard.rules.exam import Part, Phase, phase_of
from timApp.guard.rules.exambrowser import (
    KeyState,
    ShownKeys,
    best_of,
    state_of,
)
from timApp.guard.tables.exam import Exam, keys_of, sits, supervises
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


@dataclass(frozen=True)
class Gate:
    """What exams say of a document to somebody."""

    #: None if no exam closes it.
    closing: Closing | None = None
    #: Whether they sit an exam that it belongs to, and which runs: there is something to hand in.
    is_sat: bool = False
    #: What the browser has shown to the exams that ask for it; None if none does.
    key_state: KeyState | None = None
    #: The first of them.
    asking_exam: int | None = None


def find_gate(work: UnitOfWork, document_id: int, user_id: int, shown: ShownKeys) -> Gate:
    """Return what exams say of the document to the person, whose browser has shown that.

    It is one look-up. Administrators, to whom all is open, are not asked about.
    """
    asked = {"document": document_id, "person": user_id}
    exams, moment = [_read(row) for row in _of_document.all(work, asked)], now()
    return _gate(exams, moment, shown)


def find_exam_gate(work: UnitOfWork, title: str, user_id: int, shown: ShownKeys) -> Gate:
    """Return what the exam of that title says to the person of what belongs to it.

    `NotFound` if there is no such exam.
    """
    row = _of_title.first(work, {"key": key_of(title), "person": user_id})
    if row is None:
        raise NotFound("There is no exam %(title)s.", field="title", title=quoted(title))
    return _gate([_read(row)], now(), shown)


def _gate(exams: Sequence[ExamOfDocument], moment: datetime, shown: ShownKeys) -> Gate:
    asking = [one for one in exams if one.asks(moment)]
    return Gate(
        closing_of(exams, moment, shown),
        any(one.sits and one.closed(moment, shown) is None for one in exams),
        best_of(state_of(shown, one.keys) for one in asking),
        asking[0].id if asking else None,
    )


def closed_documents(work: UnitOfWork, user_id: int, shown: ShownKeys) -> set[str]:
    """Return the paths of the documents that exams close to the person."""
    exams: dict[str, list[ExamOfDocument]] = {}
    query: sa.Select[*tuple[Any, ...]] = _exams(sa.literal(user_id)).add_columns(Document.path)
    query = query.join(Document, Document.id == exam_documents.c.document_id)
    for row in work.session.execute(query):
        *of_exam, path = row
        exams.setdefault(path, []).append(_read(of_exam))
    moment = now()
    return {path for path, found in exams.items() if closing_of(found, moment, shown) is not None}


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
        Exam.id,
        Exam.title,
        Exam.starts_at,
        Exam.ends_at,
        Exam.begun_at,
        Exam.ended_at,
        sits(user_id).label("sits"),
        supervises(user_id).label("supervises"),
        handed_in_at(user_id).label("handed_in_at"),
        Exam.browser,
        Exam.config_key,
        Exam.seb_key,
        Exam.browser_keys,
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
    number, title, starts_at, ends_at, begun_at, ended_at, *of_person, rule = row[:10]
    is_sitting, is_supervising, at = of_person
    return ExamOfDocument(
        number,
        title,
        starts_at,
        ends_at,
        begun_at,
        ended_at,
        bool(is_sitting),
        bool(is_supervising),
        at,
        rule,
        keys_of(*row[10:]),
    )
