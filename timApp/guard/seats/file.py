"""Reads a file of addresses and seats, such as ``10.1.2.14;B-14``, line by line."""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from timApp.guard.seats.name import seat_name
from timApp.guard.seats.network import Network, read_network
from timApp.util.errors import BadInput, TimError
from timApp.util.text import quoted

#: Largest file that is read, in bytes.
FILE_MAX_BYTES = 5 * 1024 * 1024
#: What may stand between address and seat. Of two that are in as many lines, the first one counts.
_DELIMITERS = ";\t,"
_COMMENT = "#"
#: A line of these has nothing in its cells.
_BLANK = f" \r{_DELIMITERS}"
_CELLS = 2


@dataclass(frozen=True)
class WrongLine:
    """A line that cannot be carried out, and why."""

    number: int
    error: TimError


@dataclass
class SeatFile:
    """What a file says."""

    #: The seats' names by their networks.
    seats: dict[Network, str] = field(default_factory=dict)
    wrong: list[WrongLine] = field(default_factory=list)
    #: Whether the first line says what is in the columns.
    has_heading: bool = False


def read_seats(content: bytes) -> SeatFile:
    """Return what the lines of a file say, and which of them are wrong.

    It is UTF-8, with a byte order mark or without. What parts the columns is a semicolon, a tab or
    a comma, whichever is in most lines. Blank lines, and those that begin with ``#``, say nothing,
    nor does a first line of words. `BadInput` (field ``file``) for a file that is too large, or no
    such text.
    """
    if len(content) > FILE_MAX_BYTES:
        raise BadInput("The file is larger than 5 MiB.", field="file")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise BadInput(
            "Line %(num)s is no text in UTF-8; save the file as CSV in UTF-8.",
            field="file",
            num=number,
        ) from None
    lines = [
        (number, line)
        for number, line in enumerate(text.split("\n"), 1)
        if line.strip(_BLANK) and not line.lstrip().startswith(_COMMENT)
    ]
    return _read_lines(lines)


def _read_lines(lines: Sequence[tuple[int, str]]) -> SeatFile:
    delimiter = _delimiter([line for _, line in lines])
    found = SeatFile()
    known_lines: dict[Network, int] = {}
    for place, (number, line) in enumerate(lines):
        try:
            cells = _cells(line, delimiter)
            if place == 0 and _is_heading(cells):
                found.has_heading = True
                continue
            network, name = _read_cells(cells)
            if network in known_lines:
                raise BadInput(
                    "%(network)s stands in line %(num)s already.",
                    field="network",
                    network=cells[0],
                    num=known_lines[network],
                )
        except TimError as error:
            found.wrong.append(WrongLine(number, error))
        else:
            found.seats[network] = name
            known_lines[network] = number
    return found


def _delimiter(lines: Sequence[str]) -> str:
    counts = Counter({one: sum(one in line for line in lines) for one in _DELIMITERS})
    return max(_DELIMITERS, key=lambda one: counts[one])


def _cells(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line without blanks around them; those that are empty at its end go."""
    try:
        (row,) = csv.reader([line.rstrip("\r")], delimiter=delimiter, strict=True)
    except (csv.Error, ValueError):
        raise BadInput("The quotation marks do not fit together.", field="file") from None
    cells = [cell.strip() for cell in row]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _is_heading(cells: Sequence[str]) -> bool:
    """Tell whether cells are words for what is below them: the first one looks like no address."""
    first = cells[0] if cells else ""
    looks_like_address = not first[:1].isalpha() or "." in first or ":" in first
    return len(cells) == _CELLS and not looks_like_address and not _is_network(cells[1])


def _is_network(text: str) -> bool:
    try:
        read_network(text)
    except BadInput:
        return False
    return True


def _read_cells(cells: Sequence[str]) -> tuple[Network, str]:
    if len(cells) > _CELLS:
        raise BadInput(
            "There are %(num)s columns; two are meant, address and seat.",
            field="file",
            num=len(cells),
        )
    first, second = (*cells, "", "")[:_CELLS]
    if not _is_network(first) and _is_network(second):
        raise BadInput(
            "The address %(network)s comes first, and then the seat.",
            field="file",
            network=quoted(second),
        )
    return read_network(first), seat_name(second)
