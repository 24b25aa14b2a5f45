"""Tells the hosts of other targets of a verification or an invalidation, all at the same time.

The request is that of TIM hosts: ``POST <host>/user/sessions/<action>`` with the JSON object
``{"username", "session_id", "secret"}``, answered with ``{"status": "ok"}``. Hosts that know more
read a signature and a note in its headers, see `timApp.net.call`.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from timApp.auth.site import current_site, db
from timApp.auth.visitor import current_actor
from timApp.database.work import UnitOfWork
from timApp.guard.changes.change import OnePerson, Receipt
from timApp.guard.changes.order import next_stamp_of
from timApp.hosts.outbox.debts import owe, settle
from timApp.hosts.outbox.delivery import ACTIONS, HostChange, Outcome
from timApp.hosts.outbox.lease import leases_on
from timApp.hosts.outbox.worker import deliver, deliver_in_order
from timApp.net.call import NO_SECRET, call_hosts
from timApp.net.network import Network
from timApp.net.note import ChangeNote
from timApp.user.user import User
from timApp.util.text import storable


def distribute(action: str, username: str, session_id: str | None, targets: list[str]) -> list[str]:
    """Do what `timApp.auth.session.util.distribute_session_verification` says."""
    network = current_site().network
    known = {one.value: one for one in ACTIONS}
    if action not in known:
        return [f"There is no action {action!r}; it is one of {', '.join(known)}."]
    hosts, errors = network.hosts_of(targets)
    if not hosts:
        return errors
    if not network.send_secret:
        return [*errors, f"No host was asked: {NO_SECRET}"]
    user = User.get_by_name(db, username)
    note = ChangeNote(next_stamp_of(db, user.id if user else None), current_actor().name)
    name = user.name if user else storable(username)
    change = HostChange(known[action], name, session_id and storable(session_id), note)
    replies = call_hosts(network, db.engine, [change.call(host) for host in hosts])
    # Only now: on SQLite nobody else could write while hosts take their time.
    leases = owe(db, network, hosts, change)
    outcomes = settle(db.session.connection(), list(zip(leases, replies, strict=True)))
    return errors + [
        f"{outcome.host.label}: {outcome.error}" for outcome in outcomes if outcome.error
    ]


def note_debts(network: Network, work: UnitOfWork, receipt: Receipt) -> None:
    """Note that the audience of a change is owed it: the guard's listener, in its transaction."""
    change = receipt.change
    if change.audience and isinstance(change.scope, OnePerson):
        owe(work, network, change.audience, change_for_hosts(receipt, change.scope.name))


def tell_audience(network: Network, engine: sa.Engine, receipt: Receipt) -> list[Outcome]:
    """Tell the audience of a change that was committed; return what came of each host.

    What fails stays owed; see `timApp.hosts.outbox.worker.deliver`.
    """
    change = receipt.change
    if not change.audience or not isinstance(change.scope, OnePerson):
        return []
    told = change_for_hosts(receipt, change.scope.name)
    return deliver(network, engine, leases_on(engine, told, change.audience))


def tell_audiences(network: Network, engine: sa.Engine, receipts: Sequence[Receipt]) -> None:
    """Tell the audiences of changes that were committed, each host of one after the other.

    What fails stays owed, see `timApp.hosts.outbox.worker.deliver_in_order`.
    """
    leases = [
        lease
        for receipt in receipts
        if receipt.change.audience and isinstance(receipt.change.scope, OnePerson)
        for lease in leases_on(
            engine,
            change_for_hosts(receipt, receipt.change.scope.name),
            receipt.change.audience,
        )
    ]
    deliver_in_order(network, engine, leases)


def change_for_hosts(receipt: Receipt, user_name: str) -> HostChange:
    """Return a change of one person that was made here, as hosts are told of it."""
    change = receipt.change
    assert receipt.stamp is not None  # noqa: S101 - only a logout has none, and no audience
    note = ChangeNote(receipt.stamp, change.actor.name, change.reason)
    session_id = receipt.session_id
    return HostChange(change.action, user_name, session_id and storable(session_id), note)
