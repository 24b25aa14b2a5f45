"""`timapp demo`."""

import secrets
from pathlib import Path
from typing import NamedTuple

import click
import sqlalchemy as sa
from flask import current_app

from timApp.auth.site import db
from timApp.cli.commands.demo_content import DOCUMENTS, READERS, USERS
from timApp.cli.context import application
from timApp.cli.files import replaced_file
from timApp.cli.help import examples
from timApp.cli.output import print_table
from timApp.document.model import save_document
from timApp.guard.changes.lock import lock_everybody
from timApp.item.accesstype import AccessType
from timApp.item.block import grant_access
from timApp.user.user import User, create_user
from timApp.user.usergroup import require_group

#: No letters and digits that look alike.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


class Account(NamedTuple):
    """What somebody needs to log in."""

    name: str
    password: str
    group: str


@click.command("demo", epilog=examples("timapp demo"))
def command() -> None:
    """Fill an empty database with accounts and documents to try.

    The passwords are random. They are printed, and kept in the file demo-accounts.txt in the
    instance folder, which only its owner can read; the command prints them again when it is
    repeated. A database that has users already is never changed.
    """
    with application():
        file = Path(current_app.instance_path) / "demo-accounts.txt"
        lock_everybody(
            db
        )  # of two demos that begin at once, the second finds the first one's users
        is_empty = db.session.scalar(sa.select(sa.func.count()).select_from(User)) == 0
        accounts = _fill(file) if is_empty else _read(file)
        known = {name for (name,) in db.session.execute(sa.select(User.name))}
    if not {account.name for account in accounts} <= known or not accounts:
        click.echo("The database has its own users; nothing was changed.")
        return
    print_table(("User", "Password", "Group"), accounts)
    click.echo(f"The accounts are kept in {file}.")
    click.echo("Start the server with `timapp run`, and log in.")


def _fill(file: Path) -> list[Account]:
    accounts = []
    for user in USERS:
        account = Account(user.name, _password(), user.group)
        create_user(db, user.name, account.password, real_name=user.real_name, groups=[user.group])
        accounts.append(account)
    for page in DOCUMENTS:
        document, _ = save_document(db, page.path, page.source)
        for reader in READERS:
            grant_access(db, document.block, require_group(db, reader), AccessType.VIEW)
    # The file comes first: accounts whose passwords nobody has would be worse than the reverse.
    with replaced_file(file) as content:
        content.writelines(("\t".join(account) + "\n").encode() for account in accounts)
    db.session.commit()
    return accounts


def _read(file: Path) -> list[Account]:
    """Return the accounts of an earlier run, or none."""
    try:
        lines = file.read_text("utf-8").splitlines()
        return [Account(*line.split("\t")) for line in lines]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError) as error:  # unreadable, no text, or not our text
        msg = f"The database has users already, and {file} cannot be read."
        raise click.ClickException(msg) from error


def _password() -> str:
    """Return twelve random characters, about 59 bits, in groups that are easy to type."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(3))
