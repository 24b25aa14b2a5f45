"""Leases of deliveries: who makes one, and until when nobody else does.

What was leased by a process that is no more is free again when the lease has run out. A host that
is told twice all the same overlooks the second time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from timApp.guard.vocabulary import Action
from timApp.hosts.outbox.delivery import (
    Delivery,
    DeliveryState,
    HostChange,
    Outcome,
    is_due,
    is_free,
    is_owed,
    locked,
)
from timApp.net.network import Host, Network
from timApp.net.note import ChangeNote
from timApp.util.clock import now
from timApp.util.stamp import Stamp

#: A lease outlasts the time that hosts have to answer by this. A server whose clock is further
#: ahead takes it before: the host is then told twice, and counts it once.
_MARGIN = timedelta(seconds=5)

_columns = (
    Delivery.id,
    Delivery.host,
    Delivery.action,
    Delivery.user_name,
    Delivery.session_id,
    Delivery.at,
    Delivery.change_id,
    Delivery.made_by,
    Delivery.reason,
    Delivery.attempts,
)
_older = orm.aliased(Delivery)


@dataclass(frozen=True)
class Lease:
    """A delivery that is ours to make: nobody else makes it before `until`."""

    id: int
    host: Host
    change: HostChange
    attempts: int
    until: datetime


def lease_time(network: Network) -> timedelta:
    """Return how long a lease lasts: longer than a call may take."""
    return timedelta(seconds=network.timeout) + _MARGIN


def lease_due(network: Network, engine: sa.Engine) -> tuple[list[Lease], list[Outcome]]:
    """Lease what is due for the network's hosts, in the order of the stamps; drop what is too old.

    Two who lease at once never get the same. What other hosts are owed stays owed. Returns what was
    dropped, too: verifications older than `timApp.defaultconfig.DIST_RIGHTS_VERIFY_MAX_AGE`, to
    whichever host.
    """
    moment = now()
    is_not_ready = ~is_due(moment, _older) | (_older.leased_until > moment)
    return _lease(
        network,
        engine,
        network.hosts,
        moment,
        is_due(moment, Delivery),
        ~_follows(is_not_ready),
    )


def lease_owed(
    network: Network, engine: sa.Engine, user_name: str, hosts: Iterable[Host]
) -> tuple[list[Lease], list[Outcome]]:
    """Do as `lease_due` with whatever the hosts are owed of one person's changes, due or not."""
    moment = now()
    is_not_ready = _older.leased_until > moment
    return _lease(
        network, engine, hosts, moment, Delivery.user_name == user_name, ~_follows(is_not_ready)
    )


def leases_on(engine: sa.Engine, change: HostChange, hosts: Sequence[Host]) -> list[Lease]:
    """Return the leases that whoever noted the change was given with it, in the hosts' order."""
    stamp = change.note.stamp
    query = sa.select(*_columns, Delivery.leased_until).where(
        is_owed,
        Delivery.user_name == change.user_name,
        Delivery.host.in_([host.url for host in hosts]),
        Delivery.at == stamp.at,
        Delivery.change_id == stamp.id,
    )
    with engine.connect() as connection:
        rows = {row.host: row for row in connection.execute(query)}
    return [
        Lease(row.id, host, change, row.attempts, row.leased_until)
        for host in hosts
        if (row := rows.get(host.url)) is not None
    ]


def renew(network: Network, engine: sa.Engine, lease: Lease) -> Lease | None:
    """Return the lease as a new one; None if it was lost: run out, or the delivery is settled."""
    until = now() + lease_time(network)
    with engine.begin() as connection:
        renewed = connection.scalar(
            sa.update(Delivery)
            .where(Delivery.id == lease.id, is_owed, Delivery.leased_until == lease.until)
            .values(leased_until=until)
            .returning(Delivery.id)
        )
    return None if renewed is None else replace(lease, until=until)


def find_followers(engine: sa.Engine, leases: Sequence[Lease]) -> set[int]:
    """Return the ids of the deliveries that must not be made before another that is still owed.

    That is the invalidation of a session whose verification the host is still to be told: told in
    the other order, a host that knows no stamps would let the session be active.
    """
    ids = [lease.id for lease in leases if not lease.change.is_whole]
    if not ids:
        return set()
    query = sa.select(Delivery.id).where(Delivery.id.in_(ids), _follows())
    with engine.connect() as connection:
        return set(connection.scalars(query))


def _follows(*which: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Return the condition that an older verification of the same session is owed, and is such."""
    return sa.and_(
        Delivery.action != Action.VERIFY,
        Delivery.session_id.is_not(None),
        sa.exists().where(
            _older.settled_at.is_(None),
            _older.action == Action.VERIFY,
            _older.host == Delivery.host,
            _older.user_name == Delivery.user_name,
            _older.session_id.is_(None) | (_older.session_id == Delivery.session_id),
            sa.tuple_(_older.at, _older.change_id) < sa.tuple_(Delivery.at, Delivery.change_id),
            *which,
        ),
    )


def _lease(
    network: Network,
    engine: sa.Engine,
    hosts: Iterable[Host],
    moment: datetime,
    *which: sa.ColumnElement[bool],
) -> tuple[list[Lease], list[Outcome]]:
    by_url = {host.url: host for host in hosts}
    until = moment + lease_time(network)
    too_old = moment - network.verify_max_age
    is_expired = sa.and_(is_free(moment), Delivery.action == Action.VERIFY, Delivery.at < too_old)
    is_wanted = sa.and_(is_free(moment), Delivery.host.in_(by_url), *which)
    with engine.begin() as connection:
        query = sa.select(Delivery.id).where(is_owed, is_expired | is_wanted).limit(1)
        if connection.scalar(query) is None:
            return [], []  # as mostly, and nobody who writes had to wait
        dropped = connection.execute(
            sa.update(Delivery)
            .where(Delivery.id.in_(locked(is_expired, skip_locked=True)))
            .values(state=DeliveryState.EXPIRED, settled_at=moment)
            .returning(*_columns)
        ).all()
        leased = connection.execute(
            sa.update(Delivery)
            .where(Delivery.id.in_(locked(is_wanted, skip_locked=True)))
            .values(leased_until=until)
            .returning(*_columns)
        ).all()
    leases = [
        Lease(row.id, by_url[row.host], change_of(row), row.attempts, until) for row in leased
    ]
    outcomes = [
        Outcome(by_url.get(row.host) or Host(row.host), change_of(row), DeliveryState.EXPIRED)
        for row in dropped
    ]
    return sorted(leases, key=lambda lease: lease.change.note.stamp), outcomes


def change_of(row: Any) -> HostChange:
    """Return the change that a delivery, or a row with its columns, is about."""
    note = ChangeNote(Stamp(row.at, row.change_id), row.made_by, row.reason)
    return HostChange(row.action, row.user_name, row.session_id, note)
