"""Writes the record of changes."""

from timApp.auth.session.change import Action, SessionChange
from timApp.auth.sessioninfo import current_actor
from timApp.timdb.sqa import db


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
    actor = current_actor()
    db.session.add(
        SessionChange(
            actor_kind=actor.kind,
            actor=actor.name,
            address=actor.address,
            action=action,
            user_id=user_id,
            session_id=session_id,
            session_count=session_count,
            reason=reason or None,
        )
    )
