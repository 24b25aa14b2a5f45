"""Short dates and times for axes, in the reader's language and time zone."""

from datetime import datetime

from babel.dates import format_skeleton, format_time
from flask_babel import get_locale, get_timezone
from pytz import BaseTzInfo, utc

from timApp.util.localtime import Unit

_SKELETONS = {Unit.DAY: "MMMd", Unit.WEEKDAY: "E", Unit.MONTH: "yMMM"}


def reader_zone() -> BaseTzInfo:
    """Return the reader's time zone; UTC if it is unknown."""
    return get_timezone() or utc


def time_label(at: datetime, unit: Unit) -> str:
    """Return what stands beside a mark of an axis: "10:15", "24 Nov", "Tue" or "Nov 2026"."""
    if unit is Unit.TIME:
        return format_time(at, "short", tzinfo=reader_zone(), locale=get_locale())
    return format_skeleton(_SKELETONS[unit], at, tzinfo=reader_zone(), locale=get_locale())


def is_same_day(first: datetime, second: datetime) -> bool:
    """Tell whether the reader's calendar shows the same date at both moments."""
    zone = reader_zone()
    return first.astimezone(zone).date() == second.astimezone(zone).date()
