"""Tells receivers what they are owed, each one thing after the other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from timApp.net.client import Request
from timApp.net.outside import Outside
from timApp.receivers.answer import Heard, heard
from timApp.receivers.notice import (
    RECEIVER_BACKOFF_MAX,
    TIMEOUT,
    Notice,
    NoticeState,
    backoff_after,
    is_due,
    is_owed,
)
from timApp.receivers.receiver import Receiver, ReceiverKind
from timApp.receivers.securityevent import claims_of, push_request, signed
from timApp.receivers.signingkey import current_key
from timApp.receivers.told import Told, owed_to
from timApp.receivers.webhook import webhook_request
from timApp.util.clock import now

#: So many notices are read at once, and for so long sent until it is noted what came of that.
_BATCH, _BATCH_SECONDS = 50, 5.0
#: A lease outlasts all of that. A server whose clock is further ahead tells twice.
_LEASE = timedelta(seconds=_BATCH_SECONDS + TIMEOUT + 10)

_OF_RECEIVER = (
    Receiver.id,
    Receiver.name,
    Receiver.kind,
    Receiver.url,
    Receiver.secret,
    Receiver.failures,
)


@dataclass(frozen=True)
class Outcome:
    """What came of telling a receiver of something."""

    receiver: str
    told: Told
    heard: Heard


@dataclass(frozen=True)
class Lease:
    """A receiver that is ours to tell: nobody else does before `until`."""

    id: int
    name: str
    kind: ReceiverKind
    url: str
    secret: str | None
    failures: int
    until: datetime


@dataclass(frozen=True)
class Teller:
    """Tells the receivers of a site."""

    engine: sa.Engine
    #: By what address the site is known, which signed tokens name; None if it has none.
    issuer: str | None
    outside: Outside

    def claim_due(self) -> list[Lease]:
        """Lease the receivers that can be told something now; two who do so never get the same."""
        moment = now()
        is_free = Receiver.leased_until.is_(None) | (Receiver.leased_until <= moment)
        has_due = sa.exists().where(
            Notice.receiver_id == Receiver.id, is_owed, is_due(moment, Notice.next_attempt_at)
        )
        return self._claim(moment, is_free, is_due(moment, Receiver.next_attempt_at), has_due)

    def claim(self, receiver_id: int) -> list[Lease]:
        """Lease this receiver, though it is to be left alone; none while somebody tells it."""
        moment = now()
        is_free = Receiver.leased_until.is_(None) | (Receiver.leased_until <= moment)
        return self._claim(moment, is_free, Receiver.id == receiver_id)

    def _claim(self, moment: datetime, *which: sa.ColumnElement[bool]) -> list[Lease]:
        until = moment + _LEASE
        meant = (
            sa.select(Receiver.id)
            .where(Receiver.ended_at.is_(None), Receiver.kind != ReceiverKind.SSF_POLL, *which)
            .order_by(Receiver.id)
        )
        with self.engine.connect() as connection:
            if connection.scalar(meant.limit(1)) is None:
                return []  # as mostly, and nobody who writes had to wait
        with self.engine.begin() as connection:
            claimed = connection.execute(
                sa.update(Receiver)
                .where(Receiver.id.in_(meant.with_for_update(skip_locked=True)))
                .values(leased_until=until)
                .returning(*_OF_RECEIVER)
            ).all()
        return [
            Lease(row.id, row.name, row.kind, row.url, row.secret, row.failures, until)
            for row in claimed
        ]

    def tell(self, lease: Lease) -> list[Outcome]:
        """Tell the receiver what is due, the oldest first, until it fails; give the lease back."""
        outcomes: list[Outcome] = []
        current: Lease | None = lease
        while current is not None:
            done, current = self._tell_some(current)
            outcomes += done
        return outcomes

    def tell_one(self, lease: Lease, message_id: str) -> Heard:
        """Tell the receiver this one thing now, and give the lease back."""
        with self.engine.connect() as connection:
            told = owed_to(connection, lease.id, 1, Notice.message_id == message_id)
            tell = self._voice(connection, lease)
        calls = [(one, tell(one)) for one in told]
        self._settle(lease, calls, until=None)
        return calls[0][1] if calls else Heard("It is not owed any more.")

    def _tell_some(self, lease: Lease) -> tuple[list[Outcome], Lease | None]:
        """Tell it some of what is due; return the lease for the rest, or None if that is all."""
        begun = now()
        with self.engine.connect() as connection:
            due = owed_to(connection, lease.id, _BATCH, is_due(begun, Notice.next_attempt_at))
            tell = self._voice(connection, lease)
        calls: list[tuple[Told, Heard]] = []
        has_failed = False
        for told in due:
            came = tell(told)
            calls.append((told, came))
            has_failed = came.error is not None
            if has_failed or now() - begun > timedelta(seconds=_BATCH_SECONDS):
                break
        goes_on = bool(calls) and not has_failed
        until = now() + _LEASE if goes_on else None
        is_ours = self._settle(lease, calls, until)
        outcomes = [Outcome(lease.name, told, came) for told, came in calls]
        if not goes_on or not is_ours or until is None:
            return outcomes, None
        return outcomes, replace(lease, failures=0, until=until)

    def _voice(self, connection: sa.Connection, lease: Lease) -> Callable[[Told], Heard]:
        """Return what tells the receiver something, and returns what came of it."""
        if lease.kind is ReceiverKind.WEBHOOK:
            return lambda told: self._ask(
                webhook_request(lease.url, lease.secret or "", told, now())
            )
        key, issuer = current_key(connection), self.issuer
        if key is None or issuer is None:
            return lambda _: Heard("SITE_URL is not configured, by which this site signs.")

        def push(told: Told) -> Heard:
            claims = claims_of(told, issuer, lease.url, stream_of(lease.id), now())
            return self._ask(push_request(lease.url, lease.secret, signed(claims, *key)))

        return push

    def _ask(self, request: Request) -> Heard:
        return heard(self.outside.ask(request, TIMEOUT))

    def _settle(
        self, lease: Lease, calls: Sequence[tuple[Told, Heard]], until: datetime | None
    ) -> bool:
        """Note what came of the calls, and lease until then; tell whether the lease was still ours.

        A fixed number of statements, however many calls there are.
        """
        moment = now()
        with self.engine.begin() as connection:
            is_ours = connection.execute(
                sa.update(Receiver)
                .where(Receiver.id == lease.id, Receiver.leased_until == lease.until)
                .values(leased_until=until)
            ).rowcount
            if calls:
                connection.execute(
                    sa.update(Receiver)
                    .where(Receiver.id == lease.id)
                    .values(_of_receiver(lease, calls, moment))
                )
                connection.execute(_SETTLE, [_settlement(*call, moment) for call in calls])
            if any(came.is_gone for _, came in calls):
                connection.execute(
                    sa.update(Notice)
                    .where(Notice.receiver_id == lease.id, is_owed)
                    .values(state=NoticeState.GIVEN_UP, settled_at=moment)
                )
        return bool(is_ours)


def stream_of(receiver_id: int) -> str:
    """Return what Shared Signals call the stream to a receiver."""
    return f"receiver-{receiver_id}"


def _of_receiver(
    lease: Lease, calls: Sequence[tuple[Told, Heard]], moment: datetime
) -> dict[str, Any]:
    """Return what is noted of a receiver after calls of which only the last can have failed."""
    last = calls[-1][1]
    if last.error is None:
        return {
            "last_success_at": moment,
            "failures": 0,
            "failing_since": None,
            "next_attempt_at": moment,
        }
    failures = 1 if len(calls) > 1 else lease.failures + 1
    since: Any = sa.literal(moment, Receiver.failing_since.type)
    values: dict[str, Any] = {
        "last_failure_at": moment,
        "last_failure": last.error,
        "failures": failures,
        "failing_since": since
        if failures == 1
        else sa.func.coalesce(Receiver.failing_since, since),
        "next_attempt_at": moment + backoff_after(failures, RECEIVER_BACKOFF_MAX),
    }
    if len(calls) > 1:
        values["last_success_at"] = moment
    if last.is_gone:
        values["ended_at"] = moment
    return values


_SETTLE = (
    sa.update(Notice)
    .where(Notice.id == sa.bindparam("notice_id"), is_owed)
    .values(
        state=sa.bindparam("new_state", type_=Notice.state.type),
        attempts=sa.bindparam("new_attempts"),
        next_attempt_at=sa.bindparam("new_attempt_at", type_=Notice.next_attempt_at.type),
        last_error=sa.bindparam("new_error"),
        settled_at=sa.bindparam("new_settled_at", type_=Notice.settled_at.type),
    )
)


def _settlement(told: Told, came: Heard, moment: datetime) -> dict[str, Any]:
    attempts = told.attempts + 1
    failed = came.error is not None
    return {
        "notice_id": told.id,
        "new_state": NoticeState.OWED if failed else NoticeState.DONE,
        "new_attempts": attempts,
        "new_attempt_at": moment + backoff_after(attempts) if failed else moment,
        "new_error": came.error,
        "new_settled_at": None if failed else moment,
    }
