"""`timapp user`."""

import click
import sqlalchemy as sa

from timApp.accounts.account import require_account
from timApp.accounts.change import (
    Wanted,
    add_person,
    change_access,
    regroup_person,
    rename_person,
)
from timApp.auth.newpassword import set_password
from timApp.auth.site import current_guard, db
from timApp.auth.visitor import current_actor
from timApp.cli.commands.account import delete, export, groups, show
from timApp.cli.commands.passkeys import passkeys
from timApp.cli.commands.roster import import_people
from timApp.cli.context import application, existing_database, require_upgraded
from timApp.cli.exams import names_option
from timApp.cli.help import examples
from timApp.cli.output import print_rows, printable
from timApp.cli.parameters import TEXT, password_option, read_password
from timApp.database.migrating.revisions import needs_upgrade
from timApp.guard.changes.change import Receipt
from timApp.guard.vocabulary import Action
from timApp.user.people import require_person
from timApp.user.rename import rename_user
from timApp.user.search import search_people
from timApp.user.user import User
from timApp.user.usergroup import UserGroup, membership


@click.group("user", epilog=examples("timapp user add alice --group Students", "timapp user list"))
def command() -> None:
    """Add, import, list, change and delete people, and set their passwords and groups."""


for _command in (import_people, show, groups, export, delete, passkeys):
    command.add_command(_command)


@command.command(
    epilog=examples(
        'timapp user add alice --real-name "Alice Jones" --group Students',
        "timapp user add boss --group Administrators --password-stdin < password.txt",
    )
)
@click.argument("name", type=TEXT)
@click.option("--real-name", metavar="NAME", type=TEXT, default="", help="The person's full name.")
@click.option("--email", metavar="ADDRESS", type=TEXT, default="", help="Their email address.")
@click.option(
    "--group",
    "groups",
    metavar="GROUP",
    type=TEXT,
    multiple=True,
    help="A group to make them a member of; made if there is none. May be repeated.",
)
@password_option
def add(
    name: str, real_name: str, email: str, groups: tuple[str, ...], *, password_stdin: bool
) -> None:
    """Add a user who logs in with NAME.

    Members of the group "Administrators" may do everything; members of "Session supervisors"
    may verify sessions.
    """
    with application():
        password = read_password(from_stdin=password_stdin)
        add_person(db, Wanted(name, real_name, email, groups), password, current_actor())
        db.session.commit()
    click.echo(f"Added the user {name}.")


@command.command("list", epilog=examples("timapp user list | cut -f 1", "timapp user list jones"))
@click.argument("text", type=TEXT, required=False)
def list_users(text: str | None) -> None:
    """List the users but those who are deleted: name, full name, email, groups.

    With TEXT, those who have it in their name, full name or email; capitals and accents do not
    count. Whoever is called TEXT comes first, then all in order of their names.

    A table at a terminal; else a line for each user, tab-separated and without headings.
    """
    with application():
        groups: dict[int, list[str]] = {}
        for user_id, name in db.session.execute(
            sa.select(membership.c.user_id, UserGroup.name)
            .join(UserGroup, UserGroup.id == membership.c.usergroup_id)
            .where(UserGroup.personal_user_id.is_(None))
            .order_by(UserGroup.name)
        ):
            groups.setdefault(user_id, []).append(name)
        columns = (User.id, User.name, User.real_name, User.email)
        users = (
            db.session.execute(
                sa.select(*columns).where(User.deleted_at.is_(None)).order_by(User.name)
            )
            if text is None
            else search_people(db, text)
        )
        print_rows(
            ("Name", "Full name", "Email", "Groups"),
            (
                (user.name, user.real_name, user.email, ", ".join(groups.get(user.id, ())))
                for user in users
            ),
        )


