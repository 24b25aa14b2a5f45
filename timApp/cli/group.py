"""The outermost group of the command line: what commands there are."""

import click

from timApp.cli.help import examples
from timApp.cli.lazy import SERVER, LazyCommand, LazyGroup
from timApp.cli.version import program_version


def _print_version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    click.echo(f"timapp {program_version()}")
    ctx.exit()


def _keep_server(ctx: click.Context, _parameter: click.Parameter, url: str | None) -> None:
    if url is not None and not url.startswith(("https://", "http://")):
        msg = "It is an address that begins with https:// or http://."
        raise click.BadParameter(msg, ctx)
    ctx.meta[SERVER] = url


@click.group(
    cls=LazyGroup,
    commands_at={
        "run": LazyCommand("timApp.cli.commands.run", "Serve the site."),
        "db": LazyCommand(
            "timApp.cli.commands.database", "Make, update, back up and check the database."
        ),
        "demo": LazyCommand(
            "timApp.cli.commands.demo", "Fill an empty database with accounts to try."
        ),
        "user": LazyCommand(
            "timApp.cli.commands.user",
            "Add, import, list, change and delete people, and set their passwords and groups.",
        ),
        "group": LazyCommand("timApp.cli.commands.group", "List, add and remove groups."),
        "document": LazyCommand(
            "timApp.cli.commands.document", "Import, list and delete documents."
        ),
        "grant": LazyCommand(
            "timApp.cli.commands.grant", "Give a person or a group a right to a document."
        ),
        "revoke": LazyCommand(
            "timApp.cli.commands.revoke", "Take the rights to a document from a person or a group."
        ),
        "rights": LazyCommand("timApp.cli.commands.rights", "List who may what."),
        "session": LazyCommand(
            "timApp.cli.commands.session",
            "List, verify, invalidate, pause, end and export sessions.",
        ),
        "token": LazyCommand(
            "timApp.cli.commands.token", "Make, list and end the tokens that programs show."
        ),
        "webhook": LazyCommand(
            "timApp.cli.commands.webhook",
            "Add, list, test and remove the programs elsewhere that are told of sessions.",
        ),
        "seat": LazyCommand(
            "timApp.cli.commands.seat", "Say which address or browser is at which seat."
        ),
        "exam": LazyCommand(
            "timApp.cli.commands.exam", "Add, change, delete, list, begin and end exams."
        ),
        "hosts": LazyCommand(
            "timApp.cli.commands.hosts", "Check other hosts, and see what they are owed."
        ),
        "deliver": LazyCommand(
            "timApp.cli.commands.deliver", "Tell other hosts and receivers what they are owed."
        ),
    },
    remote_at={
        "session": LazyCommand(
            "timApp.cli.commands.remote_session",
            "List, verify, invalidate, pause, end and export sessions.",
        ),
    },
    epilog=examples("timapp db upgrade", "timapp demo", "timapp run"),
)
@click.option(
    "--server",
    metavar="URL",
    envvar="TIMAPP_SERVER",
    is_eager=True,
    expose_value=False,
    callback=_keep_server,
    help="Let the server at URL do it, with the token in the environment variable TIMAPP_TOKEN.",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """Sessions of logins: limited per person, verified by a supervisor.

    The site is configured with environment variables (TIM_...), or with a TOML file whose path is
    in TIM_CONFIG.
    """
