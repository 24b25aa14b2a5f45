"""Exports.

`Export`, with its count and its snapshot, iterated over and the bytes thrown away, against
what the database and its driver can do: on PostgreSQL a COPY of the same columns in the same order,
and a COPY of `row_to_json` of them; on SQLite the driver's cursor into `csv.writer`, and the
engine's `json_object`, joined. The plain ones write times as the database has them and do not
look for formulas in cells, which ours do. What the latter takes in PostgreSQL is shown by a COPY of
"the same cells", with our own query, which is received and thrown away. The first byte is waited
for from before the count. The peak of memory is that of a process of its own, which exports and
does nothing else.
"""

import csv
import io
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from bench.measure import Contestant, Series, interleaved
from bench.people import SESSIONS_EACH, fill, raw_postgresql
from bench.report import Section, Table, at_least, at_most, compared
from bench.run import KINDS, POSTGRESQL, SQLITE, Run
from timApp.guard.export.query import csv_query, json_query
from timApp.guard.export.sessions import reference_table
from timApp.guard.export.stream import Export
from timApp.guard.reading.filter import SessionFilter
from timApp.guard.vocabulary import ExportFormatOptions

TITLE = "Exports"
_RATES = {
    (POSTGRESQL, ExportFormatOptions.CSV): 0.85,
    (SQLITE, ExportFormatOptions.CSV): 0.9,
    (POSTGRESQL, ExportFormatOptions.JSON): 0.8,
    (SQLITE, ExportFormatOptions.JSON): 0.8,
}
_FIRST_BYTE = 100.0
_GROWTH = 1.1
_ROWS = 400
_COLUMNS = 'name AS "user", session_id, origin, logged_in_at, expired_at'
_FROM = (
    " FROM usersession JOIN useraccount ON useraccount.id = user_id"
    " ORDER BY user_id, logged_in_at, session_id"
)
_PLAIN = f"SELECT {_COLUMNS}{_FROM}"
_COPY_CSV = f"COPY ({_PLAIN}) TO STDOUT (FORMAT csv)"
_COPY_JSON = (
    f"COPY (SELECT row_to_json(plain) FROM ({_PLAIN}) plain) TO STDOUT"
    r" (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02')"
)
_JSON_OBJECTS = (
    "SELECT json_object('user', name, 'session_id', session_id, 'origin', origin,"
    f" 'logged_in_at', logged_in_at, 'expired_at', expired_at){_FROM}"
)
_PEAK = """
import re, sys
from pathlib import Path
import sqlalchemy as sa
from timApp.guard.export.sessions import reference_table
from timApp.guard.export.stream import Export
from timApp.guard.reading.filter import SessionFilter
from timApp.guard.vocabulary import ExportFormatOptions
engine = sa.create_engine(sys.argv[1])
for block in Export(engine, reference_table(SessionFilter()), ExportFormatOptions(sys.argv[2])):
    pass
# What the kernel calls maxrss is at least that of the process which started this one.
print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


def measure(run: Run, section: Section) -> None:
    """Measure on both databases."""
    few, many = run.choose((150, 300), (3_000, 12_000), (50_000, 1_000_000))
    for kind in KINDS:
        with run.database(kind) as small, run.database(kind) as large:
            fill(small, few // SESSIONS_EACH)
            fill(large, many // SESSIONS_EACH)
            for export_format in ExportFormatOptions:
                _measure_rate(kind, export_format, large, run, section)
            _measure_memory(kind, (small, large), section)
    section.notes.append(f"{many:,} sessions; memory is compared with that for {few:,}.")


def _measure_rate(
    kind: str, export_format: ExportFormatOptions, url: str, run: Run, section: Section
) -> None:
    name = export_format.value.upper()
    first_bytes: list[float] = []
    engine = sa.create_engine(_with_driver(url))
    contestants: dict[str, Contestant] = {
        "ours": lambda: _export(engine, export_format, first_bytes),
        "plain": _plain(kind, export_format, url),
    }
    if kind == POSTGRESQL:
        contestants["the same cells"] = lambda: _copy_of_the_same(engine, export_format)
    # A turn of PostgreSQL is short, and the shorter the noisier.
    series = interleaved(contestants, run.choose(1, 1, 15 if kind == SQLITE else 45))
    engine.dispose()
    first = Series(tuple(first_bytes[1:])).median * 1e3  # the first turn does not count
    section.goals += [
        at_least(
            f"{kind}: {name}, rate / {floor}",
            1 / series["ours"].ratio_to(series[floor]),
            _RATES[kind, export_format],
        )
        for floor in series
        if floor != "ours"
    ]
    section.goals.append(at_most(f"{kind}: {name}, first byte", first, _FIRST_BYTE, " ms"))
    section.tables.append(compared(f"{kind}, {name}", series, "plain", "s"))


def _measure_memory(kind: str, urls: tuple[str, str], section: Section) -> None:
    rows = []
    for export_format in ExportFormatOptions:
        few, many = (_peak(url, export_format) for url in urls)
        name = export_format.value.upper()
        section.goals.append(at_most(f"{kind}: {name}, growth of memory", many / few, _GROWTH))
        rows.append((name, f"{few / 1024:.0f}", f"{many / 1024:.0f}"))
    section.tables.append(Table(f"{kind}, peak of memory", ("", "few, MiB", "many, MiB"), rows))


def _peak(url: str, export_format: ExportFormatOptions) -> float:
    """Return the most memory that a process which exports has had, in KiB."""
    command = [sys.executable, "-c", _PEAK, _with_driver(url), export_format.value]
    project = Path(__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=project)
    return float(done.stdout)


def _with_driver(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://")


def _export(
    engine: sa.Engine, export_format: ExportFormatOptions, first_bytes: list[float]
) -> float:
    begun = time.perf_counter()
    first = None
    for _ in Export(engine, reference_table(SessionFilter()), export_format):
        first = first or time.perf_counter() - begun
    first_bytes.append(first or 0.0)
    return time.perf_counter() - begun


def _copy_of_the_same(engine: sa.Engine, export_format: ExportFormatOptions) -> float:
    write = csv_query if export_format is ExportFormatOptions.CSV else json_query
    with engine.connect() as connection:
        connection.exec_driver_sql("SET TimeZone = 'UTC'")
        query = write(reference_table(SessionFilter()), is_sqlite=False)
        statement = str(
            query.compile(dialect=engine.dialect, compile_kwargs={"literal_binds": True})
        )
        driver: Any = connection.connection.driver_connection
        begun = time.perf_counter()
        with (
            driver.cursor() as cursor,
            cursor.copy(f"COPY ({statement}) TO STDOUT (FORMAT csv)") as copy,
        ):
            for _ in copy:
                pass
        return time.perf_counter() - begun


def _plain(kind: str, export_format: ExportFormatOptions, url: str) -> Contestant:
    if kind == POSTGRESQL:
        statement = _COPY_CSV if export_format is ExportFormatOptions.CSV else _COPY_JSON
        return lambda: _timed_copy(url, statement)
    if export_format is ExportFormatOptions.CSV:
        return lambda: _timed_read(url, _PLAIN, _write_csv)
    return lambda: _timed_read(url, _JSON_OBJECTS, _join)


def _timed_copy(url: str, statement: str) -> float:
    with raw_postgresql(url) as connection, connection.cursor() as cursor:
        begun = time.perf_counter()
        with cursor.copy(statement.encode()) as copy:
            for _ in copy:
                pass
        return time.perf_counter() - begun


def _timed_read(
    url: str, statement: str, write: Callable[[list[tuple[str, ...]]], object]
) -> float:
    with closing(sqlite3.connect(str(make_url(url).database))) as file:
        begun = time.perf_counter()
        cursor = file.execute(statement)
        while rows := cursor.fetchmany(_ROWS):
            write(rows)
        return time.perf_counter() - begun


def _write_csv(rows: list[tuple[str, ...]]) -> bytes:
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue().encode()


def _join(rows: list[tuple[str, ...]]) -> bytes:
    return ",\n".join([text for (text,) in rows]).encode()
