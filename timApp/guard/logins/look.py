"""What is looked up of a person whose login begins, under the lock; and the lock."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from timApp.database.dialects.functions import IsOneOf
from timApp.database.dialects.types import UTCDateTime
from timApp.database.driver.batch import BatchStatement
from timApp.guard.changes.exam import RunningExam, running_exam_query, runs_for
from timApp.guard.logins.beginning import MOMENTS, Beginning
from timApp.guard.logins.devices import devices_of
from timApp.guard.logins.outcome import Refusal
from timApp.guard.reading.sessions import LATEST_FIRST
from timApp.guard.rules.admission import Situation
from timApp.guard.rules.clocks import Clocks
from timApp.guard.rules.policy import AfterEnd, DeviceRule, OverLimit, Policy
from timApp.guard.rules.seating import Seating, seating_of
from timApp.guard.seats.network import address_of, keys_of
from timApp.guard.tables.exam import sits_unless_admin
from timApp.guard.tables.hold import OF_A_PAUSE, OF_AN_END, SessionHold
from timApp.guard.tables.seat import Seat
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.state import is_open
from timApp.guard.vocabulary import State
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
_at = sa.bindparam("at", type_=UTCDateTime())
_person = sa.bindparam("person", type_=sa.Integer())
_sits = sa.bindparam("may_sit", type_=sa.Boolean()), sits_unless_admin(_person)
_exam = running_exam_query(_at, _person, *_sits).subquery("running")
# Those that count against the limit, if there is one, and those of the browser.
_open = (
    sa.select(
        UserSession.session_id,
        UserSession.device,
        UserSession.logged_in_at,
        UserSession.expired_at,
        UserSession.verified_at,
        UserSession.last_seen_at,
    )
    .where(
        IS_PERSONS,
        is_open(),
        sa.or_(
            sa.and_(~UserSession.expired, sa.bindparam("has_limit", type_=sa.Boolean())), IS_OWN
        ),
    )
    .subquery("open")
)
_OPEN_COLUMNS = len(_open.c)
#: What each kind of hold adds to the sum; of the first two a person has one each at most.
_END, _PAUSE, _BLOCKED_LOGIN = 1, 2, 4
#: Gives a row for each of those sessions, or one without.
LOOK = BatchStatement(
    sa.select(
        sa.select(User.disabled_at.is_not(None)).where(User.id == _person).scalar_subquery(),
        # Another password than the one that was shown.
        sa.select(User.password_hash != sa.bindparam("proof", type_=sa.Text()))
        .where(User.id == _person)
        .scalar_subquery(),
        sa.exists().where(IS_PERSONS, UserSession.session_id == sa.bindparam("new_session")),
        # As the driver gives it, see `MOMENTS`. From the end of an index, and not a maximum.
        sa.select(UserSession.logged_in_at)
        .where(IS_PERSONS)
        .order_by(*LATEST_FIRST)
        .limit(1)
        .scalar_subquery(),
        # Of all that is not settled: one for an end, two for a pause, four for each blocked login.
        sa.select(
            sa.func.sum(
                sa.case(
                    (SessionHold.session_id == sa.literal_column(f"'{OF_AN_END}'"), _END),
                    (SessionHold.session_id == sa.literal_column(f"'{OF_A_PAUSE}'"), _PAUSE),
                    else_=_BLOCKED_LOGIN,
                )
            )
        )
        .where(
            SessionHold.user_id == _person,
            sa.or_(
                sa.and_(SessionHold.exam_id.is_(None), _exam.c.id.is_(None)),
                runs_for(SessionHold.__table__.c.exam_id, _at, _person, *_sits),
            ),
        )
        .correlate(_exam)
        .scalar_subquery(),
        # The seat of the address, and whether there are seats at all.
        sa.select(Seat.name)
        .where(IsOneOf(Seat.key, sa.bindparam("address_keys", type_=sa.Text())))
        .order_by(Seat.key.desc())
        .limit(1)
        .scalar_subquery(),
        sa.exists(sa.select(Seat.key)),
        *_exam.c,
        *_open.c,
    ).select_from(
        sa.select(sa.literal_column("1").label("one"))
        .subquery("login")
        .outerjoin(_exam, sa.true())
        .outerjoin(_open, sa.true())
    )
)
#: How old a session may be that a login without it goes on with, in the same browser: its answer
#: was lost, or has not come yet. Whoever shows the session, or comes later, begins another one.
_REPEATS = timedelta(minutes=10)


@dataclass(frozen=True)
class OpenSession:
    """A session that is not over for good."""

    session_id: str
    device: str | None
    logged_in_at: datetime
    expired_at: datetime | None
    verified_at: datetime | None
    last_seen_at: datetime | None

    def is_own(self, one: Beginning) -> bool:
        """Tell whether it is of the browser in which somebody logs in, as `IS_OWN` does."""
        is_named = self.device is not None and self.device == one.device
        return is_named or self.session_id == one.former

    def is_active(self, clocks: Clocks) -> bool:
        """Tell whether it is active now."""
        return self.expired_at is None and clocks.ended(self) is None


@dataclass(frozen=True)
class Found:
    """What is found of a person whose login begins."""

    #: Why no session of the person's may begin; None if one may.
    refusal: Refusal | None
    #: Whether the person has had a session of this id.
    was_used: bool
    #: When their latest one began.
    last_began: datetime | None
    #: What is not settled, see `LOOK`.
    unsettled: int
    #: How many active sessions there are in other browsers, if there is a limit.
    active: int
    #: The open sessions of the same browser.
    own: Sequence[OpenSession]
    #: The exam that they sit now; None if there is none.
    exam: RunningExam | None
    #: What counts for the login: the exam's policy, or the site's.
    policy: Policy
    #: Where the person sits.
    seating: Seating
    #: The browsers that had the person's slots last.
    devices: Sequence[str] = ()

    @property
    def exam_id(self) -> int | None:
        """The exam in which ends and blocked logins count now; None: those outside of exams do."""
        return None if self.exam is None else self.exam.id

    def situation(self, one: Beginning, active: int) -> Situation:
        """Return the situation of a login with that many active sessions in other browsers."""
        return Situation(
            active=active,
            limit=one.limit,
            continues=any(session.is_active(one.clocks) for session in self.own),
            returns=any(session.expired_at is None for session in self.own),
            was_ended=bool(self.unsettled & _END),
            was_paused=bool(self.unsettled & _PAUSE),
            was_blocked=self.unsettled >= _BLOCKED_LOGIN,
            device=one.device,
            devices=self.devices,
        )

    def repeated(self, one: Beginning, state: State) -> str | None:
        """Return the session that this login has begun already, in another request; None if none.

        It is one that began a moment ago in the same browser, and is as this one would begin: it is
        active, or was blocked as it began.
        """
        if one.former is not None:
            return None
        alike = [
            session
            for session in self.own
            if session.logged_in_at > now() - _REPEATS
            and (
                session.is_active(one.clocks)
                if state is State.ACTIVE
                else session.expired_at == session.logged_in_at and session.verified_at is None
            )
        ]
        latest = max(alike, key=lambda found: (found.logged_in_at, found.session_id), default=None)
        return None if latest is None else latest.session_id


def look(engine: sa.Engine, driver: Any, beginnings: Sequence[Beginning]) -> list[Found]:
    """Return what is found for each login."""
    moment = now()
    asked = [
        {
            "person": one.user_id,
            "own_device": one.device,
            "former": one.former,
            "has_limit": one.limit is not None,
            "new_session": one.session_id,
            "proof": one.proof,
            "address_keys": keys_of(address_of(one.origin)),
            "at": moment,
            "may_sit": one.sits_exams,
        }
        for one in beginnings
    ]
    rows = LOOK.all_rows(engine, driver, asked)
    found = [_found(engine, one, its_rows) for one, its_rows in zip(beginnings, rows, strict=True)]
    bound = [
        number
        for number, one in enumerate(beginnings)
        if found[number].policy.device is DeviceRule.SAME and one.limit
    ]
    logins = [(beginnings[number], found[number].exam) for number in bound]
    for number, devices in zip(bound, devices_of(engine, driver, logins), strict=True):
        found[number] = replace(found[number], devices=devices)
    return found


def _found(engine: sa.Engine, one: Beginning, rows: Sequence[Any]) -> Found:
    def moment(value: Any) -> Any:
        return MOMENTS.process_result_value(value, engine.dialect)

    of_person = rows[0][:-_OPEN_COLUMNS]
    is_disabled, is_outdated, was_used, last_began, unsettled, *of_person = of_person
    listed, lists_any, *its_exam = of_person
    exam = None
    exam_id, start, over_limit, after_end, rule = its_exam
    if exam_id is not None:
        policy = Policy(OverLimit(over_limit), AfterEnd(after_end), DeviceRule(rule))
        exam = RunningExam(exam_id, moment(start), policy)
    sessions = [
        OpenSession(session_id, device, *map(moment, times))
        for session_id, device, *times in (row[-_OPEN_COLUMNS:] for row in rows)
        if session_id is not None
    ]
    own = [session for session in sessions if session.is_own(one)]
    active = sum(session.is_active(one.clocks) for session in sessions) - sum(
        session.is_active(one.clocks) for session in own
    )
    return Found(
        refusal=(
            Refusal.DISABLED if is_disabled else Refusal.OLD_CREDENTIALS if is_outdated else None
        ),
        was_used=bool(was_used),
        last_began=moment(last_began),
        unsettled=unsettled or 0,
        active=active,
        own=own,
        seating=seating_of(one.linked_seat, listed, lists_any=bool(lists_any)),
        exam=exam,
        policy=one.policy if exam is None else exam.policy,
    )
