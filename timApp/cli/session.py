"""`timapp session`."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import click
import sqlalchemy as sa

from timApp.auth.session.export import ExportFormat, SessionExport
from timApp.auth.session.filter import SessionFilter
from timApp.auth.session.lookup import require_user_and_session, require_verifiable
from timApp.auth.session.model import UserSession
from timApp.auth.session.util import invalidate_sessions_for, verify_session_for
from timApp.cli.context import application
from timApp.cli.export import export_to_file, export_to_stdout
from timApp.cli.help import examples
from timApp.cli.output import print_rows
from timApp.cli.parameters import TEXT, StateOption, state_option, user_option
from timApp.timdb.sqa import db
from timApp.user.user import User, lock_user, require_user

#: So many rows are fetched at a time.
_ROWS_PER_BLOCK = 1000
_SOME_SESSION = "0191d3f0-7b3c-7c5e-a9a4-2f0e8f2f6a11"


@click.group(
    "session", epilog=examples("timapp session list --state active", "timapp session verify alice")
)
def command() -> None:
    """List, verify, invalidate and export sessions.

    Changes are made on this server only, and recorded as made at the command line.
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


@command.command(
    epilog=examples("timapp session verify alice", f"timapp session verify alice {_SOME_SESSION}")
)
@click.argument("user", type=TEXT)
@click.argument("session", type=TEXT, required=False)
def verify(user: str, session: str | None) -> None:
    """Make SESSION of USER active, and expire the user's others.

    Without SESSION it is the latest one that is not logged out.
    """
    with application():
        lock_user(require_user(user).id)  # what is checked now stays true
        require_verifiable(user, session)
        verify_session_for(user, session)
        db.session.commit()
    which = "latest session" if session is None else f"session {session}"
    click.echo(f"Verified the {which} of {user}.")


@command.command(
    epilog=examples(
        "timapp session invalidate alice", f"timapp session invalidate alice {_SOME_SESSION}"
    )
)
@click.argument("user", type=TEXT)
@click.argument("session", type=TEXT, required=False)
def invalidate(user: str, session: str | None) -> None:
    """Expire SESSION of USER, or all of the user's sessions."""
    with application():
        require_user_and_session(user, session)
        invalidate_sessions_for(user, session)
        db.session.commit()
    which = "all sessions" if session is None else f"the session {session}"
    click.echo(f"Invalidated {which} of {user}.")


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
