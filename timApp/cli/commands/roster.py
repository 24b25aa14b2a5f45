"""`timapp user import`."""

from collections.abc import Sequence
from pathlib import Path

import click
from flask import current_app, render_template

from timApp.accounts.change import record_list
from timApp.auth.site import db
from timApp.auth.visitor import current_actor
from timApp.cli.context import application
from timApp.cli.files import check_replaceable, replaced_file
from timApp.cli.help import examples
from timApp.cli.output import print_rows, printable
from timApp.cli.parameters import TEXT
from timApp.ui.slips import login_address, slips_style
from timApp.user.roster.columns import Column, find_columns, places_of, unknown_columns
from timApp.user.roster.enroll import Enrolled, enroll, look_at_list
from timApp.user.roster.hashing import hash_well
from timApp.user.roster.plan import Line, Outcome, read_entries
from timApp.user.roster.sheet import (
    DELIMITERS,
    ENCODINGS,
    FILE_MAX_BYTES,
    Sheet,
    read_sheet,
)
from timApp.user.roster.slip import Slip
from timApp.util.errors import BadInput

#: So many wrong lines are told one by one.
_TOLD_MAX = 50
_LEFT_OUT = "nothing"


@click.command(
    "import",
    epilog=examples(
        "timapp user import class.csv --dry-run",
        "timapp user import class.xlsx --group Students --slips slips.html",
        "timapp user import class.xlsx --slips new-slips.html --renew",
        'timapp user import class.csv --column "Student ID=name"',
    ),
)
@click.argument(
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True),
)
@click.option("--dry-run", is_flag=True, help="Say what comes of each line, and change nothing.")
@click.option(
    "--group",
    "groups",
    metavar="GROUP",
    type=TEXT,
    multiple=True,
    help="A group that everybody in the list is to be in; made if there is none.",
)
@click.option(
    "--slips",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write a page to print, with a slip for each who is new.",
)
@click.option("--force", is_flag=True, help="Replace the file of --slips if it is there.")
@click.option(
    "--renew",
    is_flag=True,
    help="A new password and slip, too, for whoever is there and has never logged in.",
)
@click.option(
    "--column",
    "columns",
    metavar="HEADING=WHAT",
    type=TEXT,
    multiple=True,
    help=f"What a column says: {', '.join(one.value for one in Column)} or {_LEFT_OUT}.",
)
@click.option("--encoding", type=click.Choice(ENCODINGS), help="That of a CSV; found out if not.")
@click.option(
    "--delimiter", type=click.Choice(list(DELIMITERS)), help="That of a CSV; found out if not."
)
@click.pass_context
def import_people(  # noqa: PLR0917 - its options
    context: click.Context,
    file: Path,
    groups: tuple[str, ...],
    slips: Path | None,
    columns: tuple[str, ...],
    encoding: str | None,
    delimiter: str | None,
    *,
    dry_run: bool,
    force: bool,
    renew: bool,
) -> None:
    """Add the people of a class list, CSV or XLSX, and bring those up to date who are there.

    FILE has a line that says what the columns are, in English, Finnish or Swedish: the name to log
    in with, real name (or given and family name), email, groups, seat, password; - is standard
    input. People who are there keep their passwords, and the groups of the list are added to
    theirs. If a line is wrong, nothing is changed. Whoever is new and has no password in the list
    is given a made-up one, which stands on the slips alone: without --slips such a list is refused.
    Slips that were lost are made anew with --renew.
    """
    if renew and slips is None:
        raise BadInput("Say with --slips where the new slips are to be written.", field="renew")
    if slips is not None and not dry_run:
        # Former slips may be all that has the passwords on them.
        check_replaceable(slips, may_replace=force)
    sheet = read_sheet(_read(file), encoding, None if delimiter is None else DELIMITERS[delimiter])
    found_columns = find_columns(sheet.heading, places_of(sheet.heading, _chosen(columns)))
    entries = read_entries(sheet.rows, found_columns, groups)
    _tell_reading(sheet, found_columns)
    with application():
        if dry_run:
            found = look_at_list(db, entries)
            print_rows(("Line", "Name", "What", "Why"), map(_shown, found.lines))
            _tell_counts(found)
            click.echo("Nothing was changed.")
            context.exit(1 if found.wrong else 0)
        if slips is None:
            _require_passwords(look_at_list(db, entries))
            db.session.rollback()
        found = enroll(db, entries, renews=renew)
        if found.wrong:
            _tell_wrong_lines(found)
            context.exit(1)
        record_list(db, found, current_actor())
        if slips is not None and found.slips:
            # Before the commit: passwords that stand nowhere would be of no use.
            _write_slips(slips, found.slips, may_replace=force)
        db.session.commit()
        _tell_counts(found)
        if slips is not None:
            click.echo(f"Slips: {slips}" if found.slips else "Slips: none, as nobody needs one.")
        with click.progressbar(
            found.slips, label="Hashing passwords (people can log in already)"
        ) as shown:
            hash_well(db.engine, shown)


