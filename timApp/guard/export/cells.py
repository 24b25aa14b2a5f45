"""Cells of a CSV that no spreadsheet runs as a formula."""

import sqlalchemy as sa

from timApp.database.dialects.functions import FirstCode

#: What a formula begins with.
SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20"  # and as wide as an ideograph
#: Ends of cells and lines, after which some programs look for a formula, whatever follows.
ENDS = "\t\n\r"
#: What may stand before the sign: all that `str.isspace` takes for a blank.
BLANKS = (
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680"
    "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
#: Nor does anybody see these, which Python takes for no blanks.
UNSEEN = "\u200b\ufeff"


def escaped_cell(cell: sa.SQLColumnExpression[str]) -> sa.ColumnElement[str]:
    """Return the text of a CSV cell that no spreadsheet runs as a formula.

    A cell that begins with one of `SIGNS`, after `BLANKS` and `UNSEEN` or not, or with one of
    `ENDS`, gets an apostrophe in front, which a spreadsheet shows as text. Source: OWASP, CSV
    Injection.
    """
    first = FirstCode(cell)
    after_blanks = FirstCode(sa.func.ltrim(cell, BLANKS + UNSEEN))
    is_formula = sa.and_(
        # Nearly every cell is told by this alone.
        _is_one_of(first, SIGNS + ENDS + BLANKS + UNSEEN),
        sa.or_(_is_one_of(first, ENDS), _is_one_of(after_blanks, SIGNS)),
    )
    return sa.case((is_formula, sa.literal("'", sa.Text()).concat(cell)), else_=cell)


def _is_one_of(code: FirstCode, characters: str) -> sa.ColumnElement[bool]:
    """Tell whether the code is that of one of the characters.

    PostgreSQL looks a long list up in a table, in the time that one comparison takes.
    """
    return code.in_(
        [sa.literal_column(str(ord(one)), sa.Integer()) for one in sorted(set(characters))]
    )
