"""Who has handed in which exam, so that it is over for them."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.model import Model
from timApp.guard.tables.exam import Exam


class HandIn(Model):
    """A person has handed in an exam: its documents, policies and holds are theirs no more."""

    __tablename__ = "handin"

    exam_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("exam.id"), primary_key=True)
    user_id: orm.Mapped[int] = orm.mapped_column(
        sa.ForeignKey("useraccount.id"), primary_key=True, index=True
    )
    handed_in_at: orm.Mapped[datetime]

    __table_args__ = ({"sqlite_with_rowid": False},)


def has_handed_in(user_id: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """Return the condition that the person has handed in an exam."""
    return sa.exists(sa.select(HandIn.exam_id).where(*_is_of(user_id))).correlate_except(HandIn)


def handed_in_at(user_id: sa.ColumnElement[int]) -> sa.ScalarSelect[datetime]:
    """Return when the person handed in an exam; NULL if they have not."""
    found = sa.select(HandIn.handed_in_at).where(*_is_of(user_id))
    return found.correlate_except(HandIn).scalar_subquery()


def _is_of(user_id: sa.ColumnElement[int]) -> tuple[sa.ColumnElement[bool], ...]:
    return HandIn.exam_id == Exam.id, HandIn.user_id == user_id
