"""`timapp db`."""

import click

from timApp.cli.context import unchecked_application
from timApp.cli.help import examples
from timApp.timdb.migrate import alembic, upgrade_database


@click.group("db", epilog=examples("timapp db upgrade"))
def command() -> None:
    """Make and update the tables of the database."""


@command.command(epilog=examples("timapp db upgrade"))
def upgrade() -> None:
    """Bring the tables of the database up to date; they are made if there are none.

    Everything is applied or nothing. May be repeated, and run by several at once.
    """
    with unchecked_application() as app:
        # Contexts of their own: the upgrade needs a connection that has not read anything yet.
        with app.app_context():
            applied = tuple(script.revision for script in alembic.current())
            pending = list(alembic.script_directory.iterate_revisions("heads", applied))
        with app.app_context():
            upgrade_database()
    for script in reversed(pending):
        click.echo(f"Applied {script.revision}: {script.doc}")
    click.echo("The database is up to date.")
