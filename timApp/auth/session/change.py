"""The record of every change of sessions: who did what to whom, from where, and why."""

from datetime import datetime
from enum import Enum

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.timdb.sqa import Model
from timApp.util.clock import now


class ActorKind(Enum):
    """What somebody is who changes sessions."""

    USER = "user"
    HOST = "host"
    COMMAND_LINE = "command line"


class Action(Enum):
    """What is done to sessions."""

    LOGIN = "login"
    #: A login over the limit: the session is expired from birth.
    BLOCKED_LOGIN = "blocked login"
    LOGOUT = "logout"
    VERIFY = "verify"
    INVALIDATE = "invalidate"
    VERIFY_ALL = "verify all"
    INVALIDATE_ALL = "invalidate all"


def enum_column(kind: type[Enum]) -> sa.Enum:
    """Return the type of a column that holds the values of an enumeration as text."""
    return sa.Enum(
        kind,
        native_enum=False,
        length=20,
        values_callable=lambda members: [member.value for member in members],
    )


class SessionChange(Model):
    """One entry of an append-only table; the database refuses to change or delete one."""

    __tablename__ = "sessionchange"

    id: orm.Mapped[int] = orm.mapped_column(
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True
    )
    at: orm.Mapped[datetime] = orm.mapped_column(default=now, index=True)
    actor_kind: orm.Mapped[ActorKind] = orm.mapped_column(enum_column(ActorKind))
    #: A user's name, a host, or the name of the operating system's user at the command line.
    actor: orm.Mapped[str]
    #: Network address the request came from; None at the command line.
    address: orm.Mapped[str | None]
    action: orm.Mapped[Action] = orm.mapped_column(enum_column(Action))
    #: Whose sessions were changed; None when it was everybody's.
    user_id: orm.Mapped[int | None] = orm.mapped_column(sa.ForeignKey("useraccount.id"))
    #: The session that was named; None when none was.
    session_id: orm.Mapped[str | None]
    #: How many sessions the action changed.
    session_count: orm.Mapped[int]
    #: Why, in the words of the one who did it; None when they did not say.
    reason: orm.Mapped[str | None]

    __table_args__ = (sa.Index("ix_sessionchange_user_id", "user_id", "id"),)
