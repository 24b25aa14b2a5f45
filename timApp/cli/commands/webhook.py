"""`timapp webhook`."""

from collections.abc import Sequence
from datetime import datetime

import click

from timApp.accounts.receivers import (
    add_receiver,
    change_signing_key,
    end_receiver,
    listed_receivers,
    owe_receiver_test,
    tell_test,
)
from timApp.auth.site import db
from timApp.auth.visitor import current_actor
from timApp.cli.context import application
from timApp.cli.help import examples
from timApp.cli.output import print_rows, printable, time_text
from timApp.cli.parameters import TEXT
from timApp.receivers.event import EventType
from timApp.receivers.receiver import ReceiverKind, Wanted
from timApp.receivers.site import current_teller


@click.group("webhook", epilog=examples("timapp webhook list", "timapp webhook test moodle"))
def command() -> None:
    """Add, list, test and remove the programs elsewhere that are told of sessions."""


@command.command(
    epilog=examples(
        "timapp webhook add moodle https://moodle.example.org/hook --event session.ended"
    )
)
@click.argument("name", type=TEXT)
@click.argument("url", type=TEXT, required=False)
@click.option(
    "--kind",
    type=click.Choice([one.value for one in ReceiverKind]),
    default=ReceiverKind.WEBHOOK.value,
    show_default=True,
    help="How it is told: a webhook, or Shared Signals that are pushed or fetched.",
)
@click.option(
    "--event",
    "events",
    type=click.Choice([one.value for one in EventType]),
    multiple=True,
    help="What it is told of; may be given several times. All events, if it is not given.",
)
@click.option(
    "--secret",
    type=TEXT,
    envvar="TIMAPP_WEBHOOK_SECRET",
    help="The secret of a webhook, if it is to have a known one; better in the environment"
    " variable TIMAPP_WEBHOOK_SECRET, where other people at the machine do not see it.",
)
@click.option(
    "--authorization",
    type=TEXT,
    envvar="TIMAPP_WEBHOOK_AUTHORIZATION",
    help="The Authorization header that a push is sent with; likewise"
    " TIMAPP_WEBHOOK_AUTHORIZATION.",
)
def add(  # noqa: PLR0917 - what a receiver is
    name: str,
    url: str | None,
    kind: str,
    events: Sequence[str],
    secret: str | None,
    authorization: str | None,
) -> None:
    """Add a receiver called NAME that is told at URL, and print its secret: it is shown this once.

    One that fetches has no URL; its secret is the token with which it does, and the address where
    comes after it.
    """
    wanted = Wanted(
        name,
        ReceiverKind(kind),
        url,
        [EventType(one) for one in events] or list(EventType),
        secret,
        authorization,
    )
    with application():
        teller = current_teller()
        made = add_receiver(db, teller, wanted, current_actor())
        db.session.commit()
        if made.secret is not None:
            click.echo(made.secret)
        if wanted.kind is ReceiverKind.SSF_POLL:
            click.echo(f"{teller.issuer}/ssf/poll/{made.receiver.id}")


@command.command("list", epilog=examples("timapp webhook list | cut -f 1,8"))
def list_receivers() -> None:
    """List receivers: name, kind, URL, events, state, last success, last failure, words, owed.

    The state is ok, failing, or ended: it has said that it is gone. A table at a terminal; else a
    line for each receiver, tab-separated and without headings.
    """
    with application():
        print_rows(
            (
                *("Name", "Kind", "URL", "Events", "State"),
                *("Success", "Failure", "What failed", "Owed", "Given up"),
            ),
            (
                (
                    one.receiver.name,
                    one.receiver.kind.value,
                    one.receiver.url or f"{current_teller().issuer}/ssf/poll/{one.receiver.id}",
                    one.receiver.events,
                    _state(one.receiver.ended_at, one.receiver.failing_since),
                    time_text(one.receiver.last_success_at),
                    time_text(one.receiver.last_failure_at),
                    one.receiver.last_failure or "",
                    str(one.owed),
                    str(one.given_up),
                )
                for one in listed_receivers(db)
            ),
        )


@command.command(epilog=examples("timapp webhook test moodle"))
@click.argument("name", type=TEXT)
@click.pass_context
def test(context: click.Context, name: str) -> None:
    """Send the receiver NAME a test; the exit code is 1 if it does not take it."""
    with application():
        receiver, message_id = owe_receiver_test(db, name)
        db.session.commit()
        heard = tell_test(current_teller(), receiver, message_id)
    if heard is None:
        click.echo(printable(f"A test is kept for {name}."))
    elif heard.error is None:
        click.echo(printable(f"{name} has taken the test."))
    else:
        click.echo(printable(f"{name} has not taken the test. {heard.error}"), err=True)
        context.exit(1)


@command.command(epilog=examples("timapp webhook remove moodle"))
@click.argument("name", type=TEXT)
def remove(name: str) -> None:
    """Remove the receiver NAME with all that it is owed: it is told nothing any more."""
    with application():
        end_receiver(db, name, current_actor())
        db.session.commit()
    click.echo(printable(f"Removed the receiver {name}."))


@command.command("new-key", epilog=examples("timapp webhook new-key"))
def new_key() -> None:
    """Let Shared Signals be signed with a new key, and print its name.

    Receivers find it where they have found the old one, which stays there until the next new one
    that is made a week or more after this.
    """
    with application():
        kid = change_signing_key(db, current_actor())
        db.session.commit()
    click.echo(kid)


def _state(ended_at: datetime | None, failing_since: datetime | None) -> str:
    if ended_at is not None:
        return "ended"
    return "ok" if failing_since is None else "failing"
