"""How many logins, blocked logins, verifications and invalidations there were when."""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from itertools import pairwise

import sqlalchemy as sa

from timApp.database.dialects.types import UTCDateTime
from timApp.database.work import UnitOfWork
from timApp.guard.rules.clocks import Clocks
from timApp.guard.tables.change import SessionChange
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.state import is_active, is_blocked
from timApp.guard.vocabulary import Action


class Series(Enum):
    """What is counted, and the changes that count as it; many at once count as one."""

    LOGINS = (Action.LOGIN,)
    BLOCKED_LOGINS = (Action.BLOCKED_LOGIN,)
    VERIFICATIONS = (Action.VERIFY, Action.VERIFY_ALL)
    INVALIDATIONS = (Action.INVALIDATE, Action.INVALIDATE_ALL)


_SERIES_OF_ACTION = {action: series for series in Series for action in series.value}


def count_active(
    work: UnitOfWork, clocks: Clocks, *which: sa.ColumnElement[bool]
) -> tuple[int, int]:
    """Return the number of active sessions that meet the conditions, and of whom they are."""
    query = sa.select(sa.func.count(), sa.func.count(UserSession.user_id.distinct())).where(
        is_active(clocks), *which
    )
    sessions, people = work.session.execute(query).one()
    return sessions, people


def count_blocked(work: UnitOfWork) -> int:
    """Return how many sessions are blocked until a supervisor verifies, or they are ended."""
    return work.session.scalars(sa.select(sa.func.count()).where(is_blocked())).one()


def count_changes(
    work: UnitOfWork, of_borders: Sequence[datetime], *which: sa.ColumnElement[bool]
) -> dict[Series, list[int]]:
    """Return how often each happened in each interval; the end of one is no part of it.

    Those changes count that meet the conditions. One statement, which reads those changes only that
    lie between the borders.
    """
    interval = (
        sa.values(
            sa.column("number", sa.Integer),
            sa.column("start", UTCDateTime),
            sa.column("end", UTCDateTime),
            name="interval",
        )
        .data([(number, *ends) for number, ends in enumerate(pairwise(of_borders))])
        .cte("between")
    )
    query = (
        sa.select(interval.c.number, SessionChange.action, sa.func.count())
        .join(
            SessionChange,
            sa.and_(SessionChange.at >= interval.c.start, SessionChange.at < interval.c.end),
        )
        .where(*which)
        .group_by(interval.c.number, SessionChange.action)
    )
    counts = {series: [0] * (len(of_borders) - 1) for series in Series}
    for number, action, how_many in work.session.execute(query):
        if action in _SERIES_OF_ACTION:
            counts[_SERIES_OF_ACTION[action]][number] += how_many
    return counts
