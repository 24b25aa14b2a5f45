"""What becomes of the person's other sessions when one begins, and the statements for it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from timApp.database.dialects.types import UTCDateTime
from timApp.database.driver.batch import BatchStatement
from timApp.guard.logins.beginning import RECORDED, Beginning, circumstances_of
from timApp.guard.logins.devices import ALWAYS
from timApp.guard.logins.look import IS_OWN, IS_PERSONS
from timApp.guard.reading.sessions import LATEST_FIRST
from timApp.guard.rules.admission import Admission
from timApp.guard.rules.lifetime import CAUSES, Event
from timApp.guard.tables.change import SessionChange
from timApp.guard.tables.hold import SessionHold
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.state import is_active_if, is_open
from timApp.guard.tables.waiting import WaitingSession
from timApp.guard.vocabulary import Action

_moment = sa.bindparam("moment", type_=UTCDateTime())
_why = sa.bindparam("why", type_=UserSession.cause.type)


def _noted(*which: sa.ColumnElement[bool]) -> BatchStatement:
    """Return what records the change of each of those sessions, before it is made."""
    entries = sa.select(UserSession.session_id, *RECORDED.values()).where(*which)
    return BatchStatement(
        sa.insert(SessionChange).from_select(["session_id", *RECORDED], entries).inline()
    )


_is_continued = sa.and_(IS_PERSONS, IS_OWN, is_open())
_continued_ids = sa.select(UserSession.session_id).where(_is_continued)
_CONTINUE = (
    _noted(_is_continued),
    BatchStatement(
        sa.delete(WaitingSession).where(
            WaitingSession.user_id == sa.bindparam("person"),
            WaitingSession.session_id.in_(_continued_ids),
        )
    ),
    BatchStatement(
        sa.delete(SessionHold).where(
            SessionHold.user_id == sa.bindparam("person"),
            SessionHold.session_id.in_(_continued_ids),
        )
    ),
    BatchStatement(
        sa.update(UserSession)
        .where(_is_continued)
        .values(
            logged_out_at=_moment,
            expired_at=sa.func.coalesce(UserSession.expired_at, _moment),
            cause=_why,
        )
    ),
)
# Those of other browsers that are active, as they are counted by `timApp.guard.logins.look`.
_is_active_elsewhere = sa.and_(
    is_active_if(
        UserSession,
        unseen_since=sa.bindparam("unseen_since", type_=UTCDateTime()),
        begun_since=sa.bindparam("begun_since", type_=UTCDateTime()),
    ),
    sa.func.coalesce(UserSession.device, "") != sa.bindparam("not_device"),
    UserSession.session_id != sa.bindparam("not_former"),
)
_kept = (
    sa.select(UserSession.session_id)
    .where(IS_PERSONS, _is_active_elsewhere)
    .order_by(*LATEST_FIRST)
    .limit(sa.bindparam("kept", type_=sa.Integer()))
)
_gives_way = sa.and_(IS_PERSONS, _is_active_elsewhere, UserSession.session_id.not_in(_kept))
_EXPIRE = (
    _noted(_gives_way),
    BatchStatement(sa.update(UserSession).where(_gives_way).values(expired_at=_moment, cause=_why)),
)


def continue_sessions(
    engine: sa.Engine, driver: Any, logins: Sequence[tuple[Beginning, datetime]]
) -> None:
    """End the open sessions of the browsers in which people log in again at these moments."""
    rows = [
        {
            **circumstances_of(one, moment),
            "own_device": one.device,
            "former": one.former,
            "what": Action.LOGOUT,
            "why": CAUSES[Event.CONTINUED],
        }
        for one, moment in logins
    ]
    for statement in _CONTINUE:
        statement.execute(engine, driver, rows)


def expire_others(
    engine: sa.Engine, driver: Any, logins: Sequence[tuple[Beginning, Admission, datetime]]
) -> None:
    """Expire the active sessions that have to give way to these logins."""
    rows = [
        {
            **circumstances_of(one, moment),
            "not_device": one.device or "-",
            "not_former": one.former or "",
            "unseen_since": one.clocks.unseen_since() or ALWAYS,
            "begun_since": one.clocks.begun_since() or ALWAYS,
            "what": Action.DISPLACE,
            "why": CAUSES[admission.others],
            "kept": admission.kept,
        }
        for one, admission, moment in logins
        if admission.others is not None
    ]
    for statement in _EXPIRE:
        statement.execute(engine, driver, rows)
