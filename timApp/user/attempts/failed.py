"""The record of logins that have failed: whose, from where and when."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.model import NUMBER, Model
from timApp.util.text import storable


class FailedLogin(Model):
    """One wrong password. What was typed as a name is nowhere: it may be a password."""

    __tablename__ = "failedlogin"

    id: orm.Mapped[int] = orm.mapped_column(NUMBER, primary_key=True)
    at: orm.Mapped[datetime]
    #: Whose password it was to be; None for a name that is nobody's.
    user_id: orm.Mapped[int | None] = orm.mapped_column(sa.ForeignKey("useraccount.id"))
    #: Network address that it came from; None if it is not known.
    address: orm.Mapped[str | None]

    __table_args__ = (
        sa.Index("ix_failedlogin_at", "at", "id"),
        sa.Index("ix_failedlogin_user_id", "user_id", "id"),
        sa.Index("ix_failedlogin_address", "address", "id"),
    )


def record_failed_login(
    connection: sa.Connection, user_id: int | None, address: str | None, moment: datetime
) -> None:
    """Record a wrong password, in the connection's transaction."""
    entry = {"at": moment, "user_id": user_id, "address": address and storable(address)}
    connection.execute(sa.insert(FailedLogin).values(entry))
