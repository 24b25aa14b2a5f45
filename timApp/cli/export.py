"""Passes an export on, and counts for itself what arrives."""

import codecs
import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import click
from rich.progress import Progress

from timApp.cli.files import replaced_file
from timApp.cli.progress import progress_bar
from timApp.guard.export.stream import Export
from timApp.guard.vocabulary import ExportFormatOptions


class IncompleteExport(click.ClickException):
    """Not everything that was to be exported has been written."""


def export_to_stdout(export: Export, export_format: ExportFormatOptions) -> None:
    """Write the export to standard output; `IncompleteExport` if rows are missing."""
    _write_checked(export, export_format, sys.stdout.buffer.write, Progress(disable=True))
    sys.stdout.buffer.flush()


def export_to_file(export: Export, export_format: ExportFormatOptions, path: Path) -> None:
    """Write the export to a file, which is only there when all rows are in it.

    Shows a progress bar at a terminal. `IncompleteExport` if rows are missing.
    """
    with replaced_file(path) as file, progress_bar() as progress:
        _write_checked(export, export_format, file.write, progress)


def _write_checked(
    export: Export,
    export_format: ExportFormatOptions,
    write: Callable[[bytes], object],
    progress: Progress,
) -> None:
    """Write the blocks of the export and count the rows in them, one at a time."""
    lines = _lines(_copied(export, write))
    is_csv = export_format is ExportFormatOptions.CSV
    rows = _csv_rows(lines, export.table.names) if is_csv else _json_rows(lines)
    try:
        count = sum(1 for _ in progress.track(rows, total=export.row_count, description="Sessions"))
    except (csv.Error, ValueError) as error:
        msg = f"The export is damaged; do not use it: {error}"
        raise IncompleteExport(msg) from error
    if count != export.row_count:
        msg = f"The export is not complete: {count} of {export.row_count} sessions; do not use it."
        raise IncompleteExport(msg)


def _copied(blocks: Iterable[bytes], write: Callable[[bytes], object]) -> Iterator[bytes]:
    for block in blocks:
        write(block)
        yield block


def _lines(blocks: Iterable[bytes]) -> Iterator[str]:
    r"""Yield the lines of the text with their ends; only \n ends one, unlike in `splitlines`."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    rest = ""
    for block in blocks:
        *whole, rest = (rest + decoder.decode(block)).split("\n")
        for line in whole:
            yield f"{line}\n"
    rest += decoder.decode(b"", final=True)
    if rest:
        yield rest


def _csv_rows(lines: Iterator[str], columns: Sequence[str]) -> Iterator[object]:
    """Yield the rows without the heading; `csv.Error` if it is no such CSV."""
    reader = csv.reader(lines, strict=True)
    if next(reader, None) != list(columns):
        msg = "the heading is missing"
        raise csv.Error(msg)
    for row in reader:
        if len(row) != len(columns):
            msg = f"line {reader.line_num} is no session"
            raise csv.Error(msg)
        yield row


def _json_rows(lines: Iterator[str]) -> Iterator[object]:
    """Yield the objects of a list that has one on each line; `ValueError` if it is none."""
    last = ""
    for line in lines:
        last = line.strip()
        if last not in {"[", "]", "[]"}:
            yield json.loads(last.removesuffix(","))
    if last not in {"]", "[]"}:
        msg = "the end is missing"
        raise ValueError(msg)
