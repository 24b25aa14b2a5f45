"""The record of every change of sessions: who did what to whom, from where, and why."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.model import NUMBER, Model, enum_column
from timApp.guard.vocabulary import Action, ActorKind, Cause
from timApp.util.clock import now

#: What people do all the time; all else is rare beside it.
OFTEN = frozenset({Action.LOGIN, Action.BLOCKED_LOGIN, Action.LOGOUT})
#: What is done to accounts, and to no session.
OF_ACCOUNTS = frozenset(
    {
        *(Action.ADD_PERSON, Action.CHANGE_PERSON, Action.RENAME, Action.ERASE),
        *(Action.ADD_PASSKEY, Action.REMOVE_PASSKEYS, Action.ADD_TOKEN, Action.END_TOKEN),
    }
)
#: What is done to documents, groups, rights, exams, seats and receivers, and to nobody; a right of
#: one person is theirs.
OF_THINGS = frozenset(
    {
        *(Action.SAVE_DOCUMENT, Action.DELETE_DOCUMENT),
        *(Action.GIVE_RIGHT, Action.TAKE_RIGHTS),
        *(Action.ADD_GROUP, Action.REMOVE_GROUP, Action.SAVE_SEATS),
        *(Action.ADD_EXAM, Action.CHANGE_EXAM, Action.DELETE_EXAM),
        *(Action.BEGIN_EXAM, Action.END_EXAM),
        *(Action.ADD_RECEIVER, Action.END_RECEIVER, Action.NEW_SIGNING_KEY),
    }
)
#: The condition that a change is none of these, as the index of rare ones has it: databases use
#: that for queries which say it in the same words.
IS_RARE = sa.text("action NOT IN ('login', 'blocked login', 'logout')")


class SessionChange(Model):
    """One entry of an append-only table; the database refuses to change or delete one."""

    __tablename__ = "sessionchange"

    id: orm.Mapped[int] = orm.mapped_column(NUMBER, primary_key=True)
    at: orm.Mapped[datetime] = orm.mapped_column(default=now, index=True)
    actor_kind: orm.Mapped[ActorKind] = orm.mapped_column(enum_column(ActorKind))
    #: See `timApp.guard.vocabulary.Actor`.
    actor: orm.Mapped[str]
    address: orm.Mapped[str | None]
    action: orm.Mapped[Action] = orm.mapped_column(enum_column(Action))
    #: Whose sessions were changed; None when it was everybody's, or nobody's (`OF_THINGS`).
    user_id: orm.Mapped[int | None] = orm.mapped_column(sa.ForeignKey("useraccount.id"))
    #: The session that was named; None when none was.
    session_id: orm.Mapped[str | None]
    #: How many sessions the action changed.
    session_count: orm.Mapped[int]
    #: Why a login was blocked or let in over the limit, or another one's session had to give way.
    cause: orm.Mapped[Cause | None] = orm.mapped_column(enum_column(Cause))
    #: Why, in the words of the one who did it; None when they did not say.
    reason: orm.Mapped[str | None]

    __table_args__ = (
        sa.Index("ix_sessionchange_user_id", "user_id", "id"),
        sa.Index("ix_sessionchange_actor", "actor", "id"),
        sa.Index(
            "ix_sessionchange_action",
            "action",
            "id",
            sqlite_where=IS_RARE,
            postgresql_where=IS_RARE,
        ),
    )


def is_of_everybody(change: type[SessionChange] = SessionChange) -> sa.ColumnElement[bool]:
    """Return the condition that a change (the class, or an alias) was one of everybody's sessions.

    Those of things are nobody's.
    """
    # Not by a list (IN), which exports do not take.
    of_things = (change.action == one for one in sorted(OF_THINGS, key=lambda one: one.value))
    return sa.and_(change.user_id.is_(None), *(sa.not_(is_one) for is_one in of_things))
