"""What other hosts tell of their people, in tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

#: A moment of today.
START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0"


def waits(code: str, user: str, session_id: str = "s1", **changes: object) -> dict[str, Any]:
    """Return what a host tells of somebody who waits."""
    return {
        "code": code,
        "user_name": user,
        "real_name": user.title(),
        "session_id": session_id,
        "origin": f"[10.0.0.7] {FIREFOX}",
        "since": START.isoformat(),
        **changes,
    }


def has_session(session_id: str = "s1", **changes: object) -> dict[str, Any]:
    """Return what a host tells of a session."""
    return {
        "session_id": session_id,
        "origin": f"[10.0.0.7] {FIREFOX}",
        "logged_in_at": START.isoformat(),
        "last_seen_at": None,
        "is_active": False,
        "is_logged_out": False,
        **changes,
    }
