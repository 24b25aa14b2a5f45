"""What becomes of a session whose cookie was copied, and of its two bearers."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
import uuid_utils
from sqlalchemy import orm

from timApp.database.work import UnitOfWork
from timApp.guard.changes.change import Change, OnePerson
from timApp.guard.changes.exam import running_exam
from timApp.guard.changes.hold import settle_logins
from timApp.guard.changes.lock import lock_people
from timApp.guard.changes.move import move
from timApp.guard.changes.record import Entry, record
from timApp.guard.reading.sessions import LATEST_FIRST
from timApp.guard.rules.clocks import Clocks
from timApp.guard.rules.lifetime import CAUSES, Event
from timApp.guard.rules.policy import Policy
from timApp.guard.rules.seating import NOWHERE
from timApp.guard.rules.token import Tokens, Use, end_of_older, judge
from timApp.guard.tables.copied import CopiedSession
from timApp.guard.tables.hold import SessionHold
from timApp.guard.tables.session import UserSession, stored_origin
from timApp.guard.tables.state import is_open
from timApp.guard.vocabulary import Action, Actor, ActorKind, Cause, Place
from timApp.guard.waiting.codes import stop_waiting
from timApp.util.stamp import moment_since


@dataclass(frozen=True)
class Copy:
    """A cookie that somebody came with, and that seems to be one of two."""

    user_id: int
    user_name: str
    session_id: str
    #: The number of the cookie.
    token: int
    #: Where whoever came with it asks from.
    place: Place
    #: Whether the person passes without an active session, so that to block them means nothing.
    passes_blocked: bool


def part_bearers(
    work: UnitOfWork, copy: Copy, renewal: float, policy: Policy, clocks: Clocks
) -> bool:
    """End the session of a cookie that was copied, and let a blocked one begin for each bearer.

    Tells whether it did: not where the session is over by now, or is unknown, or where another look
    under the lock finds nothing wrong. So of many requests that find it out at once, one does it.
    Each of the two begins where its bearer was last, and is a blocked login like any other: until
    one is verified both hold, if the policy (of the exam that they sit, or the site's) counts
    blocked logins. For somebody who passes without an active session none begins: whoever knows the
    password logs in again.
    """
    if not lock_people(work, [copy.user_id]):
        return False
    session = work.session.scalar(
        sa.select(UserSession)
        .where(UserSession.user_id == copy.user_id, UserSession.session_id == copy.session_id)
        .execution_options(populate_existing=True)
    )
    latest = work.session.scalar(
        sa.select(UserSession.logged_in_at)
        .where(UserSession.user_id == copy.user_id)
        .order_by(*LATEST_FIRST)
        .limit(1)
    )
    moment = moment_since(latest)
    if session is None or session.logged_out_at is not None:
        return False
    if session.expired_at is None and clocks.ended(session):
        return False
    since = None if session.token_since is None else session.token_since.timestamp()
    tokens = Tokens(session.token_issued, session.token_used, since)
    if judge(copy.token, tokens, moment.timestamp(), renewal).use is not Use.COPY:
        return False
    older_until = end_of_older(copy.token, tokens)
    elsewhere = Place(session.seen_origin or session.origin, device=session.device)
    places = [copy.place, elsewhere] if copy.token <= older_until else [elsewhere, copy.place]
    actor = Actor(ActorKind.USER, copy.user_name, copy.place.address)
    change = Change(Action.COPY, OnePerson(copy.user_name, copy.user_id, copy.session_id), actor)
    _end(work, change, copy, moment, clocks)
    if copy.passes_blocked:
        return True
    older, newer = _begin(work, change, session, moment, places)
    work.session.add(
        CopiedSession(
            user_id=copy.user_id,
            session_id=copy.session_id,
            older_until=older_until,
            older_session_id=older,
            newer_session_id=newer,
        )
    )
    exam = running_exam(work, copy.user_id, moment)
    if (policy if exam is None else exam.policy).counts_blocked_logins:
        exam_id = None if exam is None else exam.id
        work.session.add_all(
            SessionHold(user_id=copy.user_id, session_id=one, since=moment, exam_id=exam_id)
            for one in (older, newer)
        )
    work.session.flush()
    return True


def end_twins(
    work: UnitOfWork, clocks: Clocks, moment: datetime, user_ids: Iterable[int] | None = None
) -> list[int]:
    """End the blocked session of each copied cookie of which the other one is active by now.

    Those of these people, or of everybody; for whoever has verified. Returns the user id of each.
    """
    ids = None if user_ids is None else list(user_ids)
    twin = orm.aliased(UserSession)
    lost = [
        sa.select(CopiedSession.user_id, own)
        .join(twin, sa.and_(twin.user_id == CopiedSession.user_id, twin.session_id == other))
        .where(sa.true() if ids is None else CopiedSession.user_id.in_(ids))
        .where(twin.expired_at.is_(None))
        for own, other in (
            (CopiedSession.older_session_id, CopiedSession.newer_session_id),
            (CopiedSession.newer_session_id, CopiedSession.older_session_id),
        )
    ]
    is_whose = sa.true() if ids is None else UserSession.user_id.in_(ids)
    key = sa.tuple_(UserSession.user_id, UserSession.session_id)
    is_lost = key.in_(sa.union_all(*lost))
    return move(work, clocks, Event.TWIN_VERIFIED, moment, is_open(), is_whose, is_lost)


def _end(work: UnitOfWork, change: Change, copy: Copy, moment: datetime, clocks: Clocks) -> None:
    is_copied = (UserSession.user_id == copy.user_id, UserSession.session_id == copy.session_id)
    move(work, clocks, Event.COPIED, moment, *is_copied)
    stop_waiting(work, [copy.user_id])
    is_hold = SessionHold.session_id == copy.session_id
    settle_logins(work, SessionHold.user_id == copy.user_id, is_hold)
    entry = Entry(copy.user_id, copy.session_id, 1, CAUSES[Event.COPIED])
    record(work, change, Action.COPY, moment, [entry])


def _begin(
    work: UnitOfWork, change: Change, copied: UserSession, moment: datetime, places: list[Place]
) -> list[str]:
    """Let a blocked session begin at each place; return their ids.

    The seat is that of the copied one where it began there.
    """
    ids = []
    user_id = copied.user_id
    for place in places:
        ids.append(str(uuid_utils.uuid7()))
        seating = copied.seating if place.origin == copied.origin else NOWHERE
        work.session.add(
            UserSession(
                user_id=user_id,
                session_id=ids[-1],
                logged_in_at=moment,
                expired_at=moment,
                token_since=moment,
                cause=Cause.COPIED,
                device=place.device,
                origin=stored_origin(place.origin),
                seat=seating.seat,
                address_seat=seating.address_seat,
            )
        )
        entry = Entry(user_id, ids[-1], 1, Cause.COPIED)
        record(work, change, Action.BLOCKED_LOGIN, moment, [entry])
    work.session.flush()
    return ids
