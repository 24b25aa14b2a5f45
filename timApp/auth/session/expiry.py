"""Why a session is expired, as far as the person who has it can be told."""

from enum import Enum, auto

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.auth.session.model import UserSession
from timApp.timdb.quickread import QuickRead


class Cause(Enum):
    """Why a session is expired."""

    #: The person has another session, which is active now.
    ACTIVE_ELSEWHERE = auto()
    #: They had too many when this one began; none is active any more.
    BEGAN_EXPIRED = auto()
    #: It was active, and somebody has invalidated it or verified another one instead.
    ENDED = auto()


def cause_of(*, began_expired: bool, another_is_active: bool) -> Cause:
    """Return why a session is expired.

    What is true now counts more than the past: it tells whether somebody else may be at work.
    """
    if another_is_active:
        return Cause.ACTIVE_ELSEWHERE
    return Cause.BEGAN_EXPIRED if began_expired else Cause.ENDED


def find_cause(user_id: int, session_id: str) -> Cause:
    """Return why the user's session, which has to exist, is expired. It takes one query."""
    row = _cause_query.first({"user_id": user_id, "session_id": session_id})
    return cause_of(began_expired=row.began_expired, another_is_active=row.another_is_active)


_other = orm.aliased(UserSession)
_cause_query = QuickRead(
    sa.select(
        (UserSession.expired_at == UserSession.logged_in_at).label("began_expired"),
        sa.exists()
        .where(
            _other.user_id == UserSession.user_id,
            _other.session_id != UserSession.session_id,
            _other.expired_at.is_(None),
        )
        .label("another_is_active"),
    ).where(
        UserSession.user_id == sa.bindparam("user_id"),
        UserSession.session_id == sa.bindparam("session_id"),
    )
)
