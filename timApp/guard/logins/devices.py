"""Which browsers had a person's slots last, under the lock of a login."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from timApp.database.dialects.types import UTCDateTime
from timApp.database.driver.batch import BatchStatement
from timApp.database.driver.read import QuickRead
from timApp.database.work import UnitOfWork
from timApp.guard.changes.exam import RunningExam
from timApp.guard.cookie import Claims
from timApp.guard.logins.beginning import Beginning
from timApp.guard.tables.session import UserSession
from timApp.guard.tables.state import began_anew, outlasts_clocks, was_ever_active
from timApp.guard.vocabulary import Cause

#: Since when a session has to be active that need not be: before all moments that there are.
ALWAYS = datetime(1, 1, 2, tzinfo=UTC)
# Of the sessions from before an exam, those that were active as it began.
_was_active_then = sa.and_(
    sa.or_(~UserSession.expired, UserSession.expired_at > sa.bindparam("exam_start")),
    outlasts_clocks(
        UserSession,
        unseen_since=sa.bindparam("unseen_since", type_=UTCDateTime()),
        begun_since=sa.bindparam("begun_since", type_=UTCDateTime()),
    ),
)
# The browsers that had a person's slots last: since a moment, or in the exam.
_DEVICES = BatchStatement(
    sa.select(UserSession.device)
    .where(
        UserSession.user_id == sa.bindparam("person"),
        UserSession.device.is_not(None),
        was_ever_active(),
        # Which may be dated after it, by a clock that is ahead.
        sa.or_(UserSession.cause.is_(None), UserSession.cause != Cause.EXAM_BEGAN),
        sa.or_(
            began_anew() > sa.bindparam("bound_since", type_=UTCDateTime()),
            sa.and_(sa.bindparam("is_in_exam", type_=sa.Boolean()), _was_active_then),
        ),
    )
    .group_by(UserSession.device)
    .order_by(sa.func.max(began_anew()).desc(), UserSession.device)
    .limit(sa.bindparam("slots", type_=sa.Integer()))
)


_SESSION_IN = QuickRead(
    sa.select(UserSession.user_id)
    .where(
        UserSession.user_id == sa.bindparam("person", type_=sa.Integer()),
        UserSession.device == sa.bindparam("in_browser", type_=sa.Text()),
    )
    .limit(1)
)


def has_had_session_in(work: UnitOfWork, user_id: int, device: str) -> bool:
    """Tell whether a session of the person's has begun in a browser, as far as is known still."""
    return _SESSION_IN.first(work, {"person": user_id, "in_browser": device}) is not None


def began_in(work: UnitOfWork, former: Claims, device: str | None) -> bool:
    """Tell whether the session of a cookie may be this browser's: it began in no other.

    It may if either has no name.
    """
    known = work.session.scalar(
        sa.select(UserSession.device).where(
            UserSession.user_id == former.user_id, UserSession.session_id == former.session_id
        )
    )
    return known is None or device is None or known == device


def devices_of(
    engine: sa.Engine, driver: Any, logins: Sequence[tuple[Beginning, RunningExam | None]]
) -> list[list[str]]:
    """Return the browsers that the person of each login is bound to, in the exam that they sit."""
    rows = _DEVICES.all_rows(engine, driver, [_asked(*login) for login in logins])
    return [[device for (device,) in found] for found in rows]


def _asked(one: Beginning, exam: RunningExam | None) -> dict[str, object]:
    """Return the values of `_DEVICES`: a binding goes back to the lifetime, or to the exam's start.

    What the site's clocks had ended as the exam began was not active in it.
    """
    asked: dict[str, object] = {"person": one.user_id, "slots": one.limit}
    if exam is None:
        since = one.clocks.begun_since() or ALWAYS
        unused = dict.fromkeys(("exam_start", "unseen_since", "begun_since"), ALWAYS)
        return asked | unused | {"bound_since": since, "is_in_exam": False}
    return asked | {
        "bound_since": exam.start - timedelta(microseconds=1),
        "is_in_exam": True,
        "exam_start": exam.start,
        "unseen_since": one.clocks.unseen_since(exam.start) or ALWAYS,
        "begun_since": one.clocks.begun_since(exam.start) or ALWAYS,
    }
