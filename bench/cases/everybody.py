"""Changes of everybody's sessions.

`verify_all_sessions` and `invalidate_all_sessions`, with all that they lock and record and with the
commit, against a plain UPDATE of the same rows by the driver, also with its commit. Of the three
sessions of each person the second one is active: to verify all changes two of three, to invalidate
all one of three.

The plain UPDATE has the easiest way to its rows: the number of each session in a column of its own,
filled in beforehand. `UPDATE usersession SET expired_at = CASE number WHEN 3 THEN NULL ELSE now END
WHERE number > 1` is the one for verifying all. Its table is like ours (the same keys, checks and
indexes), but on PostgreSQL of the default fill factor. Each turn works on a new copy of its
database, which is read once before.
"""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing

from sqlalchemy.engine import make_url

from bench.measure import Series
from bench.people import SESSIONS_EACH, fill, raw_postgresql
from bench.report import Section, Table, at_most
from bench.run import KINDS, POSTGRESQL, SQLITE, Run
from tests.changes import invalidate_all_sessions, verify_all_sessions
from timApp.app import create_app
from timApp.auth.site import db

TITLE = "Changes of everybody's sessions"
_LIMITS = {SQLITE: 2.1, POSTGRESQL: 0.6}
_GROWTH_LIMIT = 1.4
_ACTIVE = 2
_MARK = "number"
_COUNT = "SELECT count(origin) FROM usersession"

_OPERATIONS: dict[str, tuple[Callable[[], int], str]] = {
    "verify all": (
        verify_all_sessions,
        f"UPDATE usersession SET expired_at = CASE {_MARK} WHEN {SESSIONS_EACH} THEN NULL"
        f" ELSE {{now}} END WHERE {_MARK} > 1",
    ),
    "invalidate all": (
        invalidate_all_sessions,
        f"UPDATE usersession SET expired_at = {{now}} WHERE {_MARK} = {_ACTIVE}",
    ),
}
_NOW = {SQLITE: "'2030-01-01T00:00:00.000000+00:00'", POSTGRESQL: "now()"}


def measure(run: Run, section: Section) -> None:
    """Measure on both databases."""
    sizes = run.choose([300], [6_000, 24_000], [100_000, 1_000_000, 3_000_000])
    for kind in KINDS:
        _measure_on(kind, sizes, run, section)


def _measure_on(kind: str, sizes: list[int], run: Run, section: Section) -> None:
    per_row: dict[str, list[float]] = {name: [] for name in _OPERATIONS}
    rows = []
    again = 0
    for sessions in sizes:
        with run.database(kind) as ours, run.database(kind) as plain:
            people = sessions // SESSIONS_EACH
            fill(ours, people, active=_ACTIVE)
            _prepare_plain(kind, plain)
            fill(plain, people, active=_ACTIVE, mark=_MARK)
            rounds = run.choose(1, 1, 3 if sessions < sizes[-1] else 1)
            for name, (operation, statement) in _OPERATIONS.items():
                mine, theirs = [], []
                for _ in range(rounds):
                    changed, seconds, more = _turn(run, ours, operation)
                    mine.append(seconds)
                    again += more
                    same, seconds = _plain_turn(kind, run, plain, statement)
                    theirs.append(seconds)
                    if changed != same:
                        msg = f"{name} changed {changed} sessions, and the plain UPDATE {same}."
                        raise RuntimeError(msg)
                series, floor = Series(tuple(mine)), Series(tuple(theirs))
                ratio = series.ratio_to(floor)
                per_row[name].append(series.median / sessions)
                section.goals.append(
                    at_most(f"{kind}: {name}, {sessions:,} / plain UPDATE", ratio, _LIMITS[kind])
                )
                rows.append(
                    (
                        f"{name}, {sessions:,}",
                        f"{series.median:.2f}",
                        f"{floor.median:.2f}",
                        f"{ratio:.2f}",
                        f"{series.median / sessions * 1e6:.2f}",
                    )
                )
    section.goals += [
        at_most(f"{kind}: {name}, time per row, end to end", _growth(times), _GROWTH_LIMIT)
        for name, times in per_row.items()
    ]
    section.goals.append(at_most(f"{kind}: sessions that second runs wrote", again, 0, ""))
    columns = ("", "ours, s", "plain UPDATE, s", "x plain UPDATE", "ours, µs a session")
    section.tables.append(Table(kind, columns, rows))


def _growth(times: list[float]) -> float:
    """Return how much longer a row takes at the largest size than at the smallest."""
    return times[-1] / times[0]


def _prepare_plain(kind: str, database_url: str) -> None:
    add = f"ALTER TABLE usersession ADD COLUMN {_MARK} INTEGER"
    if kind == SQLITE:
        with closing(sqlite3.connect(str(make_url(database_url).database))) as file, file:
            file.execute(add)
        return
    with raw_postgresql(database_url) as connection:
        connection.execute(add.encode())
        connection.execute("ALTER TABLE usersession RESET (fillfactor)")


def _turn(run: Run, database_url: str, operation: Callable[[], int]) -> tuple[int, float, int]:
    """Return how many sessions the operation changed, its seconds, and how many a second one."""
    with run.copy_of(database_url) as url:
        app = create_app({"DATABASE_URL": url, "INSTANCE_PATH": str(run.new_folder("instance"))})
        with app.app_context():
            with db.engine.connect() as connection:
                connection.exec_driver_sql(_COUNT).all()
            begun = time.perf_counter()
            changed = operation()
            db.session.commit()
            seconds = time.perf_counter() - begun
            again = operation()
            db.session.commit()
            db.engine.dispose()
    return changed, seconds, again


def _plain_turn(kind: str, run: Run, database_url: str, statement: str) -> tuple[int, float]:
    """Return how many sessions the plain statement changed, and its seconds."""
    update = statement.format(now=_NOW[kind])
    with run.copy_of(database_url) as url:
        if kind == SQLITE:
            with closing(sqlite3.connect(str(make_url(url).database))) as file:
                # As ours.
                file.execute("PRAGMA journal_mode = WAL")
                file.execute("PRAGMA synchronous = FULL")
                file.execute("PRAGMA foreign_keys = ON")
                file.execute(_COUNT).fetchall()
                begun = time.perf_counter()
                changed = file.execute(update).rowcount
                file.commit()
                return changed, time.perf_counter() - begun
        with raw_postgresql(url) as connection:
            connection.execute(_COUNT.encode()).fetchall()
            begun = time.perf_counter()
            changed = connection.execute(update.encode()).rowcount
            return changed, time.perf_counter() - begun
