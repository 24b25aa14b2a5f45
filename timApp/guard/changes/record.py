"""Writes the record of changes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from timApp.database.work import UnitOfWork
from timApp.guard.changes.change import Change
from timApp.guard.tables.change import SessionChange
from timApp.guard.vocabulary import Action, Cause
from timApp.util.text import storable


@dataclass(frozen=True)
class Entry:
    """One line of the record."""

    #: Whose sessions changed; None for everybody's.
    user_id: int | None
    #: The session that was named; None if none was.
    session_id: str | None
    session_count: int
    #: Why a login was blocked.
    cause: Cause | None = None


def record(
    work: UnitOfWork, change: Change, action: Action, moment: datetime, entries: Iterable[Entry]
) -> None:
    """Record a change as that action, in the same transaction; entries without sessions are not.

    `action` says more than the change's own where it is one of everybody's.
    """
    circumstances = {
        "at": moment,
        "actor_kind": change.actor.kind,
        "actor": storable(change.actor.name),
        "address": change.actor.address and storable(change.actor.address),
        "action": action,
        "reason": storable(change.reason) or None,
    }
    rows = [
        circumstances
        | {
            "user_id": entry.user_id,
            "session_id": entry.session_id,
            "session_count": entry.session_count,
            "cause": entry.cause,
        }
        for entry in entries
        if entry.session_count
    ]
    if rows:
        work.session.execute(sa.insert(SessionChange).values(rows))
