"""Who asks: the person and the session that a cookie stands for, as they are at this moment."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import sqlalchemy as sa

from timApp.database.driver.read import QuickRead
from timApp.database.driver.write import QuickWrite
from timApp.database.functions import LostInCrash
from timApp.database.work import UnitOfWork
from timApp.guard.rules.validity import is_seen_due
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.state import is_active, is_in
from timApp.guard.vocabulary import State
from timApp.user.people import group_names, read_groups
from timApp.user.user import User
from timApp.user.usergroup import Member
from timApp.util.clock import now


# Not frozen: that would triple what it takes to make one, at each request.
@dataclass(eq=False)
class Visitor(Member):
    """A person who is logged in, and their session."""

    id: int
    name: str
    real_name: str
    email: str
    groups: frozenset[str]
    #: None for a login without a session: from before they were tracked.
    session_id: str | None
    #: Whether that session is active.
    session_is_active: bool


_Visitor = TypeVar("_Visitor", bound=Visitor)

# One statement, built once, says all that a request needs to know of its visitor.
_visitor_query = QuickRead(
    sa.select(
        User.id,
        User.name,
        User.real_name,
        User.email,
        # Said by number, and not as the user's of the row, so that it is known before a row is
        # read where it is to be found: in one part of a table that is cut by user.
        group_names(sa.bindparam("user_id", type_=sa.Integer())).label("groups"),
        UserSession.session_id,
        is_active().label("is_active"),
        UserSession.last_seen_at,
    )
    .outerjoin(
        UserSession,
        sa.and_(
            UserSession.user_id == User.id, UserSession.session_id == sa.bindparam("session_id")
        ),
    )
    .where(
        User.id == sa.bindparam("user_id"),
        # As it is without a session, too.
        is_in({State.ACTIVE, State.EXPIRED}),
    )
)

# Passes over a session that is being changed: the next request will do.
_is_seen = sa.and_(
    UserSession.user_id == sa.bindparam("of_user"),
    UserSession.session_id == sa.bindparam("of_session"),
)
_unlocked = (
    sa.select(UserSession.session_id)
    .where(_is_seen, LostInCrash())
    .with_for_update(skip_locked=True, key_share=True)
)
_write_seen = QuickWrite(
    sa.update(UserSession)
    .where(_is_seen, UserSession.session_id.in_(_unlocked))
    .values(last_seen_at=sa.bindparam("moment"))
)


def find_visitor(
    work: UnitOfWork, user_id: int, session_id: str | None, make: Callable[..., _Visitor]
) -> _Visitor | None:
    """Return the visitor with that session, made by `make` with the fields of `Visitor`.

    None for an unknown person, and when the session is logged out: a cookie that outlives its
    logout (a copy of it, say) is nobody's. Writes down now and then that the session was seen, as
    the same query tells when it is time.
    """
    row = _visitor_query.first(work, {"user_id": user_id, "session_id": session_id})
    if row is None:
        return None
    is_known = row.session_id is not None
    if is_known:
        moment = now()
        if is_seen_due(row.last_seen_at, moment, is_active=row.is_active):
            _write_seen.make_if_free(
                work.engine, {"of_user": row.id, "of_session": row.session_id, "moment": moment}
            )
    return make(
        row.id,
        row.name,
        row.real_name,
        row.email,
        read_groups(row.groups),
        row.session_id,
        is_known and bool(row.is_active),
    )


_active_session_query = QuickRead(
    sa.select(UserSession.session_id).where(
        UserSession.user_id == sa.bindparam("user_id"),
        UserSession.session_id == sa.bindparam("session_id"),
        is_active(),
    )
)


def session_is_active(work: UnitOfWork, user_id: int, session_id: str | None) -> bool:
    """Tell whether the user has an active session of that id; None is none."""
    key = {"user_id": user_id, "session_id": session_id}
    return _active_session_query.first(work, key) is not None
