"""What a request needs to pass, and when it is written down that a session was seen."""

from timApp.util.clock import CLOCK_LEEWAY

#: How old the time at which an active session was last seen may become, in seconds.
SEEN_INTERVAL_ACTIVE = 60
#: The same for an expired session, which may be waiting for verification.
SEEN_INTERVAL_EXPIRED = 10
_TO_COME = -CLOCK_LEEWAY.total_seconds()


def needs_active_session(*, tracking_enabled: bool, is_admin: bool) -> bool:
    """Tell whether somebody who is logged in needs an active session.

    They do not while tracking is off, and administrators never do.
    """
    return tracking_enabled and not is_admin


def is_seen_due(last_seen_at: float | None, moment: float, interval: float) -> bool:
    """Tell whether it is time to write down that a session was seen.

    It is when that is `interval` seconds ago, and, too, if it was seen at a time that is still to
    come: the clock was set back. Times are seconds since 1970, which takes a part of what is worked
    out with dates, at each request.
    """
    if last_seen_at is None:
        return True
    return not _TO_COME <= moment - last_seen_at < interval