@command.command(
    epilog=examples(
        "timapp user passwd alice", "timapp user passwd alice --password-stdin < password.txt"
    )
)
@click.argument("name", type=TEXT)
@password_option
def passwd(name: str, *, password_stdin: bool) -> None:
    """Set the password of the user NAME, and end all of their sessions. It is recorded.

    It has at least 8 characters, is not the user name, and is not easy to guess.
    """
    with application():
        person = require_person(db, name)
        ended = set_password(person, read_password(from_stdin=password_stdin), current_actor())
        db.session.commit()
    noun = "session" if ended == 1 else "sessions"
    click.echo(f"Set the password of {printable(person.name)}; {ended} {noun} ended.")


@command.command(
    epilog=examples(
        'timapp user group teacher --add "Session supervisors"',
        "timapp user group alice --add Retake --remove Students",
    )
)
@click.argument("name", type=TEXT)
@names_option("--add", "added", "GROUP", "A group to make them a member of; may be repeated.")
@names_option("--remove", "removed", "GROUP", "A group to take them out of; may be repeated.")
def group(name: str, added: tuple[str, ...], removed: tuple[str, ...]) -> None:
    """Say which groups the user NAME is in, or add them to some and take them out of others.

    The groups have to be there. It counts at once, also for whoever is logged in: members of
    "Administrators" may do everything, those of "Session supervisors" may verify sessions.
    """
    with application():
        done = regroup_person(db, name, added, removed, current_actor())
        db.session.commit()
    groups = ", ".join(map(printable, done.groups)) or "none"
    unchanged = " already; nothing was changed" if not done.has_changed and added + removed else ""
    click.echo(f"Groups of {printable(done.name)}{unchanged}: {groups}")


@command.command(epilog=examples("timapp user disable alice"))
@click.argument("name", type=TEXT)
def disable(name: str) -> None:
    """Close the account of the user NAME: their sessions end for good, and none begins.

    It counts on this server at once, and on those that share its database. Whoever logs in with the
    right password is told so. It is recorded; what there is of the person stays. `timapp user
    enable` opens the account again.
    """
    receipt, shown = _change_access(name, Action.DISABLE)
    if not receipt.takes_effect:
        click.echo(f"The account of {shown} is closed already; nothing was changed.")
        return
    noun = "session" if receipt.changed == 1 else "sessions"
    click.echo(f"Closed the account of {shown}; {receipt.changed} {noun} ended.")


@command.command(epilog=examples("timapp user enable alice"))
@click.argument("name", type=TEXT)
def enable(name: str) -> None:
    """Open the account of the user NAME again, who then logs in as before."""
    receipt, shown = _change_access(name, Action.ENABLE)
    if not receipt.takes_effect:
        click.echo(f"The account of {shown} is open already; nothing was changed.")
        return
    click.echo(f"Opened the account of {shown} again.")


def _change_access(name: str, action: Action) -> tuple[Receipt, str]:
    with application():
        account = require_account(db, name)
        receipt = change_access(current_guard(), db, account.id, action, current_actor())
        db.session.commit()
    return receipt, printable(account.name)


@command.command(epilog=examples("timapp user rename Ann ann.smith"))
@click.argument("old", type=TEXT)
@click.argument("new", type=TEXT)
def rename(old: str, new: str) -> None:
    """Give the user OLD the name NEW, with which they log in from now on.

    Their sessions, rights and password stay, and they stay logged in. Other servers know nothing of
    it, and what has been recorded and is owed to them keeps the old name. It can also be done to
    the database of an older version, whose names have to be told apart before `timapp db upgrade`.
    """
    with existing_database():
        # Refuses what no way leads from; and what has no tables yet has nobody to be renamed.
        is_older = needs_upgrade(db.engine)
        if is_older and not sa.inspect(db.engine).has_table(User.__tablename__):
            require_upgraded()
        if is_older:
            old = rename_user(db, old, new)  # in tables that have no room for more, perhaps
        else:
            old = rename_person(db, old, new, current_actor())
        db.session.commit()
    click.echo(f"Renamed {old} to {new}.")
