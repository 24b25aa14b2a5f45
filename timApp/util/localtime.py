"""Days and hours as the reader's clock shows them: marks of an axis, borders of intervals."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from itertools import chain, count, product

from pytz import BaseTzInfo

from timApp.util.errors import BadInput
from timApp.util.text import quoted

#: A date without a time.
_DATE = re.compile(r"[0-9]{4}-?(?:[0-9]{4}|[0-9]{2}-[0-9]{2}|W[0-9]{2}-?[0-9]?)")
_MINUTE_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720)
_DAY_STEPS = (1, 2, 7, 14)
_MONTH_STEPS = (1, 2, 3, 6, 12)
_DAYS_OF_MONTH = 30.5
# No clock has ever been set by more, apart from whole days that were left out.
_LARGEST_CHANGE_OF_CLOCK = timedelta(hours=3)


class Unit(Enum):
    """What the label of a tick has to say."""

    TIME = "time"
    DAY = "day"
    WEEKDAY = "weekday"
    MONTH = "month"


@dataclass(frozen=True)
class Tick:
    """A mark of an axis of time."""

    at: datetime
    unit: Unit


def moments_of(wall: datetime, zone: BaseTzInfo) -> list[datetime]:
    """Return when clocks in the zone show a date and time (naive), in UTC and in order.

    That is once as a rule, twice in the hour that is repeated, never in the one that is left out.
    """
    found = sorted(set(span_of(wall, zone)))
    return [one for one in found if one.astimezone(zone).replace(tzinfo=None) == wall]


def span_of(wall: datetime, zone: BaseTzInfo) -> tuple[datetime, datetime]:
    """Return the earliest and the latest moment, in UTC, that a date and time (naive) may mean.

    They are the same as a rule, and lie apart by the change of clocks in the hour that is repeated
    and in the one that is left out. `OverflowError` for what no clock of the zone will ever show.
    """
    first, second = (zone.localize(wall, is_dst=is_dst).astimezone(UTC) for is_dst in (True, False))
    return min(first, second), max(first, second)


def moment_of(text: str, zone: BaseTzInfo, field: str) -> datetime:
    """Return the moment that a text means: date and time of ISO 8601, with an offset or without.

    Without one, it is what clocks in the zone show. `BadInput` for the field if it is no date and
    time, and if clocks never show it, or do so twice.
    """
    try:
        wall = datetime.fromisoformat(text)
        if _DATE.fullmatch(text):
            raise ValueError
        if wall.tzinfo is not None:
            return wall.astimezone(UTC)
        found = moments_of(wall, zone)
    except (ValueError, OverflowError):
        raise BadInput(
            "%(value)s is no date and time. Write it like this: 2026-05-04T09:30.",
            field=field,
            value=quoted(text),
        ) from None
    if len(found) == 1:
        return found[0]
    if found:
        raise BadInput(
            "%(value)s comes twice in %(zone)s, as clocks are set back then. Write the offset, too,"
            " like this: 2026-05-04T09:30+03:00.",
            field=field,
            value=quoted(text),
            zone=str(zone),
        )
    raise BadInput(
        "%(value)s never comes in %(zone)s, as clocks are set forward then.",
        field=field,
        value=quoted(text),
        zone=str(zone),
    )


def start_of_day(day: date, zone: BaseTzInfo) -> datetime:
    """Return the first moment of a day, in UTC; not every day begins at midnight."""
    midnight = datetime.combine(day, time())
    found = span_of(midnight, zone)
    return min(moment for moment in found if moment.astimezone(zone).date() >= day)


def ticks(start: datetime, end: datetime, zone: BaseTzInfo, most: int = 6) -> list[Tick]:
    """Return at most `most` ticks from start to end, at round times of the zone's clocks."""
    room = (end - start) / (most - 1)
    minutes = next((step for step in _MINUTE_STEPS if timedelta(minutes=step) >= room), None)
    days = next((step for step in _DAY_STEPS if timedelta(days=step) >= room), None)
    found: Iterable[Tick]
    if minutes is not None:
        found = _time_ticks(start, end, zone, minutes)
    elif days is not None:
        found = _day_ticks(start, end, zone, days)
    else:
        found = _month_ticks(start, end, zone, room)
    return [tick for tick in found if start <= tick.at <= end]


def _time_ticks(start: datetime, end: datetime, zone: BaseTzInfo, step: int) -> Iterator[Tick]:
    first = start.astimezone(zone).replace(tzinfo=None) - _LARGEST_CHANGE_OF_CLOCK
    last = end.astimezone(zone).replace(tzinfo=None) + _LARGEST_CHANGE_OF_CLOCK
    for day, minute in product(_days(first.date(), last.date()), range(0, 24 * 60, step)):
        wall = datetime.combine(day, time()) + timedelta(minutes=minute)
        if first <= wall <= last:
            unit = Unit.TIME if minute else Unit.DAY
            yield from (Tick(moment, unit) for moment in moments_of(wall, zone))


def _day_ticks(start: datetime, end: datetime, zone: BaseTzInfo, step: int) -> Iterator[Tick]:
    for day in _days(start.astimezone(zone).date(), end.astimezone(zone).date()):
        if (day.toordinal() - 1) % step == 0:  # steps of weeks are Mondays
            yield Tick(start_of_day(day, zone), Unit.DAY)


def _month_ticks(
    start: datetime, end: datetime, zone: BaseTzInfo, room: timedelta
) -> Iterator[Tick]:
    years = (12 * number for number in count(2))
    steps = chain(_MONTH_STEPS, years)
    step = next(step for step in steps if timedelta(days=step * _DAYS_OF_MONTH) >= room)
    first, last = (_month_number(moment.astimezone(zone)) for moment in (start, end))
    for number in range(first - first % step, last + 1, step):
        yield Tick(start_of_day(date(number // 12, number % 12 + 1, 1), zone), Unit.MONTH)


def _month_number(day: date) -> int:
    return day.year * 12 + day.month - 1


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))
