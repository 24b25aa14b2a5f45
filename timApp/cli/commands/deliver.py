"""`timapp deliver`."""

import signal
from threading import Event

import click

from timApp.auth.site import current_site, db
from timApp.cli.context import application
from timApp.cli.help import examples
from timApp.cli.output import printable
from timApp.hosts.outbox.delivery import DeliveryState, Outcome
from timApp.hosts.outbox.worker import deliver_due, deliver_forever
from timApp.hosts.status import count_owed
from timApp.receivers.owe import count_owed as count_owed_to_receivers
from timApp.receivers.site import current_teller
from timApp.receivers.teller import Outcome as ToldOutcome
from timApp.receivers.worker import start_telling, tell_due

_WORDS = {
    DeliveryState.OWED: "failed",
    DeliveryState.DONE: "delivered",
    DeliveryState.UNKNOWN_THERE: "unknown there:",
    DeliveryState.EXPIRED: "dropped",
}


@click.command("deliver", epilog=examples("timapp deliver", "timapp deliver --once"))
@click.option(
    "--once",
    is_flag=True,
    help="Tell what is due now and end; the exit code is 1 if anything stays owed.",
)
@click.pass_context
def command(context: click.Context, once: bool) -> None:
    """Tell other hosts and receivers of the changes they are owed, until Ctrl-C or SIGTERM.

    `timapp run` does so as well. Several may do it at once. Prints a line for each delivery that
    was made, failed, or was dropped.
    """
    with application():
        network, teller = current_site().network, current_teller()
        if once:
            for outcome in deliver_due(network, db.engine):
                _print(outcome)
            for told in tell_due(teller):
                _print_told(told)
            left = count_owed(db.engine) + count_owed_to_receivers(db.engine)
            if left:
                click.echo(f"Still owed: {left}.", err=True)
                context.exit(1)
            return
        # What is interrupted is due again a little later. A program that was started in the
        # background may have been told to ignore Ctrl-C; `timapp run` does not ignore it either.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler)
        start_telling(teller, _print_told)
        try:
            deliver_forever(network, db.engine, Event(), _print)
        except KeyboardInterrupt:
            return


def _print_told(outcome: ToldOutcome) -> None:
    told, error = outcome.told, outcome.heard.error
    which = told.type if told.user_name is None else f"{told.type} of {told.user_name}"
    words = "delivered" if error is None else "failed"
    failure = "" if error is None else f": {error}"
    click.echo(printable(f"{words} {which} to {outcome.receiver}{failure}"))


def _print(outcome: Outcome) -> None:
    change = outcome.change
    which = (
        change.user_name
        if change.session_id is None
        else f"{change.user_name}, {change.session_id}"
    )
    error = f": {outcome.error}" if outcome.error else ""
    click.echo(
        printable(
            f"{_WORDS[outcome.state]} {change.action.value} of {which}"
            f" to {outcome.host.label}{error}"
        )
    )
