"""How many passwords have failed for a person from a place, known to all who share the database.

By hand: libraries that limit rates (limits, Flask-Limiter) count within windows and let through
what is below a number, whoever asks. Here a right password without wrong ones before it writes
nothing and waits for nobody, and the wait grows.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.driver.read import QuickRead
from timApp.database.model import Model, conflict_insert
from timApp.database.work import UnitOfWork
from timApp.user.attempts.failed import record_failed_login
from timApp.user.attempts.line import Line, LineIsFull, Lines
from timApp.user.attempts.rule import (
    PERIOD,
    Failures,
    one_more,
    room_for,
    seconds_to_wait,
)
from timApp.util.clock import CLOCK_LEEWAY, now
from timApp.util.errors import TooManyRequests
from timApp.util.names import key_of

#: Keeps what is made with the site's key apart from all else that is.
_SALT = b"timapp-password-failures"
#: Hexadecimal digits of what stands for a person.
_DIGITS = 32
#: How many rows that count no more go with each wrong password: more than it adds.
_FORGOTTEN_AT_ONCE = 20
#: How often it is looked again when others try the same at the same moment, on other servers.
_LOOKS_MAX = 5


class PasswordFailures(Model):
    """The wrong passwords for one person from one place, as `Failures` has them."""

    __tablename__ = "passwordfailures"

    #: Stands for the person, or for a name that is nobody's: a digest, see `Throttle.subject`.
    subject: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    #: See `timApp.user.attempts.place`.
    place: orm.Mapped[str] = orm.mapped_column(primary_key=True)
    failures: orm.Mapped[int]
    last_at: orm.Mapped[datetime] = orm.mapped_column(index=True)

    __table_args__ = ({"sqlite_with_rowid": False},)


_table = PasswordFailures.__table__.c
_LOOK = QuickRead(
    sa.select(_table.place, _table.failures, _table.last_at).where(
        _table.subject == sa.bindparam("subject"),
        sa.or_(_table.place == sa.bindparam("address"), _table.place == sa.bindparam("browser")),
    )
)


@dataclass(frozen=True)
class Attempt:
    """A password that somebody gives as a person's."""

    #: See `Throttle.subject`.
    subject: str
    #: The person; None for a name that is nobody's.
    user_id: int | None
    #: The network address that it comes from, as it is recorded; None if it is not known.
    address: str | None
    #: The places of the address, and of the browser if that has a name.
    address_place: str
    browser_place: str | None
    #: Tells whether the browser has had a session of the person's.
    is_known_browser: Callable[[], bool]


class TooManyFailures(TooManyRequests):
    """Wrong passwords came for somebody from a place, so that no other is looked at for a while."""


