"""Undoes what somebody has decided about a person: all is as it was before."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from timApp.database.work import UnitOfWork
from timApp.guard.changes.change import Change, OnePerson, Receipt
from timApp.guard.changes.lock import lock_people
from timApp.guard.changes.record import Entry, record
from timApp.guard.reading.decision import last_entry
from timApp.guard.tables.hold import SessionHold
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.state import is_open
from timApp.guard.tables.undo import Undoable
from timApp.guard.vocabulary import Action, Actor, Cause
from timApp.guard.waiting.codes import stop_waiting
from timApp.util.clock import now
from timApp.util.errors import Conflict
from timApp.util.text import quoted


@dataclass(frozen=True)
class Former:
    """What there was of a person: their open sessions, and what was not settled."""

    sessions: list[dict[str, Any]]
    holds: list[dict[str, Any]]


_STATE = ("expired_at", "logged_out_at", "verified_at", "cause")
_HOLD = ("session_id", "since", "exam_id")


def look_before(work: UnitOfWork, user_id: int) -> Former:
    """Return what there is of the person, who is locked."""
    sessions = sa.select(UserSession.session_id, *(getattr(UserSession, one) for one in _STATE))
    holds = sa.select(*(getattr(SessionHold, one) for one in _HOLD))
    return Former(
        [
            dict(row)
            for row in work.session.execute(
                sessions.where(UserSession.user_id == user_id, is_open())
            ).mappings()
        ],
        [
            dict(row)
            for row in work.session.execute(holds.where(SessionHold.user_id == user_id)).mappings()
        ],
    )


def keep(work: UnitOfWork, number: int, user_id: int, former: Former) -> None:
    """Keep what there was before the entry of that number; of a person the last one is kept."""
    work.session.execute(sa.delete(Undoable).where(Undoable.user_id == user_id))
    work.session.add(Undoable(change_id=number, user_id=user_id, before=_written(former)))
    work.session.flush()


def can_be_undone(work: UnitOfWork, user_id: int, number: int) -> bool:
    """Tell whether the decision with that number is kept, and nothing has happened since."""
    kept = sa.select(Undoable.change_id).where(
        Undoable.user_id == user_id, Undoable.change_id == number
    )
    return work.session.scalar(kept) is not None and _is_last(work, user_id, number)


def undo(work: UnitOfWork, person: OnePerson, number: int, actor: Actor) -> Receipt:
    """Let the person's sessions, and what was not settled of them, be as before that decision.

    `Conflict` if it was undone already, cannot be undone, or if anything has happened to their
    sessions since, a login included: then nothing changes. It is recorded. Nothing is committed.
    """
    change = Change(Action.UNDO, person, actor)
    user_id = person.user_id
    kept = None
    if user_id is not None and lock_people(work, [user_id]):
        kept = work.session.get(Undoable, number, populate_existing=True)
    if (
        user_id is None
        or kept is None
        or kept.user_id != user_id
        or not _is_last(work, user_id, number)
    ):
        raise Conflict(
            "It cannot be undone any more: something has happened to the sessions of %(name)s"
            " since. Nothing was changed.",
            field="number",
            name=quoted(person.name),
        )
    former = _read(kept.before)
    work.session.delete(kept)
    for row in former.sessions:
        is_it = (UserSession.user_id == user_id, UserSession.session_id == row.pop("session_id"))
        work.session.execute(sa.update(UserSession).where(*is_it).values(row))
    work.session.execute(sa.delete(SessionHold).where(SessionHold.user_id == user_id))
    if former.holds:
        rows = [row | {"user_id": user_id} for row in former.holds]
        work.session.execute(sa.insert(SessionHold).values(rows))
    work.session.expire_all()
    stop_waiting(work, [user_id])
    entry = Entry(user_id, None, len(former.sessions), stands_alone=True)
    entry_number = record(work, change, change.action, now(), [entry])
    return Receipt(change, changed=len(former.sessions), number=entry_number)


def _is_last(work: UnitOfWork, user_id: int, number: int) -> bool:
    """Tell whether nothing has happened to the person since the entry of that number."""
    last = last_entry(work, user_id)
    return last is not None and last.number == number


def _written(former: Former) -> str:
    def plain(value: object) -> object:
        if isinstance(value, datetime):
            return value.isoformat()
        return value.value if isinstance(value, Cause) else value

    return json.dumps(
        [
            [{name: plain(value) for name, value in row.items()} for row in rows]
            for rows in (former.sessions, former.holds)
        ]
    )


def _read(text: str) -> Former:
    sessions, holds = json.loads(text)
    for row in sessions:
        for name in ("expired_at", "logged_out_at", "verified_at"):
            row[name] = _moment(row[name])
        row["cause"] = None if row["cause"] is None else Cause(row["cause"])
    for row in holds:
        row["since"] = _moment(row["since"])
    return Former(sessions, holds)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
