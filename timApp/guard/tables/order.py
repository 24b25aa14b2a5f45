"""Which changes of sessions still count; see `timApp.guard.rules.precedence`."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.model import NUMBER, Model, enum_column
from timApp.guard.vocabulary import Action


class SessionOrder(Model):
    """One change that still counts: none of those that are noted overwrites it."""

    __tablename__ = "sessionorder"

    id: orm.Mapped[int] = orm.mapped_column(NUMBER, primary_key=True)
    #: Whose sessions were changed; None when it was everybody's.
    user_id: orm.Mapped[int | None] = orm.mapped_column(sa.ForeignKey("useraccount.id"))
    #: The two parts of the change's stamp. Hosts choose these, so nothing relies on their being
    #: unique.
    at: orm.Mapped[datetime]
    change_id: orm.Mapped[str]
    action: orm.Mapped[Action] = orm.mapped_column(enum_column(Action))
    #: The session that was named; None when it was all of them, or there was none to verify.
    session_id: orm.Mapped[str | None]

    __table_args__ = (sa.Index("ix_sessionorder_user_id", "user_id", "at"),)
