"""What receivers are owed: the table of it, and its rules.

The database itself notes each change of sessions that anybody is to be told of, by a trigger of the
record of changes: in the transaction of the change, whoever makes it, and without a statement more.
`timApp.receivers.owe` makes what each receiver is owed of that.
"""

import random
from datetime import datetime, timedelta
from enum import Enum

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.model import NUMBER, Model, enum_column
from timApp.guard.vocabulary import Cause
from timApp.util.clock import CLOCK_LEEWAY

#: How long a receiver has to answer, in seconds.
TIMEOUT = 10.0
#: How long it is left alone after the first failure of a notice, and after each late one.
FIRST_BACKOFF, LAST_BACKOFF = timedelta(seconds=5), timedelta(hours=3)
#: How long it is left alone with all that it is owed.
RECEIVER_BACKOFF_MAX = timedelta(minutes=5)
_DOUBLINGS_MAX = 12  # by then it is the last delay in any case
_JITTER = 0.2
#: For how long a receiver is told of an event.
GIVE_UP_AFTER = timedelta(days=3)
#: For how long it is kept what has become of a notice.
KEPT_FOR = timedelta(days=7)

#: The type of what a test sends.
TEST = "test"


class NoticeState(Enum):
    """What has become of a notice; only one that is owed can still change."""

    OWED = "owed"
    #: The receiver has said that it has it.
    DONE = "done"
    #: Who fetches has said that it cannot take it.
    REFUSED = "refused"
    #: The receiver could not be told for `GIVE_UP_AFTER`.
    GIVEN_UP = "given up"


class UntoldChange(Model):
    """A change of the record of which nobody has found out yet whom to tell.

    Written by the database.
    """

    __tablename__ = "untoldchange"

    #: Its number in the record.
    change_id: orm.Mapped[int] = orm.mapped_column(NUMBER, primary_key=True, autoincrement=False)


class Notice(Model):
    """One event that one receiver is, or was, to be told of."""

    __tablename__ = "notice"

    id: orm.Mapped[int] = orm.mapped_column(NUMBER, primary_key=True)
    receiver_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("receiver.id"))
    #: The same each time it is sent: ``webhook-id``, or ``jti``.
    message_id: orm.Mapped[str] = orm.mapped_column(unique=True)
    #: One of `timApp.receivers.event.EventType`, or `TEST`.
    type: orm.Mapped[str]
    #: The number in the record; None for a test. The entry says who did it, when and why.
    change_id: orm.Mapped[int | None] = orm.mapped_column(sa.BigInteger())
    #: Whose session; None for everybody's, and for a test.
    user_id: orm.Mapped[int | None] = orm.mapped_column(sa.ForeignKey("useraccount.id"), index=True)
    session_id: orm.Mapped[str | None]
    #: Why, where it is another reason than the entry's.
    cause: orm.Mapped[Cause | None] = orm.mapped_column(enum_column(Cause))
    made_at: orm.Mapped[datetime]
    state: orm.Mapped[NoticeState] = orm.mapped_column(enum_column(NoticeState, length=10))
    attempts: orm.Mapped[int] = orm.mapped_column(default=0)
    #: It is not sent before.
    next_attempt_at: orm.Mapped[datetime]
    #: What went wrong at the last attempt, in one line.
    last_error: orm.Mapped[str | None]
    #: When it got a state other than owed.
    settled_at: orm.Mapped[datetime | None]

    __table_args__ = (
        sa.Index(
            "ix_notice_owed",
            "receiver_id",
            "id",
            postgresql_where=sa.text("settled_at IS NULL"),
            sqlite_where=sa.text("settled_at IS NULL"),
        ),
        sa.Index("ix_notice_made_at", "made_at"),
    )


#: That a notice is still owed; said in this way, SQLite sees that there is an index for it.
is_owed = Notice.settled_at.is_(None)


def is_due(
    moment: datetime, next_attempt_at: orm.InstrumentedAttribute[datetime]
) -> sa.ColumnElement[bool]:
    """Return the condition that it is time to try, as far as backing off goes.

    A time that is further ahead than anybody backs off is of before a clock was set back.
    """
    too_far = moment + LAST_BACKOFF * (1 + _JITTER) + CLOCK_LEEWAY
    return (next_attempt_at <= moment) | (next_attempt_at > too_far)


def backoff_after(attempts: int, at_most: timedelta = LAST_BACKOFF) -> timedelta:
    """Return how long to wait after that number of failures, at least one; a little by chance."""
    delay = min(FIRST_BACKOFF * 2.0 ** min(attempts - 1, _DOUBLINGS_MAX), at_most)
    return delay * (1 + random.uniform(-_JITTER, _JITTER))  # noqa: S311 - no secret
