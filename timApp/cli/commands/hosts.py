"""`timapp hosts`."""

from collections.abc import Iterator

import click

from timApp.auth.site import current_site, db
from timApp.cli.context import application
from timApp.cli.help import examples
from timApp.cli.output import print_rows, printable, time_text
from timApp.hosts.check import HostCheck, check_hosts
from timApp.hosts.status import RECENTLY, HostStatus, host_statuses
from timApp.net.call import require_secret
from timApp.net.wrongsecret import recent_wrong_secrets
from timApp.util.clock import now


@click.group("hosts", epilog=examples("timapp hosts check", "timapp hosts status"))
def command() -> None:
    """Check the other hosts of the configuration, and see what they are owed."""


@command.command(epilog=examples("timapp hosts check"))
@click.pass_context
def check(context: click.Context) -> None:
    """Ask each host whether it is there and takes our secret; nothing changes on any.

    A line for each host; the exit code is 1 if any is not as it should be. Whether a host signs is
    noted, so that no secret is sent to one that does. A clock that is more than a few seconds off
    ours is named, as a signed request counts for a minute only.
    """
    with application():
        network = current_site().network
        require_secret(network)
        checks = check_hosts(network, db.engine, network.hosts)
    for result in checks:
        words = f"{result.host.label}: {result.error or f'ok, {_words(result)}.'}"
        click.echo(printable(words), err=result.error is not None)
    if any(result.error for result in checks):
        context.exit(1)


@command.command(epilog=examples("timapp hosts status", "timapp hosts status | cut -f 2,7"))
def status() -> None:
    """Show each host: name, URL, kind, last success, last failure, its words, owed, dropped.

    Owed are changes that it has not been told yet; dropped, in the last day, are verifications that
    got too old for that. The addresses that have shown wrong secrets to this server in the last day
    come at the end: how many, and the last time. Tables at a terminal; else a line for each,
    tab-separated and without headings. Times are in the site's zone.
    """
    with application():
        print_rows(
            ("Host", "URL", "Kind", "Success", "Failure", "What failed", "Owed", "Dropped"),
            _status_rows(host_statuses(current_site().network, db.engine)),
        )
        wrong = [
            ("wrong secrets", address, str(count), time_text(last))
            for address, count, last in recent_wrong_secrets(db.engine, now() - RECENTLY)
        ]
        if wrong:
            print_rows(("", "Address", "Number", "Last"), wrong)


def _words(result: HostCheck) -> str:
    """Return what there is to say of a host that is as it should be."""
    kind = "signs" if result.signs else "does not sign, and takes the secret"
    if result.clock_ahead is None:
        return kind
    seconds = round(result.clock_ahead.total_seconds())
    where = "ahead of" if seconds > 0 else "behind"
    return f"{kind}; its clock is {abs(seconds)} s {where} ours"


def _status_rows(statuses: list[HostStatus]) -> Iterator[tuple[str, ...]]:
    for one in statuses:
        kind = {True: "signs", False: "unsigned", None: "not known"}[one.signs]
        yield (
            one.host.name or "",
            one.host.url,
            kind if one.is_configured else "not in the configuration",
            time_text(one.last_success_at),
            time_text(one.last_failure_at),
            one.last_failure or "",
            str(one.owed),
            str(one.dropped),
        )
