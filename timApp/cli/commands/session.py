"""`timapp session`."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import click

from timApp.auth.site import current_clocks, current_guard, current_site, db
from timApp.auth.visitor import current_actor
from timApp.cli.context import application
from timApp.cli.export import export_to_file, export_to_stdout
from timApp.cli.help import examples
from timApp.cli.output import print_rows, printable
from timApp.cli.parameters import TEXT, exam_option, format_option, state_option, user_option
from timApp.cli.sessions import session_rows
from timApp.guard.changes.change import Change, OnePerson, Receipt
from timApp.guard.exams.find import require_exam
from timApp.guard.export.sessions import session_table
from timApp.guard.export.stream import Export
from timApp.guard.reading.exam import of_exams
from timApp.guard.reading.filter import SessionFilter, of_people
from timApp.guard.seats.listing import spellings
from timApp.guard.seats.name import seat_name
from timApp.guard.tables.session import UserSession
from timApp.guard.vocabulary import (
    SESSION_ID_MAX_LENGTH,
    Action,
    ExportFormatOptions,
    SessionKey,
    SessionStateFilterOptions,
)
from timApp.hosts.distribution import tell_audience
from timApp.hosts.outbox.delivery import DeliveryState
from timApp.net.call import require_secret
from timApp.net.network import Host
from timApp.user.user import User, require_user
from timApp.util.errors import BadInput
from timApp.util.text import fits

_SOME_SESSION = "0191d3f0-7b3c-7c5e-a9a4-2f0e8f2f6a11"


@click.group(
    "session", epilog=examples("timapp session list --state active", "timapp session verify alice")
)
def command() -> None:
    """List, verify, invalidate, pause, end and export sessions.

    Changes are made on this server, and at the targets that are named, and recorded as made at the
    command line.
    """


@command.command(
    "list",
    epilog=examples(
        "timapp session list --state active",
        "timapp session list --user alice | cut -f 2",
        "timapp session list --find jones",
        "timapp session list --state active --seat B-14",
        'timapp session list --exam "Algebra 1"',
    ),
)
@state_option
@user_option
@click.option(
    "--find",
    "text",
    metavar="TEXT",
    type=TEXT,
    help="Only sessions of whoever is called TEXT or, if nobody is, of all who have TEXT in their"
    " name, full name or email.",
)
@click.option("--seat", metavar="SEAT", type=TEXT, help="Only sessions that began at this seat.")
@exam_option
def list_sessions(
    state: SessionStateFilterOptions,
    user: str | None,
    text: str | None,
    seat: str | None,
    exam: str | None,
) -> None:
    """List sessions: user, session, state, time of login, time of expiry, origin, seat.

    Where the list of seats contradicts the browser's own seat, what it says of the address comes
    after that, in brackets.

    A table at a terminal; else a line for each session, tab-separated and without headings.
    Times are in the site's zone.
    """
    if user is not None and text is not None:
        msg = "--user and --find say whose sessions are meant; give one of them."
        raise click.UsageError(msg)
    with application():
        which = _filter(state, user, exam)
        if text is not None:
            which = replace(which, **of_people(db, text))
        if seat is not None:
            which = replace(which, seats=spellings(db, seat_name(seat)))
        print_rows(
            ("User", "Session", "State", "Logged in", "Expired", "Origin", "Seat"),
            session_rows(which),
        )


_target_option = click.option(
    "--target",
    "targets",
    metavar="T",
    type=TEXT,
    multiple=True,
    help="Do it at the hosts of target T as well; may be repeated.",
)


@command.command(
    epilog=examples(
        "timapp session verify alice",
        f"timapp session verify alice {_SOME_SESSION}",
        "timapp session verify alice --target exam",
    )
)
@click.argument("user", type=TEXT)
@click.argument("session", type=TEXT, required=False)
@_target_option
@click.pass_context
def verify(
    context: click.Context, user: str, session: str | None, targets: tuple[str, ...]
) -> None:
    """Make SESSION of USER active, and expire the user's others.

    Without SESSION it is the latest one here that is not logged out. With --target, SESSION may be
    one that is not here but at the target. A line for each host that failed, and then the exit code
    is 1.
    """
    which = "latest session" if session is None else f"session {session}"
    with application():
        name, receipt = _change(Action.VERIFY, user, session, targets)
        click.echo(f"Verified the {which} of {name}.")
        _deliver(context, receipt)


@command.command(
    epilog=examples(
        "timapp session invalidate alice",
        f"timapp session invalidate alice {_SOME_SESSION}",
        "timapp session invalidate alice --target exam",
    )
)
@click.argument("user", type=TEXT)
@click.argument("session", type=TEXT, required=False)
@_target_option
@click.pass_context
def invalidate(
    context: click.Context, user: str, session: str | None, targets: tuple[str, ...]
) -> None:
    """Expire SESSION of USER, or all of the user's sessions.

    With --target, SESSION may be one that is not here but at the target. A line for each host that
    failed, and then the exit code is 1.
    """
    which = "all sessions" if session is None else f"the session {session}"
    with application():
        name, receipt = _change(Action.INVALIDATE, user, session, targets)
        click.echo(f"Invalidated {which} of {name}.")
        _deliver(context, receipt)


@command.command(
    epilog=examples("timapp session end alice", f"timapp session end alice {_SOME_SESSION}")
)
@click.argument("user", type=TEXT)
@click.argument("session", type=TEXT, required=False)
def end(user: str, session: str | None) -> None:
    """End SESSION of USER for good, or all of the user's sessions.

    They are as logged out, also those of supervisors and administrators, which nothing else ends
    from outside. On this server only.
    """
    which = "all sessions" if session is None else f"the session {session}"
    with application():
        name, _ = _change(Action.END, user, session, ())
        click.echo(f"Ended {which} of {name}.")


@command.command(epilog=examples("timapp session pause alice"))
@click.argument("user", type=TEXT)
def pause(user: str) -> None:
    """Note that USER has left the room: block them until they are verified.

    All sessions of USER expire, and so does whatever they log in to, until one is verified, in the
    console or with `timapp session verify`. On this server only.
    """
    with application():
        name, receipt = _change(Action.PAUSE, user, None, ())
        if receipt.takes_effect:
            click.echo(f"Paused {name}, until a session of theirs is verified.")
        else:
            click.echo(f"{name} is paused already; nothing was changed.")


@command.command(
    epilog=examples(
        "timapp session export --output sessions.csv",
        "timapp session export --format json --state active | jq length",
    )
)
@format_option
@state_option
@user_option
@exam_option
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="Write to FILE, for its owner only, when all sessions are in it; else there is no FILE.",
)
def export(
    export_format: str,
    state: SessionStateFilterOptions,
    user: str | None,
    exam: str | None,
    output: Path | None,
) -> None:
    """Export sessions as CSV or JSON.

    The columns are user, real_name, session_id, origin, logged_in_at, last_seen_at, expired_at and
    logged_out_at; times are in UTC. The sessions that are written are counted; unless it is all of
    them the exit code is 1.
    """
    chosen = ExportFormatOptions(export_format)
    with (
        application(),
        closing(Export(db.engine, session_table(_filter(state, user, exam)), chosen)) as sessions,
    ):
        if output is None or output == Path("-"):
            export_to_stdout(sessions, chosen)
        else:
            export_to_file(sessions, chosen, output)


def _change(
    action: Action, typed: str, session_id: str | None, targets: tuple[str, ...]
) -> tuple[str, Receipt]:
    """Make the change and commit it; a session that is not here may be at the targets.

    Returns the person's name as it was given, and what the change came to.
    """
    hosts = _hosts_of(targets)
    user = require_user(db, typed)
    may_be_elsewhere = session_id is not None and bool(hosts) and _is_elsewhere(user, session_id)
    scope = OnePerson(user.name, user.id, session_id, must_be_here=not may_be_elsewhere)
    receipt = current_guard().apply(Change(action, scope, current_actor(), audience=hosts), db)
    db.session.commit()
    return scope.name, receipt


def _hosts_of(targets: tuple[str, ...]) -> list[Host]:
    """Return the targets' hosts; `TimError` if there are none, or they cannot be told anything."""
    network = current_site().network
    hosts, errors = network.hosts_of(targets)
    if errors:
        raise BadInput(errors[0], field="target")
    if hosts:
        require_secret(network)
    return hosts


