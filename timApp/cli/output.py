"""Lists for people, and for other programs."""

import sys
from collections.abc import Iterable, Sequence
from datetime import datetime

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from timApp.ui.language import site_zone
from timApp.util.text import fits_a_line

#: They change the order in which the rest of a line is shown.
_DIRECTION_CONTROLS = frozenset(
    "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)


def print_rows(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table at a terminal; else a line for each row, tab-separated and without headings.

    The rows are only held in memory for the table.
    """
    if sys.stdout.isatty():
        print_table(columns, rows)
        return
    for row in rows:
        click.echo("\t".join(printable(cell) for cell in row))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    Console().print(table)


def time_text(moment: datetime | None, timespec: str = "seconds") -> str:
    """Return a moment as people read it at the command line: in the site's zone, with its offset.

    Nothing for None. It is to the second, unless `timespec` is another one of `isoformat`.
    """
    return "" if moment is None else moment.astimezone(site_zone()).isoformat(timespec=timespec)


def printable(text: str) -> str:
    """Return the text without what a terminal would obey, and without tabs and line ends.

    The origin of a session is whatever the browser says; it must not move the cursor.
    """
    if text.isprintable():
        return text
    return "".join(
        "\N{REPLACEMENT CHARACTER}"
        if char in _DIRECTION_CONTROLS or not fits_a_line(char)
        else char
        for char in text
    )
