"""What has to be settled before somebody's next login is as any other."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.model import Model
from timApp.guard.tables.session import SessionIdText
from timApp.guard.vocabulary import SESSION_ID_MAX_LENGTH

#: Stands for the session id where somebody has ended active sessions, and not blocked a login.
OF_AN_END = ""
#: Stands for it where the person has left the room; no session has an id that is so long.
OF_A_PAUSE = "pause".ljust(SESSION_ID_MAX_LENGTH + 1, ".")


class SessionHold(Model):
    """An end of somebody's sessions by a person, a pause, or a login of theirs that was blocked.

    Whether an end counts is for the policy to say, at the next login; of a blocked login there is a
    row only if it does. A pause always counts. The row is dropped by a verification, by the end of
    the blocked login, and by a login that finds the slot free. It needs no session on this server:
    a person may be invalidated who has logged in on another one only.
    """

    __tablename__ = "sessionhold"

    user_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("useraccount.id"), primary_key=True)
    #: The login that was blocked, or `OF_AN_END` or `OF_A_PAUSE`.
    session_id: orm.Mapped[str] = orm.mapped_column(SessionIdText, primary_key=True)
    since: orm.Mapped[datetime]
    #: The exam that the person sat then; it counts in that one alone. None: it counts outside of
    #: exams alone. Names no row that has to be there: exams that have begun stay.
    exam_id: orm.Mapped[int | None]

    __table_args__ = ({"sqlite_with_rowid": False},)
