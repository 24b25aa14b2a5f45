"""Tells hosts what they are owed: at once when a change was made, or later when they are back."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from threading import Event, Thread

import sqlalchemy as sa

from timApp.database.failure import log_failure
from timApp.database.patience import LONG_PATIENCE, patience
from timApp.hosts.outbox.debts import settle
from timApp.hosts.outbox.delivery import DeliveryState, Outcome, state_after
from timApp.hosts.outbox.lease import Lease, find_followers, lease_due, lease_owed, renew
from timApp.net.call import NO_SECRET, call_hosts
from timApp.net.network import Host, Network
from timApp.util.repeats import Repeats

#: Why a host was not told yet, when it could have been.
_FOLLOWS = "is told of this after an earlier verification that it has not been told of yet."
#: Seconds between two looks at what is due.
_PAUSE = 1

_log = logging.getLogger(__name__)


def deliver(network: Network, engine: sa.Engine, leases: Sequence[Lease]) -> list[Outcome]:
    """Make the deliveries of one change, to all its hosts at once; return what came of each.

    To be called after the commit of the change, outside of any transaction. Takes about as long as
    the slowest host, at most `timApp.defaultconfig.DIST_RIGHTS_TIMEOUT`. What fails stays owed.
    """
    if not leases or not network.send_secret:
        return _not_told(leases, NO_SECRET)
    followers = find_followers(engine, leases)
    told = [lease for lease in leases if lease.id not in followers]
    put_off = [lease for lease in leases if lease.id in followers]
    replies = call_hosts(network, engine, [lease.change.call(lease.host) for lease in told])
    with engine.begin() as connection:
        outcomes = settle(connection, list(zip(told, replies, strict=True)), put_off)
    return outcomes + _not_told(put_off, _FOLLOWS)


def deliver_in_order(network: Network, engine: sa.Engine, leases: Sequence[Lease]) -> list[Outcome]:
    """Make deliveries, one after the other for each host, all hosts at the same time.

    A host that fails is left alone from there on. Otherwise as `deliver`.
    """
    if not network.send_secret:
        return _not_told(leases, NO_SECRET)
    queues = defaultdict(list)
    for lease in leases:
        queues[lease.host].append(lease)
    outcomes: list[Outcome] = []
    errors: list[Exception] = []

    def work(queue: Sequence[Lease]) -> None:
        try:
            with patience(LONG_PATIENCE):
                outcomes.extend(_deliver_to_one_host(network, engine, queue))
        except Exception as error:
            errors.append(error)

    # Threads that the end of the process need not wait for, unlike those of a pool.
    threads = [Thread(target=work, args=(queue,), daemon=True) for queue in queues.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return outcomes


def deliver_owed(
    network: Network, engine: sa.Engine, user_name: str, hosts: Iterable[Host]
) -> list[Outcome]:
    """Make the deliveries that the hosts are owed of one person's changes, due or not, in order.

    Not those that somebody else is about to make. Otherwise as `deliver_due`.
    """
    leases, dropped = lease_owed(network, engine, user_name, hosts)
    return dropped + deliver_in_order(network, engine, leases)


def deliver_due(network: Network, engine: sa.Engine) -> list[Outcome]:
    """Make the deliveries that are due, in order for each host; drop those that are too old.

    Returns what came of each. Several may do so at once, in whatever processes. A host that fails
    is asked only once, and one that has left the configuration not at all: it stays owed.
    """
    leases, dropped = lease_due(network, engine)
    return dropped + deliver_in_order(network, engine, leases)


def deliver_forever(
    network: Network, engine: sa.Engine, stop: Event, report: Callable[[Outcome], object]
) -> None:
    """Do `deliver_due` again and again until `stop` is set, and report what came of it.

    An error ends a round only, as when the database is restarted.
    """
    failures = Repeats(who="rounds")
    while not stop.is_set():
        try:
            with patience(LONG_PATIENCE):
                for outcome in deliver_due(network, engine):
                    report(outcome)
        except Exception as error:
            log_failure(_log, "Other hosts could not be told what they are owed", error, failures)
        stop.wait(_PAUSE)


def _deliver_to_one_host(
    network: Network, engine: sa.Engine, leases: Sequence[Lease]
) -> Iterator[Outcome]:
    """Make one host's deliveries until one fails, and give back the others."""
    for number, leased in enumerate(leases):
        lease = renew(network, engine, leased)
        if lease is None:
            continue  # superseded meanwhile, or made by somebody else
        (reply,) = call_hosts(network, engine, [lease.change.call(lease.host)])
        has_failed = state_after(reply) is DeliveryState.OWED
        with engine.begin() as connection:
            yield from settle(
                connection, [(lease, reply)], leases[number + 1 :] if has_failed else ()
            )
        if has_failed:
            return


def _not_told(leases: Sequence[Lease], why: str) -> list[Outcome]:
    return [Outcome(lease.host, lease.change, DeliveryState.OWED, why) for lease in leases]
