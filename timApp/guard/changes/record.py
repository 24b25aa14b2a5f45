"""Writes the record of changes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from timApp.database.work import UnitOfWork
from timApp.guard.changes.change import Change
from timApp.guard.tables.change import SessionChange
from timApp.guard.tables.session import UserSession
from timApp.guard.vocabulary import Action, Actor, Cause
from timApp.user.user import User
from timApp.util.text import storable

#: So many people are named in one statement.
_CHUNK = 2_000


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
    #: Whether it is recorded though no session changed.
    stands_alone: bool = False


def record(
    work: UnitOfWork, change: Change, action: Action, moment: datetime, entries: Iterable[Entry]
) -> int | None:
    """Record a change as that action, in the same transaction; return the last entry's number.

    Entries without sessions are left out, unless they stand alone. `action` says more than the
    change's own where it is one of everybody's.
    """
    circumstances = _circumstances(change.actor, action, moment, change.reason)
    rows = [
        circumstances
        | {
            "user_id": entry.user_id,
            "session_id": entry.session_id,
            "session_count": entry.session_count,
            "cause": entry.cause,
        }
        for entry in entries
        if entry.session_count or entry.stands_alone
    ]
    if not rows:
        return None
    insert = sa.insert(SessionChange).values(rows).returning(SessionChange.id)
    return max(work.session.scalars(insert))


def record_each(  # noqa: PLR0917 - of one change
    work: UnitOfWork,
    actor: Actor,
    action: Action,
    cause: Cause,
    reason: str,
    moment: datetime,
    *which: sa.ColumnElement[bool],
) -> None:
    """Record a change of each of the sessions that meet the conditions, before it is made."""
    columns = SessionChange.__table__.c
    values = _circumstances(actor, action, moment, reason) | {"cause": cause, "session_count": 1}
    entries = sa.select(
        UserSession.user_id,
        UserSession.session_id,
        *(sa.literal(value, columns[name].type).label(name) for name, value in values.items()),
    ).where(*which)
    insert = sa.insert(SessionChange)
    work.session.execute(insert.from_select(["user_id", "session_id", *values], entries))


def record_of_people(  # noqa: PLR0917 - of one act
    work: UnitOfWork,
    actor: Actor,
    action: Action,
    user_ids: Sequence[int],
    reason: str,
    moment: datetime,
) -> None:
    """Record for each of these people what was done to their account, and to no session."""
    columns = SessionChange.__table__.c
    values = _circumstances(actor, action, moment, reason) | {"session_count": 0}
    said = [sa.literal(value, columns[name].type).label(name) for name, value in values.items()]
    insert = sa.insert(SessionChange)
    for start in range(0, len(user_ids), _CHUNK):
        are_meant = User.id.in_(user_ids[start : start + _CHUNK])
        entries = sa.select(User.id, *said).where(are_meant).order_by(User.id)
        work.session.execute(insert.from_select(["user_id", *values], entries))


def record_of_things(
    work: UnitOfWork, actor: Actor, action: Action, names: Sequence[str], moment: datetime
) -> None:
    """Record what was done to each of some documents, groups or rights, which are called so."""
    circumstances = _circumstances(actor, action, moment, "")
    rows = [
        circumstances | {"session_count": 0, "reason": storable(name)} for name in sorted(names)
    ]
    if rows:
        work.session.execute(sa.insert(SessionChange), rows)


def _circumstances(actor: Actor, action: Action, moment: datetime, reason: str) -> dict[str, Any]:
    return {
        "at": moment,
        "actor_kind": actor.kind,
        "actor": storable(actor.name),
        "address": actor.address and storable(actor.address),
        "action": action,
        "reason": storable(reason) or None,
    }
