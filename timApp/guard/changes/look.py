"""What is looked up of a person whose login begins, under the lock; and the lock."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from timApp.database.dialects.functions import SEPARATOR, Joined
from timApp.database.dialects.types import UTCDateTime
from timApp.database.driver.batch import BatchStatement
from timApp.guard.changes.beginning import Beginning
from timApp.guard.reading.sessions import LATEST_FIRST
from timApp.guard.rules.admission import Situation
from timApp.guard.rules.policy import DeviceRule
from timApp.guard.tables.hold import OF_AN_END, SessionHold
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.state import began_anew, is_active_if, is_open, was_ever_active
from timApp.user.user import User
from timApp.util.clock import now


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
IS_PERSONS = UserSession.user_id == sa.bindparam("person")
#: Those of the same browser, by its name or by the session that it had until now.
IS_OWN = sa.or_(
    UserSession.device == sa.bindparam("own_device"),
    UserSession.session_id == sa.bindparam("former"),
)
_is_active = is_active_if(
    UserSession,
    unseen_since=sa.bindparam("unseen_since", type_=UTCDateTime()),
    begun_since=sa.bindparam("begun_since", type_=UTCDateTime()),
)
#: Those of other browsers that are active.
IS_ACTIVE_ELSEWHERE = sa.and_(
    _is_active,
    sa.func.coalesce(UserSession.device, "") != sa.bindparam("not_device"),
    UserSession.session_id != sa.bindparam("not_former"),
)
# No more active ones are looked for than are allowed; newest first, where they are found soonest.
_active = (
    sa.select(sa.literal_column("1"))
    .select_from(UserSession)
    .where(IS_PERSONS, IS_ACTIVE_ELSEWHERE)
    .order_by(*LATEST_FIRST)
    .limit(sa.bindparam("most", type_=sa.Integer()))
    .subquery("active")
)
_devices = (
    sa.select(UserSession.device)
    .where(
        IS_PERSONS,
        UserSession.device.is_not(None),
        was_ever_active(),
        began_anew() > sa.bindparam("bound_since", type_=UTCDateTime()),
    )
    .group_by(UserSession.device)
    .order_by(sa.func.max(began_anew()).desc(), UserSession.device)
    .limit(sa.bindparam("slots", type_=sa.Integer()))
    .subquery("devices")
)


def _holds(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return sa.exists().where(SessionHold.user_id == sa.bindparam("person"), condition)


def _repeated(condition: sa.ColumnElement[bool]) -> sa.ScalarSelect[str]:
    return (
        sa.select(UserSession.session_id)
        .where(
            IS_PERSONS,
            UserSession.device == sa.bindparam("repeating_device"),
            UserSession.logged_in_at > sa.bindparam("repeats_since", type_=UTCDateTime()),
            condition,
        )
        .order_by(*LATEST_FIRST)
        .limit(1)
        .scalar_subquery()
    )


LOOK = BatchStatement(
    sa.select(
        sa.select(sa.func.count()).select_from(_active).scalar_subquery(),
        sa.exists().where(IS_PERSONS, UserSession.session_id == sa.bindparam("new_session")),
        # As the driver gives it, see `MOMENTS`. From the end of an index, and not a maximum.
        sa.select(UserSession.logged_in_at)
        .where(IS_PERSONS)
        .order_by(*LATEST_FIRST)
        .limit(1)
        .scalar_subquery(),
        sa.exists().where(IS_PERSONS, IS_OWN, is_open()),
        sa.exists().where(IS_PERSONS, IS_OWN, _is_active),
        sa.exists().where(IS_PERSONS, IS_OWN, ~UserSession.expired),
        _repeated(_is_active),
        _repeated(sa.and_(is_open(), sa.not_(was_ever_active()))),
        _holds(SessionHold.session_id == OF_AN_END),
        _holds(SessionHold.session_id != OF_AN_END),
        Joined(sa.select(_devices.c.device).scalar_subquery()),
    )
)
#: How old a session may be that a login without it goes on with, in the same browser: its answer
#: was lost, or has not come yet. Whoever shows the session, or comes later, begins another one.
_REPEATS = timedelta(minutes=10)
#: Since when a session has to be seen that need not be: before all moments that there are.
_ALWAYS = datetime(1, 1, 2, tzinfo=UTC)


def look_of(one: Beginning, *, most: int) -> dict[str, object]:
    """Return the values of `LOOK`; no more than `most` active sessions are counted."""
    return {
        **sides_of(one),
        "new_session": one.session_id,
        "repeating_device": one.device if one.former is None else None,
        "repeats_since": now() - _REPEATS,
        "bound_since": one.clocks.begun_since() or _ALWAYS,
        "most": most,
        "slots": (one.limit or 0) if one.policy.device is DeviceRule.SAME else 0,
    }


@dataclass(frozen=True)
class Found:
    """A row of `LOOK`."""

    #: Active sessions in other browsers, no more than are asked for.
    active: int
    #: Whether the person has had a session of this id.
    was_used: bool
    #: When their latest one began, as the driver gives it.
    last_began: Any
    #: Whether there are open ones, active ones, and ones that nobody has ended in the same browser.
    has_own: bool
    own_active: bool
    own_unexpired: bool
    #: The session that this login has begun already, in another request of the same browser: an
    #: active one, and one that was blocked as it began.
    repeated: str | None
    repeated_blocked: str | None
    was_ended: bool
    was_blocked: bool
    #: The browsers that had the person's slots last, as `Joined` has them.
    devices: str | None

    def situation(self, one: Beginning, active: int) -> Situation:
        """Return the situation of a login with that many active sessions in other browsers."""
        return Situation(
            active=active,
            limit=one.limit,
            continues=bool(self.own_active),
            returns=bool(self.own_unexpired),
            was_ended=bool(self.was_ended),
            was_blocked=bool(self.was_blocked),
            device=one.device,
            devices=self.devices.split(SEPARATOR) if self.devices else (),
        )


def sides_of(one: Beginning) -> dict[str, object]:
    """Return the values of `IS_PERSONS`, `IS_OWN` and `IS_ACTIVE_ELSEWHERE`."""
    return {
        "person": one.user_id,
        "own_device": one.device,
        "former": one.former,
        "not_device": one.device or "-",
        "not_former": one.former or "",
        "unseen_since": one.clocks.unseen_since() or _ALWAYS,
        "begun_since": one.clocks.begun_since() or _ALWAYS,
    }
