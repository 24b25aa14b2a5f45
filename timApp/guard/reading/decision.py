"""What was decided about a person's sessions last, so that nobody decides unaware of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.work import UnitOfWork
from timApp.guard.tables.change import OF_ACCOUNTS, OF_THINGS, SessionChange, is_of_everybody
from timApp.guard.vocabulary import Action, ActorKind
from timApp.user.user import User

#: What is decided about one person; what the person does is none of it.
_ABOUT_ONE = (
    *(Action.VERIFY, Action.INVALIDATE, Action.END, Action.PAUSE, Action.UNDO),
    *(Action.DISABLE, Action.ENABLE, Action.DELETE),
)
_FIELDS = (
    SessionChange.id,
    SessionChange.action,
    SessionChange.actor_kind,
    SessionChange.actor,
    SessionChange.at,
)
_ABOUT_ALL = (Action.VERIFY_ALL, Action.INVALIDATE_ALL)


@dataclass(frozen=True)
class Decision:
    """An entry of the record that changed a person's sessions, or everybody's."""

    #: Of the entry; a later one has a greater number.
    number: int
    action: Action
    actor_kind: ActorKind
    actor: str
    at: datetime


@dataclass(frozen=True)
class PersonsDecision(Decision):
    """A decision about one person."""

    user_id: int
    user_name: str
    real_name: str


def last_decision(work: UnitOfWork, user_id: int) -> Decision | None:
    """Return what was decided last about the person, or everybody; None if nothing ever was.

    Logins, and what the person does to their own sessions, are none.
    """
    about_one = SessionChange.action.in_(_ABOUT_ONE)
    return _last(work, user_id, about_one, SessionChange.action.in_(_ABOUT_ALL))


def last_entry(work: UnitOfWork, user_id: int) -> Decision | None:
    """Return what has happened last to the person's sessions, or everybody's, by whomever."""
    of_sessions = SessionChange.action.not_in(OF_ACCOUNTS | OF_THINGS)
    return _last(work, user_id, of_sessions, sa.true())


def decisions_numbered(work: UnitOfWork, numbers: Sequence[int]) -> list[PersonsDecision]:
    """Return the decisions about one person each that have these numbers, in their order.

    Other entries of the record, and numbers of none, are left out.
    """
    query = (
        sa.select(*_FIELDS, User.id, User.name, User.real_name)
        .join(User, User.id == SessionChange.user_id)
        .where(SessionChange.id.in_(numbers), SessionChange.action.in_(_ABOUT_ONE))
        .order_by(SessionChange.id)
    )
    return [PersonsDecision(*row) for row in work.session.execute(query)]


def undone_among(work: UnitOfWork, decisions: Sequence[Decision]) -> set[int]:
    """Return the numbers of those of these decisions, about one person each, that were undone.

    It is one look-up. Only what happened last to somebody can be undone, so what was undone is just
    before that.
    """
    later = orm.aliased(SessionChange)
    next_action = (
        sa.select(later.action)
        .where(
            later.user_id == SessionChange.user_id,
            later.id > SessionChange.id,
            later.action.not_in(OF_ACCOUNTS | OF_THINGS),
        )
        .order_by(later.id)
        .limit(1)
        .scalar_subquery()
    )
    return set(
        work.session.scalars(
            sa.select(SessionChange.id).where(
                SessionChange.id.in_([one.number for one in decisions]),
                next_action == Action.UNDO,
            )
        )
    )


def _last(
    work: UnitOfWork,
    user_id: int,
    about_one: sa.ColumnElement[bool],
    about_all: sa.ColumnElement[bool],
) -> Decision | None:
    found = [
        work.session.execute(
            sa.select(*_FIELDS).where(is_whose, is_meant).order_by(SessionChange.id.desc()).limit(1)
        ).first()
        for is_whose, is_meant in (
            (SessionChange.user_id == user_id, about_one),
            (is_of_everybody(), about_all),
        )
    ]
    decisions = [Decision(*row) for row in found if row is not None]
    return max(decisions, key=lambda one: one.number, default=None)
