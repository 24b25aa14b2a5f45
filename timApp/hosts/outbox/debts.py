"""What other hosts are owed: noted with the change itself, and settled when they have replied."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.database.work import UnitOfWork
from timApp.guard.vocabulary import Action
from timApp.hosts.outbox.delivery import (
    FIRST_BACKOFF,
    Delivery,
    DeliveryState,
    HostChange,
    Outcome,
    backoff_after,
    is_free,
    is_owed,
    locked,
    state_after,
)
from timApp.hosts.outbox.lease import Lease, change_of, lease_time
from timApp.net.call import Reply
from timApp.net.calllog import record_calls
from timApp.net.network import Host, Network
from timApp.util.clock import now

_later = orm.aliased(Delivery)

_settle_each = (
    sa.update(Delivery)
    .where(Delivery.id == sa.bindparam("delivery_id"), is_owed)
    .values(
        state=sa.bindparam("new_state"),
        attempts=sa.bindparam("new_attempts"),
        next_attempt_at=sa.bindparam("new_attempt_at"),
        leased_until=None,
        last_error=sa.bindparam("new_error"),
        settled_at=sa.bindparam("new_settled_at"),
    )
)


def owe(
    work: UnitOfWork, network: Network, hosts: Sequence[Host], change: HostChange
) -> list[Lease]:
    """Note that the hosts are owed the change, in the work's transaction.

    The deliveries are leased for the caller, who commits and then makes them, see
    `timApp.hosts.outbox.worker.deliver`; if they never do, the worker does. Older deliveries that
    the change makes pointless are superseded: all of the person's by an invalidation of all
    sessions, its like by that of one session. A verification supersedes others when it has been
    told: until then it may itself get too old.
    """
    if not hosts:
        return []
    moment = now()
    until = moment + lease_time(network)
    by_url = {host.url: host for host in hosts}
    if change.action is Action.INVALIDATE:
        older = [
            Delivery.host.in_(by_url),
            Delivery.user_name == change.user_name,
            sa.tuple_(Delivery.at, Delivery.change_id) < _stamp_of(change),
        ]
        if change.session_id is not None:
            older += [
                Delivery.action == Action.INVALIDATE,
                Delivery.session_id == change.session_id,
            ]
        work.session.execute(
            _supersede(moment, locked(*older)), execution_options={"synchronize_session": False}
        )
    row = {
        "action": change.action,
        "user_name": change.user_name,
        "session_id": change.session_id,
        "at": change.note.stamp.at,
        "change_id": change.note.stamp.id,
        "made_by": change.note.by,
        "reason": change.note.reason,
        "state": DeliveryState.OWED,
        "attempts": 0,
        "next_attempt_at": moment,
        "leased_until": until,
    }
    insert = sa.insert(Delivery).values([row | {"host": url} for url in by_url])
    added = work.session.execute(insert.returning(Delivery.host, Delivery.id))
    ids = {row.host: row.id for row in added}
    return [Lease(ids[url], host, change, 0, until) for url, host in by_url.items()]


def settle(
    connection: sa.Connection,
    calls: Sequence[tuple[Lease, Reply]],
    given_back: Sequence[Lease] = (),
) -> list[Outcome]:
    """Note what came of the calls, one a host, and give other leases back; the caller commits.

    A fixed number of statements, however many calls there are. A delivery that has been settled
    meanwhile stays as it is. A host that did not answer is left alone for a while with all that it
    is owed, so that it is told in order later on.
    """
    moment = now()
    told = [
        lease.id
        for lease, reply in calls
        if lease.change.is_whole and state_after(reply) is DeliveryState.DONE
    ]
    silent = [
        {"silent_host": lease.host.url, "until": moment + backoff_after(lease.attempts + 1)}
        for lease, reply in calls
        if reply.is_silent
    ]
    returned = [lease.id for lease in given_back]
    # All of them before any is changed: see `locked`.
    connection.execute(
        locked(
            Delivery.id.in_([lease.id for lease, _ in calls] + returned)
            | _is_overtaken_by(told)
            | Delivery.host.in_([entry["silent_host"] for entry in silent])
        )
    )
    if calls:
        connection.execute(
            _settle_each, [_settlement(lease, reply, moment) for lease, reply in calls]
        )
    if returned:
        connection.execute(
            sa.update(Delivery)
            .where(
                Delivery.id.in_(returned),
                is_owed,
                # What has run out may be somebody else's by now.
                Delivery.leased_until.in_({lease.until for lease in given_back}),
            )
            .values(leased_until=None, next_attempt_at=moment + FIRST_BACKOFF)
        )
    if silent:
        connection.execute(
            sa.update(Delivery)
            .where(Delivery.host == sa.bindparam("silent_host"), is_owed, is_free(moment))
            .values(next_attempt_at=sa.bindparam("until")),
            silent,
        )
    if told:
        connection.execute(_supersede(moment, locked(_is_overtaken_by(told))))
    record_calls(
        connection,
        [
            (lease.host, lease.change.action.value, lease.change.user_name, reply)
            for lease, reply in calls
        ],
    )
    return [
        Outcome(lease.host, lease.change, state_after(reply), reply.error) for lease, reply in calls
    ]


def last_outcomes(
    work: UnitOfWork,
    action: Action,
    user_name: str,
    session_id: str | None,
    hosts: Sequence[Host],
) -> list[Outcome]:
    """Return what became of a change at the hosts; of several that are alike, the last one.

    A host that was never owed it is left out.
    """
    query = (
        sa.select(Delivery)
        .where(
            Delivery.user_name == user_name,
            Delivery.host.in_([host.url for host in hosts]),
            Delivery.action == action,
            Delivery.session_id == session_id,
        )
        .order_by(Delivery.id)
    )
    last = {delivery.host: delivery for delivery in work.session.scalars(query)}
    return [
        Outcome(host, change_of(found), found.state, found.last_error)
        for host in hosts
        if (found := last.get(host.url)) is not None
    ]


def _settlement(lease: Lease, reply: Reply, moment: datetime) -> dict[str, object]:
    state = state_after(reply)
    is_owed_still = state is DeliveryState.OWED
    attempts = lease.attempts + 1
    return {
        "delivery_id": lease.id,
        "new_state": state,
        "new_attempts": attempts,
        "new_attempt_at": moment + backoff_after(attempts) if is_owed_still else moment,
        "new_error": reply.error,
        "new_settled_at": None if is_owed_still else moment,
    }


def _stamp_of(change: HostChange) -> sa.Tuple:
    stamp = change.note.stamp
    return sa.tuple_(sa.literal(stamp.at, Delivery.at.type), sa.literal(stamp.id, sa.Text()))


def _supersede(moment: datetime, which: sa.Select[int]) -> sa.Update:
    return (
        sa.update(Delivery)
        .where(Delivery.id.in_(which))
        .values(state=DeliveryState.SUPERSEDED, settled_at=moment)
    )


def _is_overtaken_by(ids: Sequence[int]) -> sa.ColumnElement[bool]:
    """Return the condition that one of these is a later change of the person at the host."""
    return sa.exists().where(
        _later.id.in_(ids),
        _later.host == Delivery.host,
        _later.user_name == Delivery.user_name,
        sa.tuple_(_later.at, _later.change_id) > sa.tuple_(Delivery.at, Delivery.change_id),
    )
