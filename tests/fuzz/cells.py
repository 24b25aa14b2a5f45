"""Exports whose cells are anything, and what a spreadsheet would make of them."""

import csv
import io
import random
import re
from collections.abc import Iterator
from datetime import timedelta

import pytz
import sqlalchemy as sa

from timApp.database.work import Work
from timApp.guard.export.cells import BLANKS, ENDS, SIGNS
from timApp.guard.export.sessions import session_table
from timApp.guard.export.sheet import Sheet
from timApp.guard.export.stream import Export, Form
from timApp.guard.reading.filter import SessionFilter
from timApp.guard.tables.session import UserSession
from timApp.guard.vocabulary import ExportFormatOptions
from timApp.user.user import User
from timApp.util.clock import now

#: What cells are made of: what formulas begin with and cells end with, more often than all else.
_PARTS = [
    *SIGNS * 4,
    *BLANKS,
    *",;'\"|a1Ä😀\u202e\ufeff",
    *(
        "\N{FULLWIDTH EQUALS SIGN}",
        "\N{FULLWIDTH PLUS SIGN}",
        "=1+1",
        "\r\n",
        '"=',
        ",=",
        ";@",
        "\t-",
    ),
]
_PER_PERSON = 50

#: The forms of exports that are CSV, with the characters that may part their cells: a spreadsheet
#: that is given one of them at a double click parts them as its language has it.
FORMS: dict[str, tuple[Form, str]] = {
    "csv": (ExportFormatOptions.CSV, ""),
    "excel": (Sheet(pytz.utc, ","), ",;\t\r\n"),
    "excel with semicolons": (Sheet(pytz.utc, ";"), ",;\t\r\n"),
}


def fill(engine: sa.Engine, number: int, seed: int) -> None:
    """Put that number of sessions into empty tables, whose texts are anything."""
    draw = random.Random(seed)  # noqa: S311 - no secret

    def text() -> str:
        return "".join(draw.choices(_PARTS, k=draw.randint(1, 6)))

    with Work(engine) as work:
        work.session.execute(sa.delete(UserSession))
        work.session.execute(sa.delete(User))
        people = [
            {"name": f"{text()}#{one}", "real_name": text(), "email": "", "password_hash": "-"}
            for one in range(max(1, number // _PER_PERSON))
        ]
        work.session.execute(sa.insert(User), people)
        ids = list(work.session.scalars(sa.select(User.id)))
        moment = now()
        rows = [
            {
                "user_id": ids[one % len(ids)],
                "session_id": f"{text()}#{one}",
                "origin": text(),
                "logged_in_at": moment + timedelta(seconds=one),
            }
            for one in range(number)
        ]
        work.session.execute(sa.insert(UserSession), rows)
        work.commit()


def exported(engine: sa.Engine, form: Form) -> str:
    """Return the export of all sessions in that form."""
    export = Export(engine, session_table(SessionFilter()), form)
    return b"".join(export).decode("utf-8-sig")


def rows_of(text: str, separator: str) -> list[list[str]]:
    """Return the cells as Python reads them, without the heading."""
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))[1:]


def formulas(text: str, separator: str, others: str) -> Iterator[str]:
    """Yield the cells that a spreadsheet would run.

    As Python reads the CSV; and as LibreOffice and Excel do where they part cells by any of the
    `others`, too, take what follows a tab or the end of a line in a cell for the next one, and
    leave blanks before a sign out of account.
    """
    for row in rows_of(text, separator):
        for cell in row:
            if _runs(cell):
                yield cell
            parts = re.split(f"[{re.escape(others)}]", cell) if others else [cell]
            yield from (part for part in parts[1:] if _has_sign(part))


def _runs(cell: str) -> bool:
    return _has_sign(cell) or cell[:1] in set(ENDS)


def _has_sign(text: str) -> bool:
    return text.lstrip(BLANKS)[:1] in set(SIGNS)
