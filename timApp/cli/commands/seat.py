"""`timapp seat`."""

import sys
from pathlib import Path

import click
from flask import current_app

from timApp.auth.site import current_site, db
from timApp.auth.visitor import current_actor
from timApp.cli.context import application
from timApp.cli.help import examples
from timApp.cli.output import print_rows, printable
from timApp.cli.parameters import TEXT
from timApp.guard.changes.record import record_of_things
from timApp.guard.seats.file import FILE_MAX_BYTES, SeatFile, WrongLine, read_seats
from timApp.guard.seats.listing import Replacement, listed_seats, replace_seats
from timApp.guard.seats.name import seat_name
from timApp.guard.vocabulary import Action
from timApp.util.clock import now
from timApp.util.errors import ConfigError

#: So many wrong lines are told one by one.
_TOLD_MAX = 50


@click.group("seat", epilog=examples("timapp seat import seats.csv", "timapp seat link B-14"))
def command() -> None:
    """Say which address or browser is at which seat.

    A session keeps the seat at which it began, whatever is imported later.
    """


@command.command(
    "import",
    epilog=examples(
        "timapp seat import seats.csv --dry-run",
        "timapp seat import seats.csv",
        "timapp seat import - < seats.csv",
    ),
)
@click.argument(
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True),
)
@click.option("--dry-run", is_flag=True, help="Say what it comes to, and change nothing.")
@click.pass_context
def import_seats(context: click.Context, file: Path, *, dry_run: bool) -> None:
    """Let the seats in FILE be all that there are; - is standard input.

    A line has an address or a network and the name of the seat there, such as 10.1.2.14;B-14. Of
    several networks that an address is in, the smallest counts. A semicolon, a tab or a comma parts
    the two; a heading, blank lines and lines that begin with # are left out. The wrong lines are
    told, and if there is one, nothing is changed. A file with a heading alone takes all seats away.
    """
    content = _read(file)
    found = read_seats(content)
    if found.wrong:
        _tell_wrong_lines(found.wrong)
        context.exit(1)
    if not found.seats and not found.has_heading:
        msg = "There are no seats in the file, nor a heading; nothing was changed."
        raise click.ClickException(msg)
    with application():
        replacement = replace_seats(db, found.seats)
        if not dry_run:
            _record(replacement)
            db.session.commit()
    click.echo(
        f"{_counted(found)}: {replacement.new} new, {replacement.changed} changed,"
        f" {replacement.same} the same, {replacement.gone} gone."
    )
    if dry_run:
        click.echo("Nothing was changed.")


@command.command("list", epilog=examples("timapp seat list", "timapp seat list | cut -f 2"))
def list_seats() -> None:
    """List the seats: address or network, seat.

    A table at a terminal; else a line for each, tab-separated and without headings. It can be
    imported again.
    """
    with application():
        print_rows(("Network", "Seat"), listed_seats(db))


@command.command(
    "link", epilog=examples("timapp seat link B-14 B-15", "timapp seat link --all | cut -f 2")
)
@click.argument("seats", metavar="[SEAT]...", type=TEXT, nargs=-1)
@click.option("--all", "all_seats", is_flag=True, help="Those of all seats in the list.")
def link_seats(seats: tuple[str, ...], *, all_seats: bool) -> None:
    """Print the address for each SEAT that its kiosk has to open: seat, address, a tab between.

    A browser that opens it says from then on that it stands there, in place of its address. It
    counts until the key is changed that signs links; whoever has it can say so, too. The option
    SITE_URL has to say what the site is called.
    """
    if bool(seats) == all_seats:
        msg = "Name seats, or all in the list with --all."
        raise click.UsageError(msg)
    with application():
        base_url = current_app.config["SITE_URL"]
        if base_url is None:
            msg = "SITE_URL is not set, so there is no address that a kiosk could open."
            raise ConfigError(msg, field="SITE_URL")
        listed = list(dict.fromkeys(name for _, name in listed_seats(db)))
        names = listed if all_seats else [seat_name(one) for one in seats]
        if not names:
            msg = "There are no seats in the list."
            raise click.ClickException(msg)
        for name in names:
            click.echo(f"{name}\t{current_site().seat_links.address(base_url, name)}")
        known = {one.casefold() for one in listed}
        strangers = [name for name in names if listed and name.casefold() not in known]
    for name in strangers:
        click.echo(f"Note: the seat {name} is not in the list.", err=True)


def _read(file: Path) -> bytes:
    if file == Path("-"):
        return sys.stdin.buffer.read(FILE_MAX_BYTES + 1)
    try:
        with file.open("rb") as stream:
            return stream.read(FILE_MAX_BYTES + 1)
    except OSError as error:
        msg = f"{str(file)!r} cannot be read ({error.strerror})."
        raise click.ClickException(msg) from error


def _tell_wrong_lines(wrong: list[WrongLine]) -> None:
    for one in wrong[:_TOLD_MAX]:
        click.echo(printable(f"Line {one.number}: {one.error}"), err=True)
    if len(wrong) > _TOLD_MAX:
        click.echo(f"And {len(wrong) - _TOLD_MAX} more lines.", err=True)
    lines = "line is" if len(wrong) == 1 else "lines are"
    click.echo(f"Error: {len(wrong)} {lines} wrong; nothing was changed.", err=True)


def _counted(found: SeatFile) -> str:
    networks, seats = len(found.seats), len(set(found.seats.values()))
    return (
        f"{networks} {'address or network' if networks == 1 else 'addresses and networks'} at"
        f" {seats} {'seat' if seats == 1 else 'seats'}"
    )


def _record(replacement: Replacement) -> None:
    done = {
        "new": replacement.new,
        "changed": replacement.changed,
        "gone": replacement.gone,
    }
    if any(done.values()):
        text = ", ".join(f"{count} {word}" for word, count in done.items())
        record_of_things(db, current_actor(), Action.SAVE_SEATS, [text], now())
