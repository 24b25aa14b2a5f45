"""Who may change a person's sessions at a moment: one transaction only."""

from collections.abc import Iterable

import sqlalchemy as sa

from timApp.database.engine import begin_write
from timApp.database.work import UnitOfWork
from timApp.user.user import User
from timApp.util.turns import turn_given


def lock_people(work: UnitOfWork, user_ids: Iterable[int]) -> set[int]:
    """Wait until no other transaction changes these people's sessions; keep them out till the end.

    Returns which of the ids are those of people.

    The race it prevents: two logins that both count the active sessions before either has added
    its own. What is read after this call is what the one before us has committed. On SQLite,
    which has one writer at a time, it means to become that writer. People are locked in the order
    of their ids, so never in a ring. Other requests are worked on while it waits (see
    `timApp.util.turns`).
    """
    return lock_people_who(work, User.id.in_(user_ids))


def lock_people_who(work: UnitOfWork, are_meant: sa.ColumnElement[bool]) -> set[int]:
    """Lock the people who meet the condition, as `lock_people` does; return their ids."""
    begin_write(work.session.connection())
    with turn_given():
        found = work.session.scalars(
            sa.select(User.id).where(are_meant).order_by(User.id).with_for_update(key_share=True)
        )
        return set(found)


def lock_everybody(work: UnitOfWork) -> None:
    """Wait for all transactions that hold a `lock_people`; keep new ones waiting till the end.

    For changes of all sessions at once: a login that counted before such a change and inserted
    after it would leave one active session too many.
    """
    connection = work.session.connection()
    begin_write(connection)
    if connection.dialect.name == "postgresql":
        # Conflicts with the table lock that goes with every row lock, but not with plain reads.
        with turn_given():
            work.session.execute(sa.text("LOCK TABLE useraccount IN EXCLUSIVE MODE"))
