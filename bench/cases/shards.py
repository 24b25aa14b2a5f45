"""Which statements touch which parts.

Everything that the site is used for is played once, and the statements that the driver gets are
recorded. Then the same is played on tables that are cut into parts, and PostgreSQL's own planner
says which parts each statement touches: cut by user, as an engine does that spreads users over
servers, and the sessions alone cut by time, which their ids begin with. A statement that is sent
for several purposes is listed with the first. "One" is the part of the user (or of the session)
that the statement names.
"""

import re

from bench.partitions import BY_TIME, BY_USER, Cut, parts_touched
from bench.people import raw_postgresql
from bench.report import Section, Table
from bench.run import POSTGRESQL, Run
from bench.statements import Statement, recorded_statements

TITLE = "Which statements touch which parts"
_LONGEST = 200
_NOISE = re.compile(r'::TIMESTAMP WITH TIME ZONE|::[A-Z]+| COLLATE "C"')


def measure(run: Run, section: Section) -> None:
    """List the statements; nothing here takes time that is worth measuring."""
    with run.database(POSTGRESQL) as url:
        statements = recorded_statements(url, run.new_folder("instance"))
    section.tables.append(
        Table(
            f"Parts touched, of {BY_USER.parts} by user and of {BY_TIME.parts} by time",
            ("for", "statement", "by user", "by time"),
            [
                (one.purpose, f"`{shortened(one.text)}`", by_user, by_time)
                for one, by_user, by_time in zip(
                    statements,
                    _touched(run, statements, BY_USER),
                    _touched(run, statements, BY_TIME),
                    strict=True,
                )
            ],
        )
    )


def _touched(run: Run, statements: list[Statement], cut: Cut) -> list[str]:
    with run.database(POSTGRESQL) as url, raw_postgresql(url) as connection:
        cut.cut(connection)
        recorded_statements(url, run.new_folder("instance"))  # all of it works there as well
        return [parts_touched(connection, cut, one) for one in statements]


def shortened(text: str) -> str:
    """Return the statement in one line and not too long, without the columns that it reads."""
    line = _NOISE.sub("", re.sub(r"%\(\w+\)s|%s", "?", " ".join(text.split())))
    if line.startswith("SELECT ") and (position := _position_of_from(line)) < len(line):
        line = f"SELECT ...{line[position:]}"
    line = line.replace("|", "\\|")
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]} ..."


def _position_of_from(line: str) -> int:
    """Return where the FROM stands that is not within parentheses; the end, if there is none."""
    depth = 0
    for position, char in enumerate(line):
        depth += (char == "(") - (char == ")")
        if depth == 0 and line.startswith(" FROM ", position):
            return position
    return len(line)
