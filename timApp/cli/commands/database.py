"""`timapp db`: the tables."""

import sys

import click

from timApp.auth.site import current_guard, db
from timApp.cli.commands.backups import backup, check, restore
from timApp.cli.context import application, existing_database, unchecked_application
from timApp.cli.help import examples
from timApp.cli.output import printable
from timApp.cli.parameters import NoTerminal
from timApp.database.dialects.sqlitefile import make_file_of
from timApp.database.migrate import (
    downgrade_database,
    newer_revision,
    scripts,
    scripts_down,
    upgrade_database,
)
from timApp.database.migrating.names import fill_in_names, require_distinct_names
from timApp.database.migrating.scratch import Loss, losses
from timApp.guard.keeping.tidy import tidy as tidy_up
from timApp.util.errors import TimError


@click.group("db", epilog=examples("timapp db upgrade", "timapp db backup site.backup"))
def command() -> None:
    """Make and update the tables of the database; back it up, check it, and tidy it up."""


for one in (backup, check, restore):
    command.add_command(one)


@command.command(epilog=examples("timapp db upgrade"))
def upgrade() -> None:
    """Bring the tables of the database up to date; they are made if there are none.

    So is the file of a SQLite database, which is said; its folder has to be there.

    Everything is applied or nothing. May be repeated, run by several at once, and run while the
    version before serves: on PostgreSQL it waits for a table that is in use for two seconds at a
    time only, lets others go first, and tries again for some minutes.

    Run it once more when the version before has ended: whoever that has added meanwhile is found by
    their name to the letter only until then.
    """
    with unchecked_application() as app, app.app_context():
        made = make_file_of(db.engine)
        if made is not None:
            click.echo(f"Made the database {made}, which was not there.")
        applied = upgrade_database(db.engine, report=_report)
        newer = newer_revision(db.engine)
        with db.engine.begin() as connection:
            named = fill_in_names(connection)
            require_distinct_names(connection)
    for script in applied:
        click.echo(f"Applied {script.revision}: {script.doc}")
    if named:
        click.echo(f"Filled in what names are compared by for {named} people.")
    if newer is not None:
        click.echo(f"The database is newer than this timApp ({newer}), and fits it all the same.")
        return
    click.echo("The database is up to date.")


@command.command(
    epilog=examples("timapp db downgrade", "timapp db downgrade v1_0001 --yes"),
)
@click.argument("revision", metavar="[REVISION]", required=False)
@click.option("--yes", is_flag=True, help="Do not ask; what is lost is lost.")
def downgrade(revision: str | None, *, yes: bool) -> None:
    """Undo what the upgrades to a version newer than REVISION have done to the tables.

    By default, what the last one has done; "base" undoes all. To be run with the newer version,
    before the older one is installed. Says what would be lost, and asks.
    """
    with existing_database():
        target, undone = scripts_down(db.engine, revision)
        current = undone[0].revision if undone else target
        with db.engine.connect() as connection:
            lost = list(losses(connection, scripts(), current, target))
        for script in undone:
            click.echo(f"To be undone: {script.revision}: {script.doc}")
        for loss in lost:
            click.echo(f"To be lost: {_words(loss)}")
        if not yes:
            if not sys.stdin.isatty():
                msg = "There is no terminal to ask at; say --yes if that is to be done."
                raise NoTerminal(msg)
            click.confirm("Undo it?", abort=True, err=True)
        for script in downgrade_database(db.engine, target, report=_report):
            click.echo(f"Undone {script.revision}.")
    click.echo(f"The database is at {target}.")


@command.command(epilog=examples("timapp db tidy"))
def tidy() -> None:
    """Let go at once what has been kept for longer than SESSIONS_RETENTION says.

    `timapp run` does so as well, four times a day. In small steps, between which others come first;
    may be interrupted and repeated. Active sessions stay.
    """
    with application():
        retention = current_guard().retention
        if retention is None:
            msg = "Everything is kept for ever, as SESSIONS_RETENTION is none; nothing was changed."
            raise TimError(msg)
        done = tidy_up(db.engine, retention)
    click.echo(
        f"Cleared the origin of {done.origins} sessions and the address of {done.addresses} entries"
        f" of the record; deleted {done.sessions} sessions, {done.entries} entries and"
        f" {done.failed_logins} failed logins."
    )


def _report(sentence: str) -> None:
    click.echo(sentence, err=True)


def _words(loss: Loss) -> str:
    what = f"the table {loss.table}" if loss.column is None else f"{loss.column} in {loss.table}"
    noun = "row" if loss.rows == 1 else "rows"
    return f"{printable(what)}, {loss.rows} {noun}"
