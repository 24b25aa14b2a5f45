"""Who sits at a seat: whose sessions began there and are not over."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from timApp.database.work import UnitOfWork
from timApp.guard.rules.clocks import Clocks
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.state import is_active, is_blocked
from timApp.user.search import FoundPerson
from timApp.user.user import User

#: So many sessions at a seat are looked at, the latest.
_SESSIONS_MAX = 500


@dataclass(frozen=True)
class Seated(FoundPerson):
    """Somebody who sits at a seat, and the latest of their sessions there."""

    session_id: str
    logged_in_at: datetime


def people_at(work: UnitOfWork, seats: Collection[str], clocks: Clocks) -> Sequence[Seated]:
    """Return the people who are active or blocked at one of these seats, the latest login first."""
    query = (
        sa.select(
            User.id,
            User.name,
            User.real_name,
            User.email,
            UserSession.session_id,
            UserSession.logged_in_at,
        )
        .join(User, User.id == UserSession.user_id)
        .where(UserSession.seat.in_(sorted(seats)), sa.or_(is_blocked(), is_active(clocks)))
        .order_by(UserSession.logged_in_at.desc(), UserSession.session_id.desc())
        .limit(_SESSIONS_MAX)
    )
    found: dict[int, Seated] = {}
    for row in work.session.execute(query):
        found.setdefault(row.id, Seated(*row))
    return list(found.values())
