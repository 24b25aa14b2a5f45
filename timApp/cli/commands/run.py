"""`timapp run`."""

import click

from timApp.auth.site import current_site, db
from timApp.cli.context import application, wait_for_database
from timApp.cli.help import examples
from timApp.cli.interrupt import end_at_interrupt
from timApp.database.dialects.sqlitefile import files_open_to_others
from timApp.database.migrating.revisions import newer_revision
from timApp.optiontypes.texts import KEY_MIN_LENGTH
from timApp.serve.address import Address
from timApp.serve.server import WORKERS_MAX_DEFAULT, serve


@click.command(
    "run",
    epilog=examples(
        "timapp run", "timapp run --host 0.0.0.0 --port 8080 --workers 2", "timapp run --wait 60"
    ),
)
@click.option(
    "--host",
    metavar="HOST",
    default="127.0.0.1",
    show_default=True,
    help="The address to serve on: 127.0.0.1 is reached from this machine only, 0.0.0.0 from any.",
)
@click.option(
    "--port", metavar="PORT", type=click.IntRange(1, 65535), default=5000, show_default=True
)
@click.option(
    "--workers",
    metavar="N",
    type=click.IntRange(min=1),
    help=f"Processes that answer requests.  [default: one a core, at most {WORKERS_MAX_DEFAULT}]",
)
@click.option(
    "--wait",
    metavar="SECONDS",
    type=click.FloatRange(min=0),
    help="How long to wait until the database answers and is up to date.  [default: not at all]",
)
def command(host: str, port: int, workers: int | None, wait: float | None) -> None:
    """Serve the site until Ctrl-C or SIGTERM."""
    end_at_interrupt()  # nothing is to be undone before it serves; from then on it ends in order
    if wait is not None:
        wait_for_database(wait, _say)
    with application():
        # What is wrong with the configuration or the database is said now, and once.
        newer = newer_revision(db.engine)
        exposed = files_open_to_others(db.engine)
        secrets = current_site().network.receive_secrets
    if newer is not None:
        _say(f"The database is newer than this timApp ({newer}), and fits it all the same.")
    if exposed:
        files = " ".join(map(str, exposed))
        _say(
            f"Others than its owner have access to the database file {exposed[0]}, which has the"
            f" hashes of passwords. Close it to them: chmod 600 {files}"
        )
    if any(len(secret) < KEY_MIN_LENGTH for secret in secrets):
        _say(
            f"A secret of DIST_RIGHTS_RECEIVE_SECRET has less than {KEY_MIN_LENGTH} characters, and"
            " could be guessed. Choose a long, random one."
        )
    serve(Address.of(host, port), workers, click.echo)


def _say(sentence: str) -> None:
    click.echo(sentence, err=True)
