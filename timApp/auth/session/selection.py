"""Changes of several sessions that somebody has picked: a fixed number of statements in all.

These work in the transaction of `timApp.timdb.sqa.db.session` and leave the commit to their caller.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext

from timApp.auth.session.audit import record_changes
from timApp.auth.session.change import Action
from timApp.auth.session.model import UserSession
from timApp.auth.session.precedence import place_changes
from timApp.auth.session.waiting import stop_waiting
from timApp.timdb.sqa import db
from timApp.user.user import User, lock_users
from timApp.util.clock import now
from timApp.util.errors import BadInput, Conflict, NotFound
from timApp.util.text import quoted

#: What names a session: user id and session id.
SessionKey = tuple[int, str]

_Found = sa.Row[int, str, datetime | None, datetime | None, str]
_key = sa.tuple_(UserSession.user_id, UserSession.session_id)


@dataclass(frozen=True)
class SelectionEffect:
    """What a change of picked sessions has come to."""

    activated: int
    expired: int


def verify_selected(sessions: Collection[SessionKey], reason: str = "") -> SelectionEffect:
    """Make those sessions active, and expire the other sessions of the same people.

    Each person's change is recorded by itself; repeating it changes nothing. Nothing is changed
    either after `NotFound` (a session that does not exist), `Conflict` (one that is logged out)
    or `BadInput` (none at all, or two of one person); each has the field ``session``.
    """
    chosen = set(sessions)
    found = _locked_sessions(chosen)
    for row in found:
        if row.logged_out_at is not None:
            msg = gettext(
                "The session %(session)s of %(name)s is logged out; they have to log in again."
                " Nothing was changed.",
                session=quoted(row.session_id),
                name=quoted(row.name),
            )
            raise Conflict(msg, field="session")
    for name, count in Counter(row.name for row in found).items():
        if count > 1:
            msg = gettext(
                "Only one session of a person can be verified, and %(name)s has more than one"
                " among those selected. Nothing was changed.",
                name=quoted(name),
            )
            raise BadInput(msg, field="session")
    place_changes(Action.VERIFY, chosen)
    owners = [user_id for user_id, _ in chosen]
    is_other = sa.and_(UserSession.user_id.in_(owners), _key.not_in(chosen))
    expired = _users_of_changed(UserSession.expired_at.is_(None), is_other, expired_at=now())
    activated = _users_of_changed(
        UserSession.expired_at.is_not(None), _key.in_(chosen), expired_at=None
    )
    stop_waiting(owners)
    counts = Counter(expired + activated)
    record_changes(Action.VERIFY, [(*key, counts[key[0]]) for key in sorted(chosen)], reason)
    return SelectionEffect(activated=len(activated), expired=len(expired))


def invalidate_selected(sessions: Collection[SessionKey], reason: str = "") -> SelectionEffect:
    """Expire those sessions; one that is expired keeps the time when that happened.

    Each session that changes is recorded by itself. Nothing is changed after `NotFound` (a session
    that does not exist) or `BadInput` (none at all); both have the field ``session``.
    """
    chosen = set(sessions)
    active = [
        (row.user_id, row.session_id) for row in _locked_sessions(chosen) if row.expired_at is None
    ]
    place_changes(Action.INVALIDATE, chosen)
    expired = _users_of_changed(
        UserSession.expired_at.is_(None), _key.in_(chosen), expired_at=now()
    )
    record_changes(Action.INVALIDATE, [(*key, 1) for key in active], reason)
    return SelectionEffect(activated=0, expired=len(expired))


def _locked_sessions(chosen: Collection[SessionKey]) -> list[_Found]:
    """Return the sessions with their users' names, by user; nobody else changes them from now."""
    if not chosen:
        raise BadInput(gettext("Select at least one session."), field="session")
    lock_users([user_id for user_id, _ in chosen])
    query = (
        sa.select(
            UserSession.user_id,
            UserSession.session_id,
            UserSession.expired_at,
            UserSession.logged_out_at,
            User.name,
        )
        .join(User, User.id == UserSession.user_id)
        .where(_key.in_(chosen))
        .order_by(UserSession.user_id, UserSession.session_id)
    )
    found = list(db.session.execute(query))
    missing = set(chosen) - {(row.user_id, row.session_id) for row in found}
    if missing:
        msg = gettext(
            "There is no session %(session)s any more. Nothing was changed.",
            session=quoted(min(missing)[1]),
        )
        raise NotFound(msg, field="session")
    return found


def _users_of_changed(*which: sa.ColumnElement[bool], **values: Any) -> list[int]:
    """Update those sessions; return the user id of each one."""
    statement = sa.update(UserSession).where(*which).values(values)
    changed = db.session.scalars(
        statement.returning(UserSession.user_id), execution_options={"synchronize_session": False}
    )
    user_ids = list(changed)
    db.session.expire_all()
    return user_ids
