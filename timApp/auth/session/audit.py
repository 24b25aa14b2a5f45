"""Writes the record of changes."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from timApp.auth.session.change import Action, SessionChange
from timApp.auth.sessioninfo import current_actor
from timApp.timdb.sqa import db
from timApp.util.clock import now


def record_change(
    action: Action,
    *,
    user_id: int | None = None,
    session_id: str | None = None,
    session_count: int,
    reason: str = "",
) -> None:
    """Record that who is asking changed sessions, in the same transaction.

    `user_id` is None when everybody's sessions were changed, `session_id` is None when no session
    was named; `reason` is free text. Nothing is recorded when no session changed.
    """
    if session_count == 0:
        return
    entry = {"user_id": user_id, "session_id": session_id, "session_count": session_count}
    db.session.add(SessionChange(**_circumstances(action, reason), **entry))


def record_changes(
    action: Action, changes: Iterable[tuple[int, str, int]], reason: str = ""
) -> None:
    """Record changes of several sessions in one statement.

    Each is a user id, the session that was named, and how many of the user's sessions changed.
    One without any is not recorded.
    """
    circumstances = _circumstances(action, reason) | {"at": now()}
    entries = [
        {"user_id": user_id, "session_id": session_id, "session_count": count}
        for user_id, session_id, count in changes
        if count
    ]
    if entries:
        db.session.execute(
            sa.insert(SessionChange).values([circumstances | entry for entry in entries])
        )


def _circumstances(action: Action, reason: str) -> dict[str, Any]:
    actor = current_actor()
    return {
        "actor_kind": actor.kind,
        "actor": actor.name,
        "address": actor.address,
        "action": action,
        "reason": reason or None,
    }
