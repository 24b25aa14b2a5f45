"""What a request needs to pass, and when it is written down that a session was seen."""

from datetime import datetime, timedelta

from timApp.util.clock import CLOCK_LEEWAY

#: How old the time at which an active session was last seen may become.
SEEN_INTERVAL_ACTIVE = timedelta(minutes=1)
#: The same for an expired session, which may be waiting for verification.
SEEN_INTERVAL_EXPIRED = timedelta(seconds=10)
_TO_COME = -CLOCK_LEEWAY


def needs_active_session(*, tracking_enabled: bool, is_admin: bool) -> bool:
    """Tell whether somebody who is logged in needs an active session.

    They do not while tracking is off, and administrators never do.
    """
    return tracking_enabled and not is_admin


def is_seen_due(last_seen_at: datetime | None, moment: datetime, *, is_active: bool) -> bool:
    """Tell whether it is time to write down that a session was seen.

    It is, too, if it was seen at a time that is still to come: the clock was set back.
    """
    if last_seen_at is None:
        return True
    interval = SEEN_INTERVAL_ACTIVE if is_active else SEEN_INTERVAL_EXPIRED
    return not _TO_COME <= moment - last_seen_at < interval
