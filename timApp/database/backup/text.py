r"""Rows as lines of PostgreSQL's COPY in its text format, for SQLite, which has no such thing.

Source: PostgreSQL's documentation, COPY, "Text Format". What is read is what PostgreSQL writes and
what is written here: of all that format's escapes, those of single characters.
"""

import re
from collections.abc import Callable, Sequence

import sqlalchemy as sa

_NULL = r"\N"
_ESCAPES = {
    "\\": r"\\",
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\v": r"\v",
}
_ESCAPED = str.maketrans(_ESCAPES)
_CHARACTERS = {escape: char for char, escape in _ESCAPES.items()}
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)

#: Makes a value of a text that is not NULL.
Read = Callable[[str], object]


def line_of(row: Sequence[object]) -> str:
    """Return the line of a row that SQLite has given, with its end."""
    return "\t".join(map(_field, row)) + "\n"


def row_of(line: bytes, reads: Sequence[Read]) -> tuple[object, ...]:
    """Return the row of a line, with a function for each column that reads its values.

    `ValueError` for a line that is no row of so many columns, or a value that is none.
    """
    fields = line.decode().split("\t")
    return tuple(
        None if field == _NULL else read(_unescaped(field))
        for field, read in zip(fields, reads, strict=True)
    )


def reader_for(column_type: sa.types.TypeEngine[object]) -> Read:
    """Return what reads the values of a column of that type for SQLite."""
    if isinstance(column_type, sa.Integer | sa.Boolean):
        return int
    return float if isinstance(column_type, sa.Float) else str


def _field(value: object) -> str:
    if value is None:
        return _NULL
    return value.translate(_ESCAPED) if isinstance(value, str) else repr(value)


def _unescaped(field: str) -> str:
    if "\\" not in field:
        return field
    return _ESCAPE.sub(lambda found: _CHARACTERS.get(found[0], found[1]), field)
