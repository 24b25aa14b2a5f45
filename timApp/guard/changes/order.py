"""Notes which changes of sessions still count; `timApp.guard.rules.precedence` says which do.

Needs the people locked (`timApp.guard.changes.lock`): looking up and noting are one step.
"""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from timApp.database.work import UnitOfWork
from timApp.guard.rules.precedence import OrderedChange, Placement, placement_of
from timApp.guard.tables.order import SessionOrder
from timApp.guard.vocabulary import Action, SessionKey
from timApp.util.stamp import Stamp, next_stamp


def place_change(
    work: UnitOfWork, user_id: int, action: Action, session_id: str | None, stamp: Stamp | None
) -> Placement:
    """Note a change of one person's sessions if it takes effect; return what becomes of it.

    Without a stamp it is made now, and later than all that is known: it takes effect even if the
    clock of this host is slower than that of another.
    """
    known = _known_changes(work, user_id)
    change = OrderedChange(
        stamp or next_stamp(max((one.stamp.at for one in known), default=None)), action, session_id
    )
    placement = placement_of(change, known)
    if placement.takes_effect:
        _replace(
            work,
            [_row(user_id, change)],
            SessionOrder.user_id == user_id,
            SessionOrder.at < change.stamp.at,
            sa.true() if change.is_whole else _is_partial(SessionOrder.session_id == session_id),
        )
    return placement


def place_changes(work: UnitOfWork, action: Action, sessions: Collection[SessionKey]) -> Stamp:
    """Note changes that are made now, each of a user's session; return the latest stamp.

    They are later than all that is known.
    """
    owners = {user_id for user_id, _ in sessions}
    stamp = _next_stamp(work, SessionOrder.user_id.in_(owners) | SessionOrder.user_id.is_(None))
    key = sa.tuple_(SessionOrder.user_id, SessionOrder.session_id)
    _replace(
        work,
        [
            _row(user_id, OrderedChange(Stamp(stamp.at), action, session_id))
            for user_id, session_id in sessions
        ],
        SessionOrder.user_id.in_(owners),
        sa.true() if action is Action.VERIFY else _is_partial(key.in_(sessions)),
    )
    return stamp


def place_change_of_everybody(work: UnitOfWork, action: Action) -> Stamp:
    """Note a change of all sessions that is made now, later than all that is known; return when.

    It overwrites whatever is noted. It is noted also if it finds all sessions as they should be:
    an older change that arrives afterwards is overwritten all the same.
    """
    change = OrderedChange(_next_stamp(work, sa.true()), action, None)
    _replace(work, [_row(None, change)], sa.true())
    return change.stamp


def next_stamp_of(work: UnitOfWork, user_id: int | None) -> Stamp:
    """Return the stamp of a change that is made now, later than all that is known of the person.

    None is somebody whom this server does not know.
    """
    of_everybody = SessionOrder.user_id.is_(None)
    if user_id is None:
        return _next_stamp(work, of_everybody)
    return _next_stamp(work, of_everybody | (SessionOrder.user_id == user_id))


def _known_changes(work: UnitOfWork, user_id: int) -> list[OrderedChange]:
    query = sa.select(
        SessionOrder.at, SessionOrder.change_id, SessionOrder.action, SessionOrder.session_id
    ).where((SessionOrder.user_id == user_id) | SessionOrder.user_id.is_(None))
    return [
        OrderedChange(Stamp(row.at, row.change_id), row.action, row.session_id)
        for row in work.session.execute(query)
    ]


def _next_stamp(work: UnitOfWork, which: sa.ColumnElement[bool]) -> Stamp:
    """Return the stamp of a change that is made now, after the noted ones."""
    latest: datetime | None = work.session.scalar(
        sa.select(sa.func.max(SessionOrder.at)).where(which)
    )
    return next_stamp(latest)


def _is_partial(is_named: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return sa.and_(SessionOrder.action == Action.INVALIDATE, is_named)


def _row(user_id: int | None, change: OrderedChange) -> dict[str, object]:
    return {
        "user_id": user_id,
        "at": change.stamp.at,
        "change_id": change.stamp.id,
        "action": change.action,
        "session_id": change.session_id,
    }


def _replace(
    work: UnitOfWork, rows: list[dict[str, object]], *overwritten: sa.ColumnElement[bool]
) -> None:
    work.session.execute(
        sa.delete(SessionOrder).where(*overwritten),
        execution_options={"synchronize_session": False},
    )
    work.session.execute(sa.insert(SessionOrder).values(rows))
