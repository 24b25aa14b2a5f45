"""How long what is known of sessions is kept."""

from dataclasses import dataclass
from datetime import datetime, timedelta

#: Clocks differ, and seconds of a cookie's age are rounded.
_LEEWAY = timedelta(days=1)


@dataclass(frozen=True)
class Deadlines:
    """What is to go at a moment."""

    #: Where sessions came from that began before, and where entries of the record were made from.
    texts_before: datetime
    #: Entries of the record that were made before, and sessions that began before, if they ended
    #: before `ended_before` and are not active.
    rows_before: datetime
    ended_before: datetime


@dataclass(frozen=True)
class Retention:
    """For how long sessions and the record of their changes are kept.

    For `period` from its beginning all is kept of a session; for as long again where it came from
    is forgotten; then it goes. What is active never goes, only its text does. A session that
    has ended stays in any case for as long as its cookie may be shown, `cookie_age`, and a day: it
    says that the cookie is nobody's any more.
    """

    period: timedelta
    cookie_age: timedelta

    def deadlines(self, moment: datetime) -> Deadlines:
        """Return what is to go at a moment."""
        return Deadlines(
            texts_before=moment - self.period,
            rows_before=moment - 2 * self.period,
            ended_before=moment - self.cookie_age - _LEEWAY,
        )
