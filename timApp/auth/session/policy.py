"""The decisions about sessions, as pure functions."""


def may_be_active(active_sessions: int, limit: int | None) -> bool:
    """Tell whether a new session may be active beside so many active ones of the same user.

    `limit` is the number of active sessions a user may have; None means any number.
    """
    return limit is None or active_sessions < limit


def needs_active_session(
    *, tracking_enabled: bool, is_logged_in: bool, is_admin: bool, asks_about_self: bool
) -> bool:
    """Tell whether validity depends on an active session at all.

    It does not while tracking is off, for anonymous visitors (and outside a request, where nobody
    is logged in), for administrators, and when the question is about somebody else: the cookie
    says nothing of them.
    """
    return tracking_enabled and is_logged_in and asks_about_self and not is_admin
