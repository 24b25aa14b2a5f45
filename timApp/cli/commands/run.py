"""`timapp run`."""

import click

from timApp.cli.context import application
from timApp.cli.help import examples
from timApp.serve.address import Address
from timApp.serve.server import WORKERS_MAX_DEFAULT, serve


@click.command(
    "run",
    epilog=examples("timapp run", "timapp run --host 0.0.0.0 --port 8080 --workers 2"),
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
def command(host: str, port: int, workers: int | None) -> None:
    """Serve the site until Ctrl-C or SIGTERM."""
    with application():
        pass  # what is wrong with the configuration or the database is said now, and once
    serve(Address.of(host, port), workers, click.echo)
