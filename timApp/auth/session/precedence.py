"""The order in which the changes of a person's sessions stand, whichever order they arrive in.

A host hears of changes late, twice, or never; the one that was made last has to hold on every host.
So each change has a stamp, and each host remembers those that still count: the latest that settles
the state of all sessions of a person, and the later ones that settle that of a single session.
Logins and logouts happen on one host only, and are not ordered.

These work in the transaction of `timApp.timdb.sqa.db.session`, leave the commit to their caller,
and need the users locked (`timApp.user.user.lock_user`): looking up and noting are one step.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.auth.session.change import Action, enum_column
from timApp.timdb.sqa import Model, db
from timApp.user.user import User
from timApp.util.stamp import Stamp, next_stamp


class SessionOrder(Model):
    """One change that still counts: none of those that are noted overwrites it."""

    __tablename__ = "sessionorder"

    id: orm.Mapped[int] = orm.mapped_column(
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True
    )
    #: Whose sessions were changed; None when it was everybody's.
    user_id: orm.Mapped[int | None] = orm.mapped_column(sa.ForeignKey("useraccount.id"))
    #: The two parts of the change's stamp. Hosts choose these, so nothing relies on their being
    #: unique.
    at: orm.Mapped[datetime]
    change_id: orm.Mapped[str]
    action: orm.Mapped[Action] = orm.mapped_column(enum_column(Action))
    #: The session that was named; None when all were meant, or there was none to verify.
    session_id: orm.Mapped[str | None]

    __table_args__ = (sa.Index("ix_sessionorder_user_id", "user_id", "at"),)


@dataclass(frozen=True)
class OrderedChange:
    """One change of a person's sessions, and when it was made."""

    stamp: Stamp
    action: Action
    session_id: str | None

    @property
    def is_whole(self) -> bool:
        """Whether the change settles the state of all sessions, and not of the named one only."""
        return self.action is not Action.INVALIDATE or self.session_id is None

    def overwrites(self, other: "OrderedChange") -> bool:
        """Return whether nothing is left of `other`, a change of the same person, after this."""
        return self.is_whole or (not other.is_whole and other.session_id == self.session_id)


@dataclass(frozen=True)
class Placement:
    """What becomes of a change."""

    stamp: Stamp
    #: False for one that is known already, and for one that a later change overwrites.
    takes_effect: bool
    #: Whether the session that is verified becomes active; False if a later change invalidated it.
    may_activate: bool


def placement_of(change: OrderedChange, known: Collection[OrderedChange]) -> Placement:
    """Return what becomes of a change after the `known` ones of the same person.

    One that arrives again is overwritten by itself, or by what has overwritten it before.
    """
    later = [one for one in known if one.stamp >= change.stamp]
    takes_effect = not any(one.overwrites(change) for one in later)
    # What is later, and yet does not overwrite the change, invalidates one session each.
    may_activate = takes_effect and all(one.session_id != change.session_id for one in later)
    return Placement(change.stamp, takes_effect=takes_effect, may_activate=may_activate)


def place_change(
    user_id: int, action: Action, session_id: str | None, stamp: Stamp | None
) -> Placement:
    """Note a change of one person's sessions if it takes effect; return what becomes of it.

    Without a stamp it is made now, and later than all that is known: it takes effect even if the
    clock of this host is behind that of another.
    """
    known = _known_changes(user_id)
    change = OrderedChange(
        stamp or next_stamp(max((one.stamp.at for one in known), default=None)), action, session_id
    )
    placement = placement_of(change, known)
    if placement.takes_effect:
        _replace(
            [_row(user_id, change)],
            SessionOrder.user_id == user_id,
            SessionOrder.at < change.stamp.at,
            sa.true() if change.is_whole else _is_partial(SessionOrder.session_id == session_id),
        )
    return placement


def place_changes(action: Action, sessions: Collection[tuple[int, str]]) -> None:
    """Note changes that are made now, each of a user's session: later than all that is known."""
    owners = {user_id for user_id, _ in sessions}
    at = _time_of_change(SessionOrder.user_id.in_(owners) | SessionOrder.user_id.is_(None))
    key = sa.tuple_(SessionOrder.user_id, SessionOrder.session_id)
    _replace(
        [
            _row(user_id, OrderedChange(Stamp(at), action, session_id))
            for user_id, session_id in sessions
        ],
        SessionOrder.user_id.in_(owners),
        sa.true() if action is Action.VERIFY else _is_partial(key.in_(sessions)),
    )


def place_change_of_everybody(action: Action) -> None:
    """Note a change of all sessions that is made now, later than all that is known.

    It overwrites whatever is noted. It is noted also if it finds all sessions as they should be:
    an older change that arrives afterwards is overwritten all the same.
    """
    change = OrderedChange(Stamp(_time_of_change(sa.true())), action, None)
    _replace([_row(None, change)], sa.true())


def next_stamp_of(username: str) -> Stamp:
    """Return the stamp of a change that is made now, later than all that is known of the person."""
    user = User.get_by_name(username)
    of_everybody = SessionOrder.user_id.is_(None)
    if user is None:
        return Stamp(_time_of_change(of_everybody))
    return Stamp(_time_of_change(of_everybody | (SessionOrder.user_id == user.id)))


def _known_changes(user_id: int) -> list[OrderedChange]:
    query = sa.select(
        SessionOrder.at, SessionOrder.change_id, SessionOrder.action, SessionOrder.session_id
    ).where((SessionOrder.user_id == user_id) | SessionOrder.user_id.is_(None))
    return [
        OrderedChange(Stamp(row.at, row.change_id), row.action, row.session_id)
        for row in db.session.execute(query)
    ]


def _time_of_change(which: sa.ColumnElement[bool]) -> datetime:
    """Return the time of a change that is made now, after the noted ones."""
    latest = db.session.scalar(sa.select(sa.func.max(SessionOrder.at)).where(which))
    return next_stamp(latest).at


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


def _replace(rows: list[dict[str, object]], *overwritten: sa.ColumnElement[bool]) -> None:
    db.session.execute(
        sa.delete(SessionOrder).where(*overwritten),
        execution_options={"synchronize_session": False},
    )
    db.session.execute(sa.insert(SessionOrder).values(rows))
