"""Asks hosts whether they would take what we tell them, and changes nothing on any of them."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import sqlalchemy as sa

from timApp.guard.vocabulary import Action
from timApp.hosts.outbox.delivery import HostChange
from timApp.net.call import Call, Reply, call_hosts
from timApp.net.calllog import record_calls
from timApp.net.network import Host, Network
from timApp.net.note import ChangeNote
from timApp.net.peer import forget_signature
from timApp.util.stamp import next_stamp

#: What clocks may differ by and nobody need know.
_CLOCK_TOLERANCE = timedelta(seconds=5)


@dataclass(frozen=True)
class HostCheck:
    """What came of the check of one host."""

    host: Host
    #: What is wrong, in one line without the host's name; None if nothing is.
    error: str | None
    #: Whether the host signs; if not, it was not reached, or knows only requests with the secret.
    signs: bool
    #: By how much its clock is ahead of ours, or behind it; None if that is hardly anything.
    clock_ahead: timedelta | None


def check_hosts(network: Network, engine: sa.Engine, hosts: Sequence[Host]) -> list[HostCheck]:
    """Ask all hosts at once; note for each whether it signs, and record the calls.

    A host that does not sign does not know the question. It is told, with the secret, to invalidate
    the sessions of a user whom nobody has: if it takes the secret, it says so, or that there is no
    such user, as TIM does. Outside of any transaction.
    """
    replies = dict(
        zip(
            hosts,
            call_hosts(network, engine, [Call(host, "/hosts/check", {}) for host in hosts]),
            strict=True,
        )
    )
    unsigned = [host for host, reply in replies.items() if reply.is_unsigned]
    if unsigned and not network.signed_only:
        with engine.begin() as connection:
            for host in sorted(unsigned, key=lambda host: host.url):
                forget_signature(connection, host)
        nobody = secrets.token_hex(16)
        change = HostChange(Action.INVALIDATE, nobody, None, ChangeNote(next_stamp(None)))
        answers = call_hosts(network, engine, [change.call(host) for host in unsigned])
        replies |= dict(zip(unsigned, map(_without_user, answers), strict=True))
    with engine.begin() as connection:
        record_calls(connection, [(host, "check", None, reply) for host, reply in replies.items()])
    return [
        HostCheck(host, reply.error, reply.signs, _difference(reply.clock_ahead))
        for host, reply in replies.items()
    ]


def _difference(ahead: timedelta | None) -> timedelta | None:
    return ahead if ahead is not None and abs(ahead) > _CLOCK_TOLERANCE else None


def _without_user(reply: Reply) -> Reply:
    """Return the reply, as a success if all that is wrong is that there is no such user."""
    return replace(reply, error=None) if reply.is_unknown_there else reply
