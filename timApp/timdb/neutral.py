"""Cells of a CSV that no spreadsheet runs as a formula."""

from collections.abc import Iterable

import sqlalchemy as sa

from timApp.timdb.functions import FirstCode

#: What a formula begins with.
SIGNS = "=+-@"
#: Ends of cells and lines, behind which some programs look for a formula, whatever follows.
ENDS = "\t\n\r"
#: What may stand before the sign: all that `str.isspace` takes for a blank.
BLANKS = (
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680"
    "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)

# Where none of these characters lies: letters and what is about them, then digits.
_HARMLESS = (("A", "\x84"), ("0", "<"))


def neutral_cell(cell: sa.SQLColumnExpression[str]) -> sa.ColumnElement[str]:
    """Return the text of a CSV cell that no spreadsheet runs as a formula.

    A cell that begins with one of `SIGNS`, after `BLANKS` or not, or with one of `ENDS`, gets an
    apostrophe in front, which a spreadsheet shows as text. Source: OWASP, CSV Injection.
    """
    first = FirstCode(cell)
    behind_blanks = FirstCode(sa.func.ltrim(cell, BLANKS))
    is_formula = sa.and_(
        # Nearly every cell is told by these alone, which take next to no time.
        *(_is_outside(first, start, end) for start, end in _HARMLESS),
        sa.or_(_is_one_of(first, ENDS), _is_one_of(behind_blanks, SIGNS)),
    )
    return sa.case((is_formula, sa.literal("'", sa.Text()).concat(cell)), else_=cell)


def _is_outside(code: FirstCode, start: str, end: str) -> sa.ColumnElement[bool]:
    return sa.not_(code.between(_constant(start), _constant(end)))


def _is_one_of(code: FirstCode, characters: Iterable[str]) -> sa.ColumnElement[bool]:
    return code.in_([_constant(character) for character in characters])


def _constant(character: str) -> sa.ColumnElement[int]:
    return sa.literal_column(str(ord(character)), sa.Integer())
