"""The stretches of time that an administrator can choose to look back at, and their intervals."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from flask_babel import lazy_gettext
from pytz import BaseTzInfo

from timApp.util.errors import BadInput
from timApp.util.localtime import Unit, start_of_day
from timApp.util.text import quoted


class Period(Enum):
    """How far back; the value is what stands in an address."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return _LENGTHS[self]

    @property
    def label(self) -> str:
        """Its name in the reader's language."""
        return str(_LABELS[self])


_LABELS = {
    Period.HOUR: lazy_gettext("Last hour"),
    Period.DAY: lazy_gettext("Last 24 hours"),
    Period.WEEK: lazy_gettext("Last 7 days"),
    Period.MONTH: lazy_gettext("Last 30 days"),
}
_LENGTHS = {
    Period.HOUR: timedelta(hours=1),
    Period.DAY: timedelta(days=1),
    Period.WEEK: timedelta(days=7),
    Period.MONTH: timedelta(days=30),
}


def read_period(text: str) -> Period:
    """Return the period of that value; `BadInput` (field ``period``) if there is none."""
    try:
        return Period(text)
    except ValueError as error:
        raise BadInput(
            "There is no period %(name)s; choose one of: %(known)s.",
            field="period",
            name=quoted(text),
            known=", ".join(period.value for period in Period),
        ) from error


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
