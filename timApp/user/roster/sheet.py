"""Reads a class list as rows of text: CSV as programs write it, or XLSX."""

import csv
import io
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from timApp.util.deferred import DeferredModule
from timApp.util.errors import BadInput

if TYPE_CHECKING:
    import openpyxl
else:
    openpyxl = DeferredModule("openpyxl")

#: Largest file that is read, in bytes, and what an XLSX may be when it is unpacked.
FILE_MAX_BYTES = 10 * 1024 * 1024
_UNPACKED_MAX_BYTES = 20 * FILE_MAX_BYTES
#: So many people are in a list at most.
ROWS_MAX = 20_000
_COLUMNS_MAX = 100
#: So many cells of a sheet are looked at, the empty ones between others included: as many as have
#: all rows that a sheet can have, if those are empty.
_CELLS_MAX = 3_000_000
#: Longest text of a cell, in characters.
_CELL_MAX_LENGTH = 1024

#: What may part the cells of a line, by what it is called.
DELIMITERS = {"semicolon": ";", "comma": ",", "tab": "\t", "bar": "|"}
#: The encodings that are found out, and that may be said.
ENCODINGS = ("utf-8", "utf-16", "cp1252", "mac_roman")

_ZIP = b"PK\x03\x04"
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_EXCEL_SEPARATOR = "sep="


@dataclass(frozen=True)
class Row:
    """A row of a list, without blanks around the texts of its cells."""

    #: Its line in the file, or its row in the sheet, from 1 on.
    number: int
    cells: Sequence[str]


@dataclass(frozen=True)
class Sheet:
    """A class list as it was read: the first row says what the columns are."""

    heading: Row
    rows: Sequence[Row]
    #: How it was read, in words of the format: "UTF-8, semicolon", "XLSX".
    read_as: str


def read_sheet(content: bytes, encoding: str | None = None, delimiter: str | None = None) -> Sheet:
    """Return the rows of a list; blank ones are left out.

    It is XLSX (the first sheet counts) if it begins as such a file does, and CSV otherwise. Of CSV
    the encoding is that of its byte order mark or, without one, UTF-8 if it can be, UTF-16 if every
    other byte is zero, and Windows-1252 if not; what parts the cells is what is in most lines of
    ``; , tab |``. `encoding` (of `ENCODINGS`) and `delimiter` (a value of `DELIMITERS`) say it
    instead. `BadInput` (field ``file``, ``encoding`` or ``delimiter``) for a file that is empty,
    too large or damaged, that has no line beside the heading, and for text that is not so encoded.
    """
    if len(content) > FILE_MAX_BYTES:
        raise BadInput("The file is larger than 10 MiB.", field="file")
    if content.startswith(_ZIP):
        rows, read_as = list(_xlsx_rows(content)), "XLSX"
    else:
        text, found = _decoded(content, encoding)
        rows, parted_by = _csv_rows(text, delimiter)
        read_as = f"{found}, {parted_by}"
    if not rows:
        raise BadInput("There is nothing in the file.", field="file")
    heading, *others = rows
    if not others:
        raise BadInput(
            "There is nobody in the file: it has one line, which says what the columns are.",
            field="file",
        )
    return Sheet(heading, others, read_as)


def _decoded(content: bytes, encoding: str | None) -> tuple[str, str]:
    if encoding is not None and encoding not in ENCODINGS:
        raise BadInput("There is no encoding %(name)s.", field="encoding", name=repr(encoding))
    found = encoding or _encoding_of(content)
    # With its byte order mark or without.
    codec = "utf-8-sig" if found == "utf-8" else found
    try:
        text = content.decode(codec)
    except UnicodeDecodeError as error:
        raise BadInput(
            "Line %(num)s is no text in %(name)s; say in which encoding the file is.",
            field="file" if encoding is None else "encoding",
            num=content.count(b"\n", 0, error.start) + 1,
            name=found.upper(),
        ) from None
    return text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}"), found.removesuffix("-sig").upper()


def _encoding_of(content: bytes) -> str:
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            return encoding
    zeros = content[:1000].count(0)
    if zeros > len(content[:1000]) // 4:
        # Of plain letters in UTF-16 every other byte is zero; which one tells the order.
        return "utf-16-be" if content[0] == 0 else "utf-16-le"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _csv_rows(text: str, delimiter: str | None) -> tuple[list[Row], str]:
    names = {char: name for name, char in DELIMITERS.items()}
    if delimiter is not None and delimiter not in names:
        raise BadInput("There is no delimiter %(name)s.", field="delimiter", name=repr(delimiter))
    lines = text.splitlines(keepends=True)
    before = 0
    if lines and lines[0].lower().startswith(_EXCEL_SEPARATOR):
        # What Excel writes for itself.
        said = lines.pop(0)[len(_EXCEL_SEPARATOR) :].strip("\r\n")
        before, delimiter = 1, delimiter or (said if said in names else None)
    parted_by = delimiter or _delimiter_of(lines)
    return list(_cut(_csv_cells(lines, parted_by, before))), names[parted_by]


def _delimiter_of(lines: Sequence[str]) -> str:
    """Return what is in most lines; of two, what is there most often in the heading."""
    counts = Counter({one: sum(one in line for line in lines) for one in DELIMITERS.values()})
    heading = lines[0] if lines else ""
    return max(DELIMITERS.values(), key=lambda one: (counts[one], heading.count(one)))


def _csv_cells(
    lines: Iterable[str], delimiter: str, before: int
) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    number = before
    while True:
        number = before + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise BadInput(
                "Line %(num)s: the quotation marks do not fit together.", field="file", num=number
            ) from None
        yield number, cells


def _xlsx_rows(content: bytes) -> Iterator[Row]:
    damaged = BadInput("The file is damaged, or no XLSX.", field="file")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(part.file_size for part in packed.infolist()) > _UNPACKED_MAX_BYTES:
                raise BadInput("The file is too large when it is unpacked.", field="file")
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        # What the file says of its size may be wrong.
        sheet.reset_dimensions()
        yield from _cut(_xlsx_cells(sheet.iter_rows(values_only=True)))
    except BadInput:
        raise
    except Exception:
        # Whatever openpyxl, and what unpacks and parses for it, stumbles over in a file that is
        # none or is damaged.
        raise damaged from None


def _xlsx_cells(rows: Iterable[Sequence[object]]) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each row, the first of which is 1.

    A cell may say that it stands a million columns to the right, or rows down, and openpyxl fills
    in what is before it.
    """
    count = 0
    for number, values in enumerate(rows, 1):
        count += 1 + len(values)
        if count > _CELLS_MAX:
            raise BadInput(
                "The sheet is too large: from line %(num)s on, nothing of it is looked at.",
                field="file",
                num=number,
            )
        yield number, [_xlsx_text(value) for value in values]


def _xlsx_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # Excel has all numbers as such
    return str(value)


def _cut(rows: Iterable[tuple[int, Sequence[str]]]) -> Iterator[Row]:
    """Yield the rows that have anything, without blanks around their cells."""
    count = 0
    for number, values in rows:
        cells = [value.strip() for value in values]
        while cells and not cells[-1]:
            cells.pop()
        if not cells:
            continue
        count += 1
        if count > ROWS_MAX + 1:
            raise BadInput(
                "There are more than %(num)s people in the file; split it.",
                field="file",
                num=ROWS_MAX,
            )
        if len(cells) > _COLUMNS_MAX or max(map(len, cells)) > _CELL_MAX_LENGTH:
            raise BadInput(
                "Line %(num)s has too many columns, or a text that is too long.",
                field="file",
                num=number,
            )
        yield Row(number, cells)
