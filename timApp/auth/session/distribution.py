"""Tells the hosts of other targets of a verification or an invalidation, all at the same time.

The request is that of TIM hosts: ``POST <host>/user/sessions/<action>`` with the JSON object
``{"username", "session_id", "secret"}``, answered with ``{"status": "ok"}``. Hosts that know more
read a signature and a note in its headers, see `timApp.hosts.call`.
"""

from collections.abc import Sequence

from flask import current_app

from timApp.hosts.call import NO_SECRET, Call, call_hosts
from timApp.hosts.changenote import ChangeNote
from timApp.hosts.network import Host, current_network
from timApp.util.stamp import next_stamp

#: What can be distributed; each is the last part of the address that is asked.
ACTIONS = ("verify", "invalidate")


def distribute(action: str, username: str, session_id: str | None, targets: list[str]) -> list[str]:
    """Do what `timApp.auth.session.util.distribute_session_verification` says."""
    if action not in ACTIONS:
        return [f"There is no action {action!r}; it is one of {', '.join(ACTIONS)}."]
    hosts, errors = current_network().hosts_of(targets)
    if hosts and not current_app.config["DIST_RIGHTS_SEND_SECRET"]:
        return [*errors, f"No host was asked: {NO_SECRET}"]
    outcomes = tell(hosts, action, username, session_id)
    return errors + [f"{host.label}: {error}" for host, error in outcomes.items() if error]


def tell(
    hosts: Sequence[Host], action: str, username: str, session_id: str | None
) -> dict[Host, str | None]:
    """Ask the hosts to carry out one of the `ACTIONS`; return what went wrong, or None, of each."""
    note = ChangeNote(next_stamp(None))
    path = f"/user/sessions/{action}"
    content = {"username": username, "session_id": session_id}
    calls = [Call(host, path, content, note) for host in hosts]
    replies = call_hosts(calls, current_app.config["DIST_RIGHTS_TIMEOUT"])
    return {host: reply.error for host, reply in zip(hosts, replies, strict=True)}
