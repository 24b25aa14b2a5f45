"""Tells the hosts of other targets of a verification or an invalidation, all at the same time.

The request is that of TIM hosts: ``POST <host>/user/sessions/<action>`` with the JSON object
``{"username", "session_id", "secret"}``, answered with ``{"status": "ok"}``. Hosts that know more
read a signature and a note in its headers, see `timApp.hosts.call`.
"""

from flask import current_app

from timApp.auth.session.precedence import next_stamp_of
from timApp.auth.sessioninfo import current_actor
from timApp.hosts.call import NO_SECRET, call_hosts
from timApp.hosts.changenote import ChangeNote
from timApp.hosts.delivery import ACTIONS, HostChange
from timApp.hosts.network import current_network
from timApp.hosts.outbox import owe, settle
from timApp.timdb.sqa import db
from timApp.util.stamp import Stamp
from timApp.util.text import storable


def distribute(action: str, username: str, session_id: str | None, targets: list[str]) -> list[str]:
    """Do what `timApp.auth.session.util.distribute_session_verification` says."""
    if action not in ACTIONS:
        return [f"There is no action {action!r}; it is one of {', '.join(ACTIONS)}."]
    hosts, errors = current_network().hosts_of(targets)
    if not hosts:
        return errors
    if not current_app.config["DIST_RIGHTS_SEND_SECRET"]:
        return [*errors, f"No host was asked: {NO_SECRET}"]
    change = change_for_hosts(action, username, session_id, next_stamp_of(username))
    replies = call_hosts(
        [change.call(host) for host in hosts], current_app.config["DIST_RIGHTS_TIMEOUT"]
    )
    # Only now: on SQLite nobody else could write while hosts take their time.
    claims = owe(hosts, change)
    outcomes = settle(db.session.connection(), list(zip(claims, replies, strict=True)))
    return errors + [
        f"{outcome.host.label}: {outcome.error}" for outcome in outcomes if outcome.error
    ]


def change_for_hosts(
    action: str, username: str, session_id: str | None, stamp: Stamp, reason: str = ""
) -> HostChange:
    """Return a change that was made here, as hosts are told of it: by whom and why, too."""
    note = ChangeNote(stamp, current_actor().name, reason)
    named = None if session_id is None else storable(session_id)
    return HostChange(action, storable(username), named, note)
