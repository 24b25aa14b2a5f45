"""The decisions about sessions, as pure functions."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

#: How old the time at which an active session was last seen may become.
SEEN_INTERVAL_ACTIVE = timedelta(minutes=1)
#: The same for an expired session, which may be waiting for verification.
SEEN_INTERVAL_EXPIRED = timedelta(seconds=10)


def limit_of(
    groups: Collection[str], limits_of_groups: Mapping[str, int | None], default: int | None
) -> int | None:
    """Return how many active sessions a member of the groups may have; None means any number.

    The most generous limit of the groups that have one counts, or the default if none has.
    """
    limits = [limits_of_groups[group] for group in groups if group in limits_of_groups]
    if not limits:
        return default
    return None if None in limits else max(limit for limit in limits if limit is not None)


def is_seen_due(last_seen_at: datetime | None, moment: datetime, *, is_active: bool) -> bool:
    """Tell whether it is time to write down that a session was seen."""
    interval = SEEN_INTERVAL_ACTIVE if is_active else SEEN_INTERVAL_EXPIRED
    return last_seen_at is None or moment - last_seen_at >= interval


def needs_active_session(
    *, tracking_enabled: bool, is_logged_in: bool, is_admin: bool, asks_about_self: bool
) -> bool:
    """Tell whether validity depends on an active session at all.

    It does not while tracking is off, for anonymous visitors (and outside a request, where nobody
    is logged in), for administrators, and when the question is about somebody else: the cookie
    says nothing of them.
    """
    return tracking_enabled and is_logged_in and asks_about_self and not is_admin
