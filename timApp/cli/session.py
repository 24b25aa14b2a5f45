"""`timapp session`."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import click
import sqlalchemy as sa

from timApp.auth.session.beginning import SESSION_ID_MAX_LENGTH
from timApp.auth.session.distribution import change_for_hosts
from timApp.auth.session.export import ExportFormat, SessionExport
from timApp.auth.session.filter import SessionFilter
from timApp.auth.session.lookup import (
    find_session,
    require_session,
    require_verifiable,
)
from timApp.auth.session.model import UserSession
from timApp.auth.session.transition import (
    invalidate_sessions,
    latest_session_id,
    verify_session,
)
from timApp.cli.context import application
from timApp.cli.export import export_to_file, export_to_stdout
from timApp.cli.help import examples
from timApp.cli.output import print_rows, printable
from timApp.cli.parameters import TEXT, StateOption, state_option, user_option
from timApp.hosts.call import require_secret
from timApp.hosts.claim import Claim
from timApp.hosts.delivery import INVALIDATE, VERIFY, DeliveryState
from timApp.hosts.network import Host, current_network
from timApp.hosts.outbox import owe
from timApp.hosts.worker import deliver
from timApp.timdb.sqa import db
from timApp.user.user import User, lock_user, require_user
from timApp.util.errors import BadInput

#: So many rows are fetched at a time.
_ROWS_PER_BLOCK = 1000
_SOME_SESSION = "0191d3f0-7b3c-7c5e-a9a4-2f0e8f2f6a11"


@click.group(
    "session", epilog=examples("timapp session list --state active", "timapp session verify alice")
)
def command() -> None:
    """List, verify, invalidate and export sessions.

    Changes are made on this server, and at the targets that are named, and recorded as made at the
    command line.
    """


@command.command(
    "list",
    epilog=examples(
        "timapp session list --state active", "timapp session list --user alice | cut -f 2"
    ),
)
@state_option
@user_option
def list_sessions(state: StateOption, user: str | None) -> None:
    """List sessions: user, session, state, time of login, time of expiry, origin.

    A table at a terminal; else a line for each session, tab-separated and without headings.
    Times are in UTC.
    """
    with application():
        print_rows(
            ("User", "Session", "State", "Logged in", "Expired", "Origin"),
            _session_rows(_filter(state, user)),
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
        hosts = _hosts_of(targets)
        person = require_user(user)
        lock_user(person.id)  # what is checked now stays true
        if session is None or not hosts or not _is_elsewhere(person, session):
            require_verifiable(user, session)
        chosen = session or latest_session_id(person.id)
        stamp = verify_session(person.id, chosen)
        claims = owe(hosts, change_for_hosts(VERIFY, user, chosen, stamp))
        db.session.commit()
        click.echo(f"Verified the {which} of {user}.")
        _deliver(context, claims)


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
        hosts = _hosts_of(targets)
        person = require_user(user)
        if session is not None and not (hosts and _is_elsewhere(person, session)):
            require_session(person, session)
        stamp = invalidate_sessions(person.id, session)
        claims = owe(hosts, change_for_hosts(INVALIDATE, user, session, stamp))
        db.session.commit()
        click.echo(f"Invalidated {which} of {user}.")
        _deliver(context, claims)


@command.command(
    epilog=examples(
        "timapp session export --output sessions.csv",
        "timapp session export --format json --state active | jq length",
    )
)
@click.option(
    "--format",
    "export_format",
    type=click.Choice([export_format.value for export_format in ExportFormat]),
    default=ExportFormat.CSV.value,
    show_default=True,
    help="How they are written down.",
)
@state_option
@user_option
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="Write to FILE, for its owner only, when all sessions are in it; else there is no FILE.",
)
def export(export_format: str, state: StateOption, user: str | None, output: Path | None) -> None:
    """Export sessions as CSV or JSON: user, session_id, origin, logged_in_at, expired_at.

    The sessions that are written are counted; unless it is all of them the exit code is 1.
    """
    chosen = ExportFormat(export_format)
    with (
        application(),
        closing(SessionExport(db.engine, _filter(state, user), chosen)) as sessions,
    ):
        if output is None or output == Path("-"):
            export_to_stdout(sessions, chosen)
        else:
            export_to_file(sessions, chosen, output)


def _hosts_of(targets: tuple[str, ...]) -> list[Host]:
    """Return the targets' hosts; `TimError` if there are none, or they cannot be told anything."""
    hosts, errors = current_network().hosts_of(targets)
    if errors:
        raise BadInput(errors[0], field="target")
    if hosts:
        require_secret()
    return hosts


def _is_elsewhere(user: User, session_id: str) -> bool:
    """Tell whether the session is not here, but may be on another host."""
    is_an_id = 0 < len(session_id) <= SESSION_ID_MAX_LENGTH
    return is_an_id and find_session(user, session_id) is None


def _deliver(context: click.Context, claims: Sequence[Claim]) -> None:
    """Tell the hosts of a change; print those that failed, and end with 1 if any did."""
    failed = [outcome for outcome in deliver(claims) if outcome.error]
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


def _filter(state: StateOption, user: str | None) -> SessionFilter:
    """Return the filter; `NotFound` for an unknown user."""
    user_id = None if user is None else require_user(user).id
    return SessionFilter(expired=state.expired, user_id=user_id)


def _session_rows(which: SessionFilter) -> Iterator[tuple[str, ...]]:
    query = (
        sa.select(
            User.name,
            UserSession.session_id,
            UserSession.logged_in_at,
            UserSession.expired_at,
            UserSession.logged_out_at,
            UserSession.origin,
        )
        .join(User, User.id == UserSession.user_id)
        .where(*which.conditions())
        .order_by(User.name, UserSession.logged_in_at, UserSession.session_id)
    )
    for row in db.session.execute(query, execution_options={"yield_per": _ROWS_PER_BLOCK}):
        expired_at = row.expired_at.isoformat(timespec="seconds") if row.expired_at else ""
        if row.logged_out_at is not None:
            state = "logged out"
        else:
            state = "expired" if expired_at else "active"
        logged_in_at = row.logged_in_at.isoformat(timespec="seconds")
        yield row.name, row.session_id, state, logged_in_at, expired_at, row.origin
