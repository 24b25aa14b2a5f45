"""Reads what strangers may write for long: `python -m tests.fuzz`, which `make fuzz` runs.

What came of it is printed and, with `--write`, written into docs/security.md.
"""

import argparse
import json
import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from sqlalchemy import Engine

from tests.databases import SQLiteDatabases
from tests.everybody import OPTIONS, Everybody
from tests.fuzz.api import fault_of, operations, requests_of
from tests.fuzz.calc import find_calc, formulas_in_calc
from tests.fuzz.cells import FORMS, exported, fill, formulas, rows_of
from tests.fuzz.parsers import Parser
from tests.fuzz.readers import READERS
from tests.rights import ROLES
from tests.site import open_app
from timApp.database.engine import open_engine

SECURITY = Path(__file__).parents[2] / "docs" / "security.md"
_BEGIN, _END = "<!-- fuzzed -->\n", "<!-- end -->\n"
#: Sessions of one export.
_BATCH = 20_000
_LOGIN = "POST /login"


def main() -> int:
    """Run; return how many faults were found, 100 at the most."""
    arguments = argparse.ArgumentParser(prog="tests.fuzz", description=__doc__)
    arguments.add_argument("--examples", type=int, default=20_000, help="of each reader")
    arguments.add_argument("--asked", type=int, default=500, help="of each operation and role")
    arguments.add_argument("--cells", type=int, default=10_000_000, help="of exports")
    arguments.add_argument("--write", action="store_true", help="into docs/security.md")
    chosen = arguments.parse_args()
    logging.disable()  # each wrong password is a line
    began = time.monotonic()
    misread: list[str] = []
    read = sum(_read(name, parser, chosen.examples, misread) for name, parser in READERS.items())
    wrong: list[str] = []
    asked = _ask(chosen.asked, wrong)
    ran: list[str] = []
    calc = find_calc()
    cells = _export(chosen.cells, calc, ran)
    by = "Python and LibreOffice" if calc else "Python (LibreOffice is not here)"
    minutes = (time.monotonic() - began) / 60
    lines = [
        "| tried | how many | what got through |",
        "|---|---|---|",
        f"| texts, bytes and JSON, read by {len(READERS)} readers | {read:,} | {len(misread)} |",
        f"| requests of the API, as {len(ROLES)} kinds of people | {sum(asked.values()):,} |"
        f" {len(wrong)} |",
        f"| logins among them | {asked[_LOGIN]:,} | |",
        f"| cells of exports in {len(FORMS)} forms, read back by {by} | {cells:,} | {len(ran)} |",
        "",
        f"`make fuzz` took {minutes:.0f} minutes for that.",
    ]
    faults = [*misread, *wrong, *ran]
    print("\n".join([*lines, *faults]))  # noqa: T201
    if chosen.write:
        before, _, rest = SECURITY.read_text("utf-8").partition(_BEGIN)
        after = rest.partition(_END)[2]
        found = "\n".join(lines)
        SECURITY.write_text(f"{before}{_BEGIN}\n{found}\n\n{_END}{after}", "utf-8")
    return min(len(faults), 100)


def _read(name: str, parser: Parser, examples: int, faults: list[str]) -> int:
    """Return how many things were read; what goes wrong is a fault."""
    count = 0

    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(parser.inputs)
    def run(given_text: object) -> None:
        nonlocal count
        count += 1
        parser.try_on(given_text)

    try:
        run()
    except Exception as error:
        faults.append(f"{name}: {error!r} {getattr(error, '__notes__', '')}")
    return count


def _ask(number: int, faults: list[str]) -> Counter[str]:
    """Return how many requests of each operation were answered; each wrong answer is a fault."""
    asked: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        databases = SQLiteDatabases(Path(folder))
        with databases.fresh() as url, open_app(url, Path(folder), **OPTIONS) as app:
            everybody = Everybody(app, Path(folder))
            document = json.loads(everybody.ask("nobody", "GET", "/openapi.json").text)
            for name in operations(document):
                asked[name] = _ask_for(name, everybody, document, number, faults)
    return asked


def _ask_for(
    name: str, everybody: Everybody, document: dict[str, Any], number: int, faults: list[str]
) -> int:
    """Return how many requests of one operation were answered, of all roles together."""
    operation, count = operations(document)[name], 0

    @settings(
        max_examples=number,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(requests_of(name, operation, document))
    def run(drawn: tuple[str, str, dict[str, Any]]) -> None:
        nonlocal count
        method, path, parts = drawn
        for role in ROLES:
            answer = everybody.ask(role, method, path, **parts)
            count += 1
            fault = fault_of(answer, operation, document)
            if fault:
                faults.append(f"{name} as {role}, {path!r} {parts}: {fault}")

    run()
    return count


def _export(wanted: int, calc: str | None, faults: list[str]) -> int:
    """Return how many cells were read back; each that would run is a fault."""
    if calc is not None:
        _require_eyes(calc)
    cells = 0
    with tempfile.TemporaryDirectory() as folder:
        databases = SQLiteDatabases(Path(folder))
        with databases.fresh() as url:
            engine = open_engine(url)
            for seed in range(sys.maxsize):
                if cells >= wanted:
                    break
                fill(engine, _BATCH, seed)
                for name in FORMS:
                    found, wrong = _look_at(engine, name, calc)
                    cells += found
                    faults += wrong
            engine.dispose()
    return cells


def _require_eyes(calc: str) -> None:
    """Check that LibreOffice finds a formula where there is one: else it would find none at all."""
    if list(formulas_in_calc(calc, ["a,b\r\n=1+1,2\r\n"], ",")) != ["of:=1+1"]:
        sys.exit("LibreOffice does not find a formula where there is one.")


def _look_at(engine: Engine, name: str, calc: str | None) -> tuple[int, Iterable[str]]:
    how, others = FORMS[name]
    separator = ";" if name.endswith("semicolons") else ","
    text = exported(engine, how)
    wrong = [f"a cell of {name}: {cell!r}" for cell in formulas(text, separator, others)]
    if calc is not None:
        found = formulas_in_calc(calc, [text], others.rstrip("\r\n") or separator)
        wrong += [f"a formula in {name}, by LibreOffice: {cell!r}" for cell in found]
    return sum(map(len, rows_of(text, separator))), wrong


if __name__ == "__main__":
    sys.exit(main())
