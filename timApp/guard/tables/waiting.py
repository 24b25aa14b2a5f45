"""Blocked sessions that wait for verification."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.model import Model
from timApp.guard.tables.session import SessionIdText


class WaitingSession(Model):
    """A session whose blocked page has been shown, and the short code on that page.

    The row is dropped when the session is verified or logged out. A session waits only while its
    page keeps asking; see `timApp.guard.waiting.codes`.
    """

    __tablename__ = "waitingsession"

    user_id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    session_id: orm.Mapped[str] = orm.mapped_column(SessionIdText, primary_key=True)
    #: Two letters and two digits, such as ``KX47``.
    code: orm.Mapped[str] = orm.mapped_column(unique=True)
    #: When the blocked page was first shown.
    since: orm.Mapped[datetime]

    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["user_id", "session_id"], ["usersession.user_id", "usersession.session_id"]
        ),
    )
