"""What is known of every other host: how the last calls ended, and what it is still owed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from timApp.hosts.outbox.delivery import Delivery, DeliveryState, is_owed
from timApp.net.network import Host, Network
from timApp.net.peer import known_peers
from timApp.util.clock import now

#: How long what was dropped counts.
RECENTLY = timedelta(days=1)


@dataclass(frozen=True)
class HostStatus:
    """How it stands with one host."""

    host: Host
    #: Whether it is in the configuration; if not, it is not called.
    is_configured: bool
    #: Whether it signs; None if that is not known, as it has not been reached yet.
    signs: bool | None
    last_success_at: datetime | None
    last_failure_at: datetime | None
    #: What went wrong then, in one line.
    last_failure: str | None
    #: How many changes it is to be told.
    owed: int
    #: How many verifications got too old to be told, `RECENTLY`.
    dropped: int


def host_statuses(network: Network, engine: sa.Engine) -> list[HostStatus]:
    """Return how it stands with the hosts of the configuration, and others that are owed something.

    Three statements, however many hosts there are.
    """
    counts = _counts(engine)
    configured = network.hosts
    known = {host.url for host in configured}
    hosts = [*configured, *(Host(url) for url in sorted(counts) if url not in known)]
    peers = known_peers(engine, hosts)
    statuses = []
    for host in hosts:
        peer = peers.get(host.url)
        owed, dropped = counts.get(host.url, (0, 0))
        statuses.append(
            HostStatus(
                host=host,
                is_configured=host.url in known,
                signs=peer.signs if peer and (peer.signs or peer.last_success_at) else None,
                last_success_at=peer.last_success_at if peer else None,
                last_failure_at=peer.last_failure_at if peer else None,
                last_failure=peer.last_failure if peer else None,
                owed=owed,
                dropped=dropped,
            )
        )
    return statuses


def count_owed(engine: sa.Engine) -> int:
    """Return how many deliveries are owed, to all hosts together."""
    query = sa.select(sa.func.count()).select_from(Delivery).where(is_owed)
    with engine.connect() as connection:
        return connection.scalars(query).one()


def _counts(engine: sa.Engine) -> dict[str, tuple[int, int]]:
    """Return how many deliveries are owed, and were dropped recently, by the host's URL."""
    is_dropped = (Delivery.state == DeliveryState.EXPIRED) & (
        Delivery.settled_at > now() - RECENTLY
    )
    query = (
        sa.select(
            Delivery.host,
            sa.func.count().filter(is_owed),
            sa.func.count().filter(is_dropped),
        )
        .where(is_owed | is_dropped)
        .group_by(Delivery.host)
    )
    with engine.connect() as connection:
        return {host: (owed, dropped) for host, owed, dropped in connection.execute(query)}
