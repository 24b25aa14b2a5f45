"""`timapp db`."""

import click

from timApp.auth.site import db
from timApp.cli.context import unchecked_application
from timApp.cli.help import examples
from timApp.database.migrate import upgrade_database


@click.group("db", epilog=examples("timapp db upgrade"))
def command() -> None:
    """Make and update the tables of the database."""


@command.command(epilog=examples("timapp db upgrade"))
def upgrade() -> None:
    """Bring the tables of the database up to date; they are made if there are none.

    Everything is applied or nothing. May be repeated, and run by several at once.
    """
    with unchecked_application() as app, app.app_context():
        applied = upgrade_database(db.engine)
    for script in applied:
        click.echo(f"Applied {script.revision}: {script.doc}")
    click.echo("The database is up to date.")