def _is_elsewhere(user: User, session_id: str) -> bool:
    """Tell whether the session is not here, but may be on another host."""
    key: SessionKey = (user.id, session_id)
    return fits(session_id, SESSION_ID_MAX_LENGTH) and db.session.get(UserSession, key) is None


def _deliver(context: click.Context, receipt: Receipt) -> None:
    """Tell the hosts of a change; print those that failed, and end with 1 if any did."""
    outcomes = tell_audience(current_site().network, db.engine, receipt)
    failed = [outcome for outcome in outcomes if outcome.error]
    for outcome in failed:
        click.echo(printable(f"{outcome.host.label}: {outcome.error}"), err=True)
    owed = sum(outcome.state is DeliveryState.OWED for outcome in failed)
    if owed:
        click.echo(
            f"Still owed to {owed} of them: `timapp run` or `timapp deliver` tells them later on.",
            err=True,
        )
    if failed:
        context.exit(1)


def _filter(state: SessionStateFilterOptions, user: str | None, exam: str | None) -> SessionFilter:
    """Return the filter; `NotFound` for an unknown user or exam."""
    user_id = None if user is None else require_user(db, user).id
    which = SessionFilter(states=state.states, user_id=user_id, clocks=current_clocks())
    return which if exam is None else which.within(of_exams(db, [require_exam(db, exam)]))
