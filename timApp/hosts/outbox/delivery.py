"""What other hosts are told of changes: the table of what is owed to whom, and its rules."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.model import NUMBER, Model, enum_column
from timApp.guard.rules.precedence import is_whole
from timApp.guard.vocabulary import Action
from timApp.net.call import Call, Reply
from timApp.net.network import Host
from timApp.net.note import ChangeNote
from timApp.util.clock import CLOCK_LEEWAY

#: What hosts can be told to do; the value is the last part of the address that is asked.
ACTIONS = (Action.VERIFY, Action.INVALIDATE)

#: How long a host that failed is left alone before the first retry, and before each late one.
FIRST_BACKOFF = timedelta(seconds=2)
_LAST_BACKOFF = timedelta(seconds=30)
_DOUBLINGS_MAX = 8  # by then it is the last delay in any case


class DeliveryState(Enum):
    """What has become of a delivery; only one that is owed can still change."""

    #: It is to be made, now or later.
    OWED = "owed"
    #: The host has carried the change out.
    DONE = "done"
    #: The host does not know the person, so there is nothing to tell.
    UNKNOWN_THERE = "unknown"
    #: A later change of the person has made it pointless.
    SUPERSEDED = "superseded"
    #: A verification that got too old: nobody stands there any more.
    EXPIRED = "expired"


class Delivery(Model):
    """One change that one host is, or was, to be told of."""

    __tablename__ = "delivery"

    id: orm.Mapped[int] = orm.mapped_column(NUMBER, primary_key=True)
    #: The host's base URL; it may have left the configuration since.
    host: orm.Mapped[str]
    #: One of `ACTIONS`.
    action: orm.Mapped[Action] = orm.mapped_column(enum_column(Action))
    user_name: orm.Mapped[str]
    session_id: orm.Mapped[str | None]
    #: The stamp of the change, in two parts.
    at: orm.Mapped[datetime]
    change_id: orm.Mapped[str]
    made_by: orm.Mapped[str]
    reason: orm.Mapped[str]
    state: orm.Mapped[DeliveryState] = orm.mapped_column(enum_column(DeliveryState, length=10))
    #: How often it has been tried.
    attempts: orm.Mapped[int]
    #: The worker does not make it before.
    next_attempt_at: orm.Mapped[datetime]
    #: Somebody is about to make it, and nobody else does until then.
    leased_until: orm.Mapped[datetime | None]
    #: What went wrong at the last attempt, in one line.
    last_error: orm.Mapped[str | None]
    #: When it got a state other than owed.
    settled_at: orm.Mapped[datetime | None]

    __table_args__ = (
        sa.Index(
            "ix_delivery_due",
            "next_attempt_at",
            postgresql_where=sa.text("settled_at IS NULL"),
            sqlite_where=sa.text("settled_at IS NULL"),
        ),
        sa.Index("ix_delivery_user_name", "user_name", "host"),
        sa.Index("ix_delivery_settled_at", "settled_at"),
    )


@dataclass(frozen=True)
class HostChange:
    """A change of one person's sessions, as hosts are told of it."""

    #: One of `ACTIONS`.
    action: Action
    user_name: str
    #: With None it is the host's latest session that is verified, or all that are invalidated.
    session_id: str | None
    note: ChangeNote

    @property
    def is_whole(self) -> bool:
        """Whether the change settles the state of all the person's sessions on a host."""
        return is_whole(self.action, self.session_id)

    def call(self, host: Host) -> Call:
        """Return the call that tells a host, in the words of TIM hosts."""
        content = {"username": self.user_name, "session_id": self.session_id}
        return Call(host, f"/user/sessions/{self.action.value}", content, self.note)


@dataclass(frozen=True)
class Outcome:
    """What has become of a delivery, or of an attempt at it."""

    host: Host
    change: HostChange
    state: DeliveryState
    #: What went wrong, in one line without the host's name.
    error: str | None = None


#: That a delivery is still owed; said in this way, SQLite sees that there is an index for it.
is_owed = Delivery.settled_at.is_(None)


def is_free(moment: datetime) -> sa.ColumnElement[bool]:
    """Return the condition that nobody has a lease of a delivery at that moment."""
    return Delivery.leased_until.is_(None) | (Delivery.leased_until <= moment)


def is_due(moment: datetime, delivery: type[Delivery]) -> sa.ColumnElement[bool]:
    """Return the condition that it is time to try a delivery, as far as backing off goes.

    A time that is further ahead than anybody backs off is of before a clock was set back.
    """
    too_far = moment + _LAST_BACKOFF + CLOCK_LEEWAY
    return (delivery.next_attempt_at <= moment) | (delivery.next_attempt_at > too_far)


def locked(*which: sa.ColumnElement[bool], skip_locked: bool = False) -> sa.Select[int]:
    """Return the query for the ids of those owed deliveries, which locks them.

    They are locked in one order always: two who change several at once wait, and never deadlock.
    """
    query = sa.select(Delivery.id).where(is_owed, *which).order_by(Delivery.id)
    return query.with_for_update(skip_locked=skip_locked)


def state_after(reply: Reply) -> DeliveryState:
    """Return what a delivery is after the host has replied so."""
    if reply.is_unknown_there:
        return DeliveryState.UNKNOWN_THERE
    return DeliveryState.DONE if reply.error is None else DeliveryState.OWED


def backoff_after(attempts: int) -> timedelta:
    """Return how long a host is left alone after that number of failed attempts, at least one."""
    return min(FIRST_BACKOFF * 2.0 ** min(attempts - 1, _DOUBLINGS_MAX), _LAST_BACKOFF)
