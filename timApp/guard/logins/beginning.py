"""Sessions that are to begin, and the statements that `timApp.guard.logins.begin` executes."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.dialects.types import UTCDateTime
from timApp.database.driver.batch import BatchStatement
from timApp.guard.rules.admission import Admission
from timApp.guard.rules.clocks import NEVER, Clocks
from timApp.guard.rules.policy import DEFAULT_POLICY, Policy
from timApp.guard.rules.seating import Seating
from timApp.guard.rules.token import Tokens, logged_in_again
from timApp.guard.tables.change import SessionChange
from timApp.guard.tables.hold import SessionHold
from timApp.guard.tables.session import UserSession, stored_origin
from timApp.guard.vocabulary import Action, Actor, State
from timApp.util.clock import now
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
    #: Where it comes from; cut off as `stored_origin` does.
    origin: str
    #: How many active sessions the person may have; None means any number.
    limit: int | None
    actor: Actor
    #: What the browser is known by; None if it has no name.
    device: str | None = None
    #: The person's session that the browser had until now; None if it had none of theirs.
    former: str | None = None
    #: The seat that the browser was told it stands at; None if it was not.
    linked_seat: str | None = None
    policy: Policy = DEFAULT_POLICY
    clocks: Clocks = NEVER
    #: The hash of the password by which they have shown who they are: while it is theirs, the
    #: session may begin. None if they have shown it otherwise.
    proof: str | None = None
    #: Whether what counts in exams may count for them, as it does not for administrators.
    sits_exams: bool = True
    tries: Tries = field(default_factory=Tries, init=False, compare=False, repr=False)


MOMENTS = UTCDateTime()
ADD_SESSION = BatchStatement(
    sa.insert(UserSession).values(
        user_id=sa.bindparam("person"),
        session_id=sa.bindparam("new_session"),
        logged_in_at=sa.bindparam("moment", type_=UTCDateTime()),
        expired_at=sa.bindparam("ended", type_=UTCDateTime()),
        cause=sa.bindparam("why", type_=UserSession.cause.type),
        token_since=sa.bindparam("moment", type_=UTCDateTime()),
        device=sa.bindparam("own_device"),
        origin=sa.bindparam("came_from"),
        seat=sa.bindparam("at_seat"),
        address_seat=sa.bindparam("seat_of_address"),
    )
)
#: The values of an entry in the record, but for the session.
RECORDED: dict[str, Any] = {
    "at": sa.bindparam("moment", type_=UTCDateTime()),
    "actor_kind": sa.bindparam("by_kind", type_=SessionChange.actor_kind.type),
    "actor": sa.bindparam("by_name"),
    "address": sa.bindparam("by_address"),
    "action": sa.bindparam("what", type_=SessionChange.action.type),
    "user_id": sa.bindparam("person"),
    "cause": sa.bindparam("why", type_=SessionChange.cause.type),
    "session_count": sa.literal_column("1"),
}
ADD_CHANGE = BatchStatement(
    sa.insert(SessionChange)
    .values(session_id=sa.bindparam("new_session"), **RECORDED)
    .inline()  # nobody asks for the number of the entry
)
_told = orm.aliased(UserSession)
#: The person's active sessions are told of a login that was blocked; not one that is being changed.
NOTE_ATTEMPT = BatchStatement(
    sa.update(UserSession)
    .where(
        UserSession.user_id == sa.bindparam("person"),
        UserSession.session_id.in_(
            sa.select(_told.session_id)
            .where(
                _told.user_id == sa.bindparam("person"),
                _told.session_id != sa.bindparam("new_session"),
                _told.expired_at.is_(None),
            )
            .with_for_update(skip_locked=True, key_share=True)
        ),
    )
    .values(attempted_at=sa.bindparam("moment", type_=UTCDateTime()))
)
ADD_HOLD = BatchStatement(
    sa.insert(SessionHold).values(
        user_id=sa.bindparam("person"),
        session_id=sa.bindparam("new_session"),
        since=sa.bindparam("moment", type_=UTCDateTime()),
        exam_id=sa.bindparam("of_exam"),
    )
)
#: Outside of exams all of the person's is settled, as what was of an exam is over.
SETTLE = BatchStatement(
    sa.delete(SessionHold).where(
        SessionHold.user_id == sa.bindparam("person"),
        sa.or_(
            sa.bindparam("outside", type_=sa.Boolean()),
            SessionHold.exam_id == sa.bindparam("of_exam"),
        ),
    )
)
#: When the session with an id began.
BEGAN = BatchStatement(
    sa.select(UserSession.logged_in_at).where(
        UserSession.user_id == sa.bindparam("person"),
        UserSession.session_id == sa.bindparam("used_session"),
    )
)


_is_again = sa.and_(
    UserSession.user_id == sa.bindparam("person"),
    UserSession.session_id == sa.bindparam("again"),
)
#: Whoever renews the number meanwhile passes over a session that is being changed.
_LOCK_AGAIN = BatchStatement(
    sa.update(UserSession).where(_is_again).values(token_since=UserSession.token_since)
)
_TOKENS = BatchStatement(
    sa.select(UserSession.token_issued, UserSession.token_used).where(_is_again)
)
_NUMBER_AGAIN = BatchStatement(
    sa.update(UserSession)
    .where(_is_again)
    .values(
        token_issued=sa.bindparam("is_issued"),
        token_since=sa.bindparam("moment", type_=UTCDateTime()),
    )
)


def number_again(engine: sa.Engine, driver: Any, one: Beginning, session_id: str) -> int:
    """Give a browser that has lost the cookie of a session a number of its own; return that."""
    key = {"person": one.user_id, "again": session_id}
    _LOCK_AGAIN.execute(engine, driver, [key])
    (row,) = _TOKENS.first_rows(engine, driver, [key])
    moment = now()
    after = logged_in_again(Tokens(*row), moment.timestamp())
    _NUMBER_AGAIN.execute(engine, driver, [key | {"is_issued": after.issued, "moment": moment}])
    return after.issued


def session_of(
    one: Beginning, admission: Admission, moment: datetime, seating: Seating
) -> dict[str, object]:
    """Return the values of `ADD_SESSION`."""
    is_active = admission.state is State.ACTIVE
    return {
        "person": one.user_id,
        "new_session": one.session_id,
        "moment": moment,
        "ended": None if is_active else moment,
        "why": None if is_active else admission.cause,
        "own_device": one.device,
        "came_from": stored_origin(one.origin),
        "at_seat": seating.seat,
        "seat_of_address": seating.address_seat,
    }


def change_of(one: Beginning, admission: Admission, moment: datetime) -> dict[str, object]:
    """Return the values of `ADD_CHANGE`."""
    is_active = admission.state is State.ACTIVE
    return {
        **circumstances_of(one, moment),
        "what": Action.LOGIN if is_active else Action.BLOCKED_LOGIN,
        "why": admission.cause,
        "new_session": one.session_id,
    }


def circumstances_of(one: Beginning, moment: datetime) -> dict[str, object]:
    """Return the values of `RECORDED` that are those of all entries of a login."""
    return {
        "person": one.user_id,
        "moment": moment,
        "by_kind": one.actor.kind,
        "by_name": storable(one.actor.name),
        "by_address": one.actor.address and storable(one.actor.address),
    }