class Throttle:
    """Looks at passwords as fast as the failures before them allow. One serves a process.

    What comes at the same time for one person from one place is tried one after the other in a
    process, and once anything has failed it is counted in the database before it is tried. So many
    at once are no way around: only the first ones of several processes do not know of each other.
    """

    def __init__(self, engine: sa.Engine, key: str) -> None:
        """`key` is the site's, by which names are made into digests."""
        self._engine = engine
        self._key = hmac.digest(key.encode(), _SALT, hashlib.sha256)
        self._lines = Lines()

    def subject(self, user_id: int | None, name: str) -> str:
        """Return what stands for a person, or for a name that is nobody's.

        Such a name may be a password that was typed in the wrong field, so it is not written down,
        and without the key nobody can try out which one it was.
        """
        text = f"name {key_of(name)}" if user_id is None else f"person {user_id}"
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()[:_DIGITS]

    def attempt(self, work: UnitOfWork, tried: Attempt, is_right: Callable[[bool], bool]) -> bool:
        """Return whether the password is right; `is_right` is called if it may be looked at.

        It is called with whether it may wait for others, as there were wrong ones before.
        `TooManyFailures` if it is not looked at. A wrong one is counted and recorded, in a
        transaction of its own; a right one lets those before it be forgotten, from its place. The
        work should be in no transaction.
        """
        found = self._look(work, tried)
        place = _place_that_counts(tried, found)
        if seconds := seconds_to_wait(found.get(place), now()):
            raise _too_many(seconds)
        try:
            with self._lines.turn((tried.subject, place)) as line:
                return self._in_turn(work, tried, place, line, is_right)
        except LineIsFull:
            raise _too_many(1) from None

    def _in_turn(
        self,
        work: UnitOfWork,
        tried: Attempt,
        place: str,
        line: Line,
        is_right: Callable[[bool], bool],
    ) -> bool:
        past = self._claimed(work, tried, place)
        before = past.count - 1 if past else 0
        if past:
            line.leave_room_for(room_for(before))
        if is_right(past is not None):
            if past:
                self._forget(tried.subject, place)
            return True
        self._note_failure(tried, place, is_counted=past is not None)
        line.leave_room_for(room_for(before))
        return False

    def _look(self, work: UnitOfWork, tried: Attempt) -> dict[str, Failures]:
        """Return what has failed, by place."""
        parameters = {
            "subject": tried.subject,
            "address": tried.address_place,
            "browser": tried.browser_place or tried.address_place,
        }
        rows = _LOOK.all(work, parameters)
        return {row.place: Failures(row.failures, row.last_at) for row in rows}

    def _claimed(self, work: UnitOfWork, tried: Attempt, place: str) -> Failures | None:
        """Return what has failed, with this one counted already; None, and nothing, if none has.

        So those who try at the same time on several servers do not pass each other by.
        """
        for _ in range(_LOOKS_MAX):
            past = self._look(work, tried).get(place)
            moment = now()
            if past is None:
                return None
            if seconds := seconds_to_wait(past, moment):
                raise _too_many(seconds)
            after = one_more(past, moment)
            if self._replace(tried.subject, place, past, after):
                return after
        raise _too_many(1)

    def _replace(self, subject: str, place: str, past: Failures, after: Failures) -> bool:
        statement = (
            sa.update(PasswordFailures)
            .where(
                *_is_row(subject, place),
                PasswordFailures.failures == past.count,
                PasswordFailures.last_at == past.last_at,
            )
            .values(failures=after.count, last_at=after.last_at)
        )
        with self._engine.begin() as connection:
            return connection.execute(statement).rowcount == 1

    def _forget(self, subject: str, place: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(sa.delete(PasswordFailures).where(*_is_row(subject, place)))

    def _note_failure(self, tried: Attempt, place: str, *, is_counted: bool) -> None:
        moment = now()
        with self._engine.begin() as connection:
            if not is_counted:
                insert = conflict_insert(connection, PasswordFailures)
                first = {"subject": tried.subject, "place": place, "failures": 1, "last_at": moment}
                connection.execute(
                    insert.values(first).on_conflict_do_update(
                        index_elements=["subject", "place"],
                        # Of somebody who was faster, on another server.
                        set_={"failures": PasswordFailures.failures + 1, "last_at": moment},
                    )
                )
            record_failed_login(connection, tried.user_id, tried.address, moment)
            connection.execute(_forget_old(moment - PERIOD - CLOCK_LEEWAY))


def _too_many(seconds: int) -> TooManyFailures:
    return TooManyFailures(
        "Too many wrong passwords came for this user name from where you are. Wait %(seconds)d s,"
        " then try again.",
        retry_after=seconds,
        seconds=seconds,
    )


def _place_that_counts(tried: Attempt, found: Mapping[str, Failures]) -> str:
    """Return the address, or a browser of the person's where something has failed.

    So nobody is asked about the browser at the login of somebody whose password nobody guesses.
    """
    browser = tried.browser_place
    if found and browser is not None and tried.is_known_browser():
        return browser
    return tried.address_place


def _is_row(subject: str, place: str) -> Sequence[sa.ColumnElement[bool]]:
    return PasswordFailures.subject == subject, PasswordFailures.place == place


def _forget_old(before: datetime) -> sa.Delete:
    """Return what lets some of the rows go that count no more; those that are in use stay."""
    old = (
        sa.select(PasswordFailures.subject, PasswordFailures.place)
        .where(PasswordFailures.last_at < before)
        .order_by(PasswordFailures.last_at)
        .limit(_FORGOTTEN_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    key: Any = sa.tuple_(PasswordFailures.subject, PasswordFailures.place)
    return sa.delete(PasswordFailures).where(key.in_(old))
