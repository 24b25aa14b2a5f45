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
    #: About an exam.
    HOURS = "hours"
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
    Period.HOURS: lazy_gettext("Last 4 hours"),
    Period.DAY: lazy_gettext("Last 24 hours"),
    Period.WEEK: lazy_gettext("Last 7 days"),
    Period.MONTH: lazy_gettext("Last 30 days"),
}
_LENGTHS = {
    Period.HOUR: timedelta(hours=1),
    Period.HOURS: timedelta(hours=4),
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
    Period.HOURS: Intervals(48, timedelta(minutes=5), Unit.TIME, label_step=12),
    Period.DAY: Intervals(24, timedelta(hours=1), Unit.TIME, label_step=6),
    Period.WEEK: Intervals(7, timedelta(days=1), Unit.WEEKDAY, label_step=1),
    Period.MONTH: Intervals(30, timedelta(days=1), Unit.DAY, label_step=7),
}


#: The intervals that a time of any length may be divided into, in minutes, and how many at most.
_MINUTES = (5, 10, 15, 30, 60)
_MOST = 48
_LABELS_OF_AXIS = 4


def borders(period: Period, moment: datetime, zone: BaseTzInfo) -> list[datetime]:
    """Return where the intervals of the period begin and where the last one ends, in UTC.

    They begin at round times of the clocks in `zone`; the moment lies in the last one.
    """
    return borders_of(INTERVALS[period], moment, zone)


def intervals_between(start: datetime, last: datetime, zone: BaseTzInfo) -> Intervals:
    """Return into what the time from the start to a later moment, which is part of it, is divided.

    Into as short ones as there are not too many of; the last one has that moment.
    """
    minutes = next(
        (one for one in _MINUTES if last - start <= _MOST * timedelta(minutes=one)), None
    )
    if minutes is None:
        number = (last.astimezone(zone).date() - start.astimezone(zone).date()).days + 1
        return Intervals(number, timedelta(days=1), Unit.DAY, _label_step(number))
    length = timedelta(minutes=minutes)
    number = -((start - _round_time(last, minutes, zone)) // length) + 1
    return Intervals(number, length, Unit.TIME, _label_step(number))


def borders_of(intervals: Intervals, moment: datetime, zone: BaseTzInfo) -> list[datetime]:
    """Return where the intervals begin, of which the last one has the moment; see `borders`."""
    local = moment.astimezone(zone)
    steps = range(1 - intervals.number, 2)
    if intervals.length >= timedelta(days=1):
        return [start_of_day(local.date() + timedelta(days=step), zone) for step in steps]
    start = _round_time(moment, intervals.length // timedelta(minutes=1), zone)
    return [start + step * intervals.length for step in steps]


def _round_time(moment: datetime, minutes: int, zone: BaseTzInfo) -> datetime:
    """Return the latest round time of the clocks in the zone that is not after the moment."""
    local = moment.astimezone(zone)
    return moment - timedelta(
        minutes=local.minute % minutes, seconds=local.second, microseconds=local.microsecond
    )


def _label_step(number: int) -> int:
    return max(number // _LABELS_OF_AXIS, 1)
