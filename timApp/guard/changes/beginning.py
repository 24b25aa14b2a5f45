"""Sessions that are to begin, and the statements that `timApp.guard.changes.begin` executes."""

from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from timApp.database.dialects.types import UTCDateTime
from timApp.database.driver.batch import BatchStatement
from timApp.guard.reading.sessions import LATEST_FIRST
from timApp.guard.tables.change import SessionChange
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.state import is_active
from timApp.guard.vocabulary import ORIGIN_MAX_LENGTH, Action, Actor, State
from timApp.user.user import User
from timApp.util.text import storable


class Tries:
    """What has become of the tries to let a session begin.

    A try may be committed and fail all the same, when the connection breaks before the answer. Then
    the next one finds the session, and has to know it from one that had its id before.
    """

    __slots__ = ("written",)

    def __init__(self) -> None:
        #: When the session begins and its state, as the last try wrote them; None before any did.
        self.written: tuple[datetime, State] | None = None

    def have_written(self, began: datetime | None) -> bool:
        """Tell whether the person's session with this id, which began then, is of one of them.

        A try writes nothing where there is a session, so an older one began at another moment.
        """
        return self.written is not None and self.written[0] == began


@dataclass(frozen=True)
class Beginning:
    """A session that is to begin."""

    user_id: int
    user_name: str
    session_id: str
    #: Where it comes from; cut off after `ORIGIN_MAX_LENGTH` characters.
    origin: str
    #: How many active sessions the person may have; None means any number.
    limit: int | None
    actor: Actor
    tries: Tries = field(default_factory=Tries, init=False, compare=False, repr=False)


def _locking(*, skip_locked: bool) -> BatchStatement:
    """Return what locks people, and says in one row who they are."""
    # With the names of its parameters, none of which is a column's. Sorted before they are locked.
    people = sa.bindparam("people", type_=postgresql.ARRAY(sa.Integer()))
    locked = (
        sa.select(User.id)
        .where(User.id == sa.any_(people))
        .order_by(User.id)
        .with_for_update(key_share=True, skip_locked=skip_locked)
        .subquery("locked")
    )
    return BatchStatement(sa.select(sa.func.array_agg(locked.c.id)))


LOCK = _locking(skip_locked=False)
LOCK_FREE = _locking(skip_locked=True)
# No more active ones are looked for than are allowed; newest first, where they are found soonest.
_active = (
    sa.select(sa.literal_column("1"))
    .select_from(UserSession)
    .where(UserSession.user_id == sa.bindparam("person"), is_active())
    .order_by(*LATEST_FIRST)
    .limit(sa.bindparam("most", type_=sa.Integer()))
    .subquery("active")
)
LOOK = BatchStatement(
    sa.select(
        sa.select(sa.func.count()).select_from(_active).scalar_subquery(),
        sa.exists().where(
            UserSession.user_id == sa.bindparam("person"),
            UserSession.session_id == sa.bindparam("new_session"),
        ),
        # As the driver gives it, see `MOMENTS`. From the end of an index, and not a maximum.
        sa.select(UserSession.logged_in_at)
        .where(UserSession.user_id == sa.bindparam("person"))
        .order_by(*LATEST_FIRST)
        .limit(1)
        .scalar_subquery(),
    )
)
MOMENTS = UTCDateTime()
ADD_SESSION = BatchStatement(
    sa.insert(UserSession).values(
        user_id=sa.bindparam("person"),
        session_id=sa.bindparam("new_session"),
        logged_in_at=sa.bindparam("moment", type_=UTCDateTime()),
        expired_at=sa.bindparam("ended", type_=UTCDateTime()),
        origin=sa.bindparam("came_from"),
    )
)
ADD_CHANGE = BatchStatement(
    sa.insert(SessionChange)
    .values(
        at=sa.bindparam("moment", type_=UTCDateTime()),
        actor_kind=sa.bindparam("by_kind", type_=SessionChange.actor_kind.type),
        actor=sa.bindparam("by_name"),
        address=sa.bindparam("by_address"),
        action=sa.bindparam("what", type_=SessionChange.action.type),
        user_id=sa.bindparam("person"),
        session_id=sa.bindparam("new_session"),
        session_count=1,
    )
    .inline()  # nobody asks for the number of the entry
)
#: When the session with an id began.
BEGAN = BatchStatement(
    sa.select(UserSession.logged_in_at).where(
        UserSession.user_id == sa.bindparam("person"),
        UserSession.session_id == sa.bindparam("used_session"),
    )
)


def session_of(one: Beginning, state: State, moment: datetime) -> dict[str, object]:
    """Return the values of `ADD_SESSION`."""
    return {
        "person": one.user_id,
        "new_session": one.session_id,
        "moment": moment,
        "ended": None if state is State.ACTIVE else moment,
        "came_from": storable(one.origin)[:ORIGIN_MAX_LENGTH],
    }


def change_of(one: Beginning, state: State, moment: datetime) -> dict[str, object]:
    """Return the values of `ADD_CHANGE`."""
    return {
        "moment": moment,
        "by_kind": one.actor.kind,
        "by_name": storable(one.actor.name),
        "by_address": one.actor.address and storable(one.actor.address),
        "what": Action.LOGIN if state is State.ACTIVE else Action.BLOCKED_LOGIN,
        "person": one.user_id,
        "new_session": one.session_id,
    }
