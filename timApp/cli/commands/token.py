"""`timapp token`."""

import click

from timApp.accounts.account import require_account
from timApp.accounts.tokens import add_token, end_token, listed_tokens
from timApp.auth.site import db
from timApp.auth.visitor import current_actor
from timApp.cli.context import application
from timApp.cli.help import examples
from timApp.cli.output import print_rows, printable, time_text
from timApp.cli.parameters import TEXT
from timApp.user.apitoken import DAYS_MAX, TokenScope


@click.group("token", epilog=examples("timapp token list", "timapp token end 0a1b2c3d"))
def command() -> None:
    """Make, list and end the tokens that programs show in place of a person's login."""


@command.command(epilog=examples("timapp token add teacher gradebook --scope read --days 30"))
@click.argument("user", type=TEXT)
@click.argument("name", type=TEXT)
@click.option(
    "--scope",
    type=click.Choice([one.value for one in TokenScope]),
    default=TokenScope.READ.value,
    show_default=True,
    help="What it is good for, of what USER may do.",
)
@click.option(
    "--days",
    type=click.IntRange(1, DAYS_MAX),
    default=90,
    show_default=True,
    help="For how many days it is good.",
)
def add(user: str, name: str, scope: str, days: int) -> None:
    """Make a token of USER's, called NAME, and print it: it is shown this once."""
    with application():
        account = require_account(db, user)
        made = add_token(db, account.id, name, TokenScope(scope), days, current_actor())
        db.session.commit()
    click.echo(made.text)


@command.command("list", epilog=examples("timapp token list --user teacher"))
@click.option("--user", metavar="NAME", type=TEXT, help="Only those of this person.")
def list_tokens(user: str | None) -> None:
    """List tokens: how each begins, whose it is, name, scope, until when, last used.

    A table at a terminal; else a line for each token, tab-separated and without headings. Times
    are in the site's zone.
    """
    with application():
        user_id = None if user is None else require_account(db, user).id
        print_rows(
            ("Token", "User", "Name", "Scope", "Good until", "Last used"),
            (
                (
                    one.token.prefix,
                    one.user_name,
                    one.token.name,
                    one.token.scope.value,
                    time_text(one.token.ends_at),
                    time_text(one.token.used_at),
                )
                for one in listed_tokens(db, user_id)
            ),
        )


@command.command(epilog=examples("timapp token end 0a1b2c3d"))
@click.argument("prefix", type=TEXT)
def end(prefix: str) -> None:
    """End the token that begins with timapp_PREFIX: it is good no more, and never again."""
    with application():
        ended = end_token(db, prefix, current_actor())
        db.session.commit()
    click.echo(f"Ended the token {printable(ended.name)} ({ended.prefix}).")
