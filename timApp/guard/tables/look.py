"""Which person a supervisor has before them, so that two do not decide about one unawares."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.model import Model


class Look(Model):
    """A page of a person's sessions that a supervisor has open, as that page has said last."""

    __tablename__ = "look"

    supervisor_id: orm.Mapped[int] = orm.mapped_column(
        sa.ForeignKey("useraccount.id"), primary_key=True
    )
    user_id: orm.Mapped[int] = orm.mapped_column(
        sa.ForeignKey("useraccount.id"), primary_key=True, index=True
    )
    at: orm.Mapped[datetime]

    __table_args__ = ({"sqlite_with_rowid": False},)
