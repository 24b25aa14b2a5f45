"""Writes what `timApp.guard.rules.lifetime` says becomes of sessions."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from timApp.database.work import UnitOfWork
from timApp.guard.rules.clocks import Clocks
from timApp.guard.rules.lifetime import Event, moved_by
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.state import columns_of, is_in


def move(
    work: UnitOfWork,
    clocks: Clocks,
    event: Event,
    moment: datetime,
    *which: sa.ColumnElement[bool],
) -> list[int]:
    """Let the event happen to those sessions; return the user id of each one that changes.

    A fixed number of statements, however many sessions there are. Those that stay as they are are
    not written.
    """
    changed: list[int] = []
    for values, condition in moves(clocks, event, moment):
        statement = sa.update(UserSession).where(condition, *which).values(values)
        changed += work.session.scalars(
            statement.returning(UserSession.user_id),
            execution_options={"synchronize_session": False},
        )
    if changed:
        work.session.expire_all()
    return changed


def moves(
    clocks: Clocks, event: Event, moment: datetime
) -> Iterator[tuple[dict[str, Any], sa.ColumnElement[bool]]]:
    """Yield which values the event gives sessions, and the condition on those that get them."""
    for state, before in moved_by(event).items():
        yield columns_of(state, event, moment), is_in(before, clocks)
