"""Class lists.

A list as a school has it, read from CSV and from XLSX, looked at ("what would it change"), carried
out when everybody is new, and once more when nobody is; in this process. The hashes that all
passwords have are made afterwards, beside other work, and are not part of it.
"""

import csv
import io
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import TypeVar

from openpyxl import Workbook

from bench.exam import site
from bench.report import Section, Table, at_most
from bench.run import KINDS, Run
from timApp.auth.site import db
from timApp.user.roster.columns import find_columns
from timApp.user.roster.enroll import Enrolled, enroll, look_at_list
from timApp.user.roster.plan import Entry, Outcome, read_entries
from timApp.user.roster.sheet import read_sheet

TITLE = "Class lists"
_SECONDS = 10.0
_HEADING = ("User name", "Family name", "Given name", "Email", "Groups")
_GROUP = "Students"
_Result = TypeVar("_Result")


def measure(run: Run, section: Section) -> None:
    """Measure on both databases."""
    count = run.choose(20, 500, 10_000)
    rows = [_HEADING, *(_row(number) for number in range(count))]
    files = {"CSV": _csv(rows), "XLSX": _xlsx(rows)}
    section.notes.append(f"{count:,} people in {len({row[4] for row in rows[1:]}):,} courses.")
    for kind in KINDS:
        with run.database(kind) as url, ExitStack() as stack:
            stack.enter_context(site(url, run.new_folder("site")))
            steps = []
            for name, content in files.items():
                entries, seconds = _timed(partial(_read, content))
                steps.append((f"read {name}", seconds))
            for name, step, outcome in (
                ("look at it", look_at_list, Outcome.NEW),
                ("carry it out", enroll, Outcome.NEW),
                ("carry it out again", enroll, Outcome.SAME),
            ):
                found, seconds = _timed(partial(_done, step, entries))
                assert {line.outcome for line in found.lines} == {outcome}
                steps.append((name, seconds))
        total = sum(seconds for name, seconds in steps if name != "carry it out again")
        section.goals.append(
            at_most(f"{kind}: read twice, looked at, carried out", total, _SECONDS, " s")
        )
        rows_shown = [(name, f"{seconds:.2f}") for name, seconds in steps]
        section.tables.append(Table(kind, ("", "s"), rows_shown))


def _read(content: bytes) -> list[Entry]:
    sheet = read_sheet(content)
    return list(read_entries(sheet.rows, find_columns(sheet.heading, {}), (_GROUP,)))


def _done(what: Callable[..., Enrolled], entries: list[Entry]) -> Enrolled:
    found = what(db, entries)
    db.session.commit()
    return found


def _row(number: int) -> tuple[str, ...]:
    course = f"Course {number % 40}"
    return (
        f"s{number:05}",
        f"Järvinen-{number % 997}",
        f"Åsa {number}",
        f"s{number:05}@example.org",
        course,
    )


def _csv(rows: list[tuple[str, ...]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=";").writerows(rows)
    return text.getvalue().encode("utf-8-sig")


def _xlsx(rows: list[tuple[str, ...]]) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in rows:
        sheet.append(row)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _timed(work: Callable[[], _Result]) -> tuple[_Result, float]:
    begun = time.perf_counter()
    result = work()
    return result, time.perf_counter() - begun
