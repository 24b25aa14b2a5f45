"""`timapp user show`, `groups`, `export` and `delete`."""

import json
from pathlib import Path

import click

from timApp.accounts.account import Account, require_account
from timApp.accounts.delete import delete_person
from timApp.accounts.held import held_of
from timApp.auth.site import current_guard, db
from timApp.auth.visitor import current_actor
from timApp.cli.context import application
from timApp.cli.exams import counted
from timApp.cli.files import replaced_file
from timApp.cli.help import examples
from timApp.cli.output import print_rows, printable, time_text
from timApp.cli.parameters import TEXT

_STANDARD_OUTPUT = Path("-")


@click.command(epilog=examples("timapp user show alice"))
@click.argument("name", type=TEXT)
def show(name: str) -> None:
    """Show the account of the user NAME, who may have been deleted.

    Name, full name, email, state (active, disabled or deleted), groups, when it was made, the last
    login, and whether it has a password of this site. A table at a terminal; else a line for each,
    tab-separated. `timapp rights --user NAME` says what they may do.
    """
    with application():
        print_rows(("What", "Is"), _facts(require_account(db, name)))


@click.command(epilog=examples("timapp user groups alice"))
@click.argument("name", type=TEXT)
def groups(name: str) -> None:
    """List the groups that the user NAME is in, one a line; `timapp user group` changes them."""
    with application():
        for group in require_account(db, name).groups:
            click.echo(printable(group))


@click.command(epilog=examples("timapp user export alice alice.json"))
@click.argument("name", type=TEXT)
@click.argument(
    "file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True)
)
def export(name: str, file: Path) -> None:
    """Write all that is held of the user NAME to FILE, as JSON; - is standard output.

    Their account, rights, sessions, the record of what was done to them and by them, failed logins,
    and so on, deleted or not. Of the password there is no hash in it. The file is readable by its
    owner alone.
    """
    with application():
        account = require_account(db, name)
        text = json.dumps(held_of(db, account), indent=2, ensure_ascii=False)
    if file == _STANDARD_OUTPUT:
        click.echo(text)
        return
    with replaced_file(file) as opened:
        opened.write(f"{text}\n".encode())
    click.echo(f"Wrote what is held of {printable(account.name)} to {file}.")


@click.command(epilog=examples("timapp user delete alice", "timapp user delete alice --pseudonym"))
@click.argument("name", type=TEXT)
@click.option(
    "--pseudonym", is_flag=True, help="Put a made-up name in the place of theirs in what stays."
)
def delete(name: str, *, pseudonym: bool) -> None:
    """Delete the account of the user NAME; it cannot be undone.

    Their sessions end, and account, groups, rights, email and password go, and where their sessions
    came from. What is recorded of them stays, with their name, which nobody else can be given
    meanwhile; with --pseudonym it has a made-up one, such as "Person 7f3a", the same everywhere.
    Somebody who is deleted already can be given a pseudonym later.

    The last administrator cannot be deleted. Other servers know nothing of it.
    """
    with application():
        account = require_account(db, name)
        done = delete_person(current_guard(), db, account.id, current_actor(), pseudonym=pseudonym)
        db.session.commit()
    shown = printable(done.former)
    if done.is_new:
        ended = counted(done.sessions, "session", "sessions")
        click.echo(f"Deleted the account of {shown}; {ended} ended.")
    if done.has_new_name:
        click.echo(f"What is recorded of them has the name {printable(done.name)} now.")
    if not (done.is_new or done.has_new_name):
        click.echo(f"The account of {shown} is deleted already; nothing was changed.")


def _facts(account: Account) -> list[tuple[str, str]]:
    return [
        ("name", account.name),
        ("full name", account.real_name),
        ("email", account.email),
        ("state", account.state.value),
        ("groups", ", ".join(account.groups)),
        ("made", time_text(account.created_at)),
        ("last login", time_text(account.last_login_at)),
        ("password", "yes" if account.has_password else "no"),
    ]
