"""`timapp db`: backups, and whether a database is sound."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import sqlalchemy as sa

from timApp.auth.site import db
from timApp.cli.context import existing_database, unchecked_application
from timApp.cli.files import replaced_file
from timApp.cli.help import examples
from timApp.cli.output import printable
from timApp.cli.version import program_version
from timApp.database.backup.file import Backup, open_backup
from timApp.database.backup.restore import restore_backup
from timApp.database.backup.take import take_backup
from timApp.database.engine import open_engine
from timApp.database.migrate import newer_revision, scripts
from timApp.database.soundness import counts, faults
from timApp.guard.keeping.contradictions import contradictions

_FILE = click.Path(path_type=Path, dir_okay=False)
_PEOPLE, _SESSIONS, _RECORD = "useraccount", "usersession", "sessionchange"


@click.command(epilog=examples("timapp db backup site.backup"))
@click.argument("file", metavar="FILE", type=_FILE)
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
def backup(file: Path, *, force: bool) -> None:
    """Write all that is in the database into FILE, while the site runs.

    All of it is as it was at one moment. The file is there when it is whole, and only its owner can
    read it: it has the hashes of passwords. `timapp db restore` makes a database of it, of either
    kind. The secret key of the instance folder is not in it, nor is what a newer timApp has added
    to the tables; the latter is said.
    """
    with existing_database(), replaced_file(file, may_replace=force) as content:
        manifest = take_backup(db.engine, scripts(), content, program_version())
        newer = newer_revision(db.engine)
    numbers = {name: table.rows for name, table in manifest.tables.items()}
    if newer is not None:
        click.echo(
            f"The database is newer than this timApp ({newer}): what a newer one has added is not"
            f" in the backup, which is one of {manifest.revision}."
            " For all of it, back up with that one.",
            err=True,
        )
    click.echo(f"Backed up to {file}: {_numbers(numbers)}.")


@click.command(epilog=examples("timapp db check", "timapp db check site.backup"))
@click.argument("file", metavar="[FILE]", type=_FILE, required=False)
@click.pass_context
def check(context: click.Context, file: Path | None) -> None:
    """Look the database over, or the backup in FILE; nothing is changed.

    Whether the file of SQLite is whole, all that is referred to is there, the tables are those of
    this version, and no session ended before it began. A line for each fault on standard error; the
    exit code is 1 if there is any. A backup is restored for that into a temporary database.
    """
    if file is None:
        with existing_database():
            found, numbers = _looked_over(db.engine)
        what = "The database"
    else:
        with open_backup(file) as content, _temporary_database(content) as engine:
            found, numbers = _looked_over(engine)
        manifest = content.manifest
        what = (
            f"The backup of {manifest.taken_at:%Y-%m-%d %H:%M} UTC"
            f" (timApp {manifest.program}, {manifest.database}, {manifest.revision})"
        )
    for fault in found:
        click.echo(printable(fault), err=True)
    if found:
        context.exit(1)
    click.echo(printable(f"{what} is sound: {_numbers(numbers)}."))


@click.command(
    epilog=examples(
        "timapp db restore site.backup",
        "TIM_DATABASE_URL=postgresql://tim@localhost/new timapp db restore site.backup",
    )
)
@click.argument("file", metavar="FILE", type=_FILE)
@click.option("--force", is_flag=True, help="Replace all that is in the database.")
def restore(file: Path, *, force: bool) -> None:
    """Make the database what it was when the backup FILE was written, and bring it up to date.

    All or nothing. A database with people in it, or a damaged file of SQLite, is left alone without
    --force; with it, the damaged file is kept under a name that is told. Stop the site before.
    Whoever was verified or invalidated since is as they were: when in doubt, let an administrator
    invalidate everybody's sessions.
    """
    with open_backup(file) as content, unchecked_application() as app, app.app_context():
        applied = restore_backup(
            db.engine,
            scripts(),
            content,
            replace=force,
            report=lambda sentence: click.echo(sentence, err=True),
        )
        numbers = {name: table.rows for name, table in content.manifest.tables.items()}
    for script in applied:
        click.echo(f"Applied {script.revision}: {script.doc}")
    click.echo(f"Restored {file}: {_numbers(numbers)}.")


def _looked_over(engine: sa.Engine) -> tuple[list[str], dict[str, int]]:
    """Return the faults of a database, and how many rows its tables have, if there are none."""
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")  # all of it at one moment
        else:
            connection.execution_options(isolation_level="REPEATABLE READ")
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        found = list(faults(connection, scripts()))
        if found:
            return found, {}
        found = list(contradictions(connection))
        return found, counts(connection)


@contextmanager
def _temporary_database(content: Backup) -> Iterator[sa.Engine]:
    with tempfile.TemporaryDirectory(prefix="timapp-check-") as folder:
        engine = open_engine(f"sqlite:///{folder}/check.db")
        try:
            restore_backup(engine, scripts(), content)
            yield engine
        finally:
            engine.dispose()


def _numbers(numbers: dict[str, int]) -> str:
    rest = sum(numbers.values()) - sum(numbers[name] for name in (_PEOPLE, _SESSIONS, _RECORD))
    return (
        f"{numbers[_PEOPLE]} people, {numbers[_SESSIONS]} sessions,"
        f" {numbers[_RECORD]} entries of their record, {rest} other rows"
    )
