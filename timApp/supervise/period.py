"""The stretches of time that an administrator can choose to look back at."""

from datetime import timedelta
from enum import Enum

from flask_babel import gettext, lazy_gettext

from timApp.util.errors import BadInput
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
        message = gettext(
            "There is no period %(name)s; choose one of: %(known)s.",
            name=quoted(text),
            known=", ".join(period.value for period in Period),
        )
        raise BadInput(message, field="period") from error
