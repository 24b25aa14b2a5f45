"""`timapp user passkeys`."""

import click

from timApp.auth.factor.keys import remove_all
from timApp.auth.site import db
from timApp.cli.context import application
from timApp.cli.exams import counted
from timApp.cli.help import examples
from timApp.cli.output import print_rows, printable, time_text
from timApp.cli.parameters import TEXT
from timApp.user.factor.passkey import passkeys_of
from timApp.user.people import require_person


@click.command(
    "passkeys",
    epilog=examples("timapp user passkeys teacher", "timapp user passkeys teacher --remove"),
)
@click.argument("name", type=TEXT)
@click.option("--remove", is_flag=True, help="Take all of them away; it is recorded.")
def passkeys(name: str, *, remove: bool) -> None:
    """List the passkeys of the user NAME: what it is called, when it was made and used last.

    Whoever has lost theirs cannot log in. With --remove they log in with the password alone, until
    they have made another one; their sessions go on.
    """
    with application():
        person = require_person(db, name)
        if remove:
            removed = remove_all(person.id)
            db.session.commit()
            passkeys_removed = counted(removed, "passkey", "passkeys")
            click.echo(f"Removed {passkeys_removed} of {printable(person.name)}.")
            return
        print_rows(
            ("Name", "Made", "Last used"),
            (
                (one.name, time_text(one.made_at), time_text(one.used_at))
                for one in passkeys_of(db, person.id)
            ),
        )
