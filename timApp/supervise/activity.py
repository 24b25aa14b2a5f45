"""How many logins, blocked logins, verifications and invalidations there were when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from itertools import pairwise

import sqlalchemy as sa
from flask_babel import lazy_gettext
from pytz import BaseTzInfo

from timApp.auth.session.change import Action, SessionChange
from timApp.supervise.localtime import Unit, start_of_day
from timApp.supervise.period import Period
from timApp.timdb.sqa import db
from timApp.timdb.types import UTCDateTime


class Series(Enum):
    """What is counted, and the changes that count as it; many at once count as one."""

    LOGINS = (Action.LOGIN,)
    BLOCKED_LOGINS = (Action.BLOCKED_LOGIN,)
    VERIFICATIONS = (Action.VERIFY, Action.VERIFY_ALL)
    INVALIDATIONS = (Action.INVALIDATE, Action.INVALIDATE_ALL)

    @property
    def label(self) -> str:
        """Its name in the reader's language."""
        return str(_LABELS[self])


_LABELS = {
    Series.LOGINS: lazy_gettext("Logins"),
    Series.BLOCKED_LOGINS: lazy_gettext("Blocked logins"),
    Series.VERIFICATIONS: lazy_gettext("Verifications"),
    Series.INVALIDATIONS: lazy_gettext("Invalidations"),
}
_SERIES_OF_ACTION = {action: series for series in Series for action in series.value}


@dataclass(frozen=True)
class Intervals:
    """Into what a period is divided: short times, or days, the last of which is not over yet."""

    #: How many there are.
    number: int
    #: How long each is; a day has 23 or 25 hours when the clocks are changed.
    length: timedelta
    #: What names one of them.
    unit: Unit
    #: On an axis, one of so many is named.
    label_step: int


INTERVALS: Mapping[Period, Intervals] = {
    Period.HOUR: Intervals(12, timedelta(minutes=5), Unit.TIME, label_step=3),
    Period.DAY: Intervals(24, timedelta(hours=1), Unit.TIME, label_step=6),
    Period.WEEK: Intervals(7, timedelta(days=1), Unit.WEEKDAY, label_step=1),
    Period.MONTH: Intervals(30, timedelta(days=1), Unit.DAY, label_step=7),
}


def borders(period: Period, moment: datetime, zone: BaseTzInfo) -> list[datetime]:
    """Return where the intervals of the period begin and where the last one ends, in UTC.

    They begin at round times of the clocks in `zone`; the moment lies in the last one.
    """
    intervals = INTERVALS[period]
    local = moment.astimezone(zone)
    steps = range(1 - intervals.number, 2)
    if intervals.length >= timedelta(days=1):
        return [start_of_day(local.date() + timedelta(days=step), zone) for step in steps]
    minutes = intervals.length // timedelta(minutes=1)
    start = moment - timedelta(
        minutes=local.minute % minutes, seconds=local.second, microseconds=local.microsecond
    )
    return [start + step * intervals.length for step in steps]


def count_changes(of_borders: Sequence[datetime]) -> dict[Series, list[int]]:
    """Return how often each happened in each interval; the end of one is no part of it.

    One statement, which reads those changes only that lie between the borders.
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
        .group_by(interval.c.number, SessionChange.action)
    )
    counts = {series: [0] * (len(of_borders) - 1) for series in Series}
    for number, action, how_many in db.session.execute(query):
        if action in _SERIES_OF_ACTION:
            counts[_SERIES_OF_ACTION[action]][number] += how_many
    return counts
