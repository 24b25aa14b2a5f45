"""Sessions whose cookie was copied, and where its two bearers go on."""

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.model import Model
from timApp.guard.tables.session import SessionIdText


class CopiedSession(Model):
    """A session that is over because two had its cookie, and the blocked one of each.

    The sessions need not be there any more: old ones go (`timApp.guard.keeping.tidy`).
    """

    __tablename__ = "copiedsession"

    user_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("useraccount.id"), primary_key=True)
    session_id: orm.Mapped[str] = orm.mapped_column(SessionIdText, primary_key=True)
    #: The highest number of a cookie that is that of the older bearer.
    older_until: orm.Mapped[int]
    older_session_id: orm.Mapped[str] = orm.mapped_column(SessionIdText)
    newer_session_id: orm.Mapped[str] = orm.mapped_column(SessionIdText)

    __table_args__ = ({"sqlite_with_rowid": False},)