def _read(file: Path) -> bytes:
    with click.open_file(str(file), "rb") as opened:
        content: bytes = opened.read(FILE_MAX_BYTES + 1)
    return content


def _chosen(columns: Sequence[str]) -> dict[str, Column | None]:
    known = {one.value: one for one in Column}
    chosen: dict[str, Column | None] = {}
    for text in columns:
        heading, separator, what = text.rpartition("=")
        if not separator or what not in {*known, _LEFT_OUT}:
            msg = f"--column {text}: say HEADING=WHAT, and one of {', '.join(known)}, {_LEFT_OUT}."
            raise click.UsageError(msg)
        chosen[heading] = known.get(what)
    return chosen


def _tell_reading(sheet: Sheet, columns: dict[Column, int]) -> None:
    read = ", ".join(
        f"{printable(sheet.heading.cells[place])} ({column.value})"
        for column, place in sorted(columns.items(), key=lambda one: one[1])
    )
    click.echo(f"Read as {sheet.read_as}; columns: {read}.", err=True)
    unread = unknown_columns(sheet.heading, columns)
    if unread:
        click.echo(f"Not read: {', '.join(map(printable, unread))}.", err=True)


def _shown(line: Line) -> tuple[str, str, str, str]:
    entry = line.entry
    return str(entry.number), entry.name, line.outcome.value, str(line.error or "")


def _require_passwords(found: Enrolled) -> None:
    without = [
        line for line in found.lines if line.outcome is Outcome.NEW and not line.entry.password
    ]
    if without and not found.wrong:
        raise BadInput(
            "%(num)s people are new and have no password in the list. Say with --slips where the"
            " slips with theirs are to be written; nothing was changed.",
            field="slips",
            num=len(without),
        )


def _tell_counts(found: Enrolled) -> None:
    counts = ", ".join(f"{found.count(one)} {one.value}" for one in Outcome)
    click.echo(f"{len(found.lines)} people: {counts}.")


def _tell_wrong_lines(found: Enrolled) -> None:
    for line in found.wrong[:_TOLD_MAX]:
        click.echo(f"Line {line.entry.number}: {line.error}", err=True)
    if len(found.wrong) > _TOLD_MAX:
        click.echo(f"... and {len(found.wrong) - _TOLD_MAX} more lines.", err=True)
    click.echo("Nothing was changed.", err=True)


def _write_slips(path: Path, slips: Sequence[Slip], *, may_replace: bool) -> None:
    base_url = current_app.config["SITE_URL"]
    if base_url is None:
        click.echo("Note: SITE_URL is not set, so the slips have no QR codes.", err=True)
    addresses = {slip.name: login_address(base_url, slip.name) for slip in slips if base_url}
    page = render_template(
        "slips.html", slips=slips, addresses=addresses, site=base_url, style=slips_style()
    )
    with replaced_file(path, may_replace=may_replace) as file:
        file.write(page.encode())
