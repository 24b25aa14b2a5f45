"""Receivers are added, ended and tested, and it is recorded."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from timApp.database.work import UnitOfWork
from timApp.guard.changes.record import record_of_things
from timApp.guard.vocabulary import Action, Actor
from timApp.receivers.answer import Heard
from timApp.receivers.notice import Notice, NoticeState
from timApp.receivers.owe import owe_test
from timApp.receivers.receiver import (
    NewReceiver,
    Receiver,
    ReceiverKind,
    Wanted,
    all_receivers,
    make_receiver,
    require_receiver,
)
from timApp.receivers.signingkey import ensure_key, new_key
from timApp.receivers.teller import Teller
from timApp.util.clock import now
from timApp.util.errors import Conflict
from timApp.util.origin import origin_of
from timApp.util.text import quoted


@dataclass(frozen=True)
class ListedReceiver:
    """A receiver, and how much it is owed, and was not told in the last days."""

    receiver: Receiver
    owed: int
    given_up: int


def add_receiver(work: UnitOfWork, teller: Teller, wanted: Wanted, actor: Actor) -> NewReceiver:
    """Make a receiver, as `make_receiver` does, and record it. Nothing is committed."""
    takes_http = bool(teller.outside.networks)
    made = make_receiver(work, wanted, issuer=teller.issuer, takes_http=takes_http)
    if wanted.kind is not ReceiverKind.WEBHOOK:
        ensure_key(work.session.connection())
    what = f"{wanted.name}: {wanted.kind.value}"
    if wanted.url is not None:
        what += f", {origin_of(wanted.url)}"  # there may be a secret in the rest
    record_of_things(work, actor, Action.ADD_RECEIVER, [what], now())
    return made


def end_receiver(work: UnitOfWork, name: str, actor: Actor) -> None:
    """End a receiver with all that it is owed, and record it; nothing of it stays.

    `NotFound` (field ``name``) if there is none. Nothing is committed.
    """
    receiver = require_receiver(work, name)
    work.session.execute(
        sa.delete(Notice).where(Notice.receiver_id == receiver.id),
        execution_options={"synchronize_session": False},
    )
    work.session.delete(receiver)
    work.session.flush()
    record_of_things(work, actor, Action.END_RECEIVER, [name], now())


def owe_receiver_test(work: UnitOfWork, name: str) -> tuple[Receiver, str]:
    """Note that a receiver is owed a test; return it, and the message id. Nothing is committed.

    `NotFound` (field ``name``) if there is none, `Conflict` for one that has said that it is gone.
    """
    receiver = require_receiver(work, name)
    if receiver.ended_at is not None:
        raise Conflict(
            "%(name)s has said that it is gone. End it, and add it again.",
            field="name",
            name=quoted(name),
        )
    return receiver, owe_test(work.session.connection(), receiver.id)


def tell_test(teller: Teller, receiver: Receiver, message_id: str) -> Heard | None:
    """Tell a receiver the test that was committed, and return what it says.

    None if it is told later: one that fetches, and one that somebody tells something else now.
    """
    leases = teller.claim(receiver.id)
    return teller.tell_one(leases[0], message_id) if leases else None


def change_signing_key(work: UnitOfWork, actor: Actor) -> str:
    """Let what is told be signed with a new key, and record it; return its name.

    Nothing is committed.
    """
    kid = new_key(work.session.connection())
    record_of_things(work, actor, Action.NEW_SIGNING_KEY, [kid], now())
    return kid


def listed_receivers(work: UnitOfWork) -> Sequence[ListedReceiver]:
    """Return all receivers, by name."""
    counts = {
        (receiver_id, state): count
        for receiver_id, state, count in work.session.execute(
            sa.select(Notice.receiver_id, Notice.state, sa.func.count())
            .where(Notice.state.in_([NoticeState.OWED, NoticeState.GIVEN_UP]))
            .group_by(Notice.receiver_id, Notice.state)
        )
    }
    return [
        ListedReceiver(
            one,
            counts.get((one.id, NoticeState.OWED), 0),
            counts.get((one.id, NoticeState.GIVEN_UP), 0),
        )
        for one in all_receivers(work)
    ]
