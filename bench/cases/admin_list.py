"""The administrators' list.

The pages of the list of all sessions, through the operation that the view calls: the last page
against the first one in each order, and every filter that the form offers, also those that meet
next to nothing. A page is answered when it is full or the list is at its end, searched in part when
the number of sessions that are looked at was reached before (it then says where, and goes on from
there), and stopped when the time for a page was over. So are the counts of the other pages.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from bench.measure import interleaved
from bench.report import Section, Table, at_most, compared
from bench.run import KINDS, Run
from timApp.app import create_app
from timApp.auth.site import db
from timApp.database.timelimit import PAGE_TIME_LIMIT, TookTooLong, time_limit
from timApp.guard.changes.everybody import effect_on_everybody
from timApp.guard.reading.activity import count_active
from timApp.guard.reading.filter import SessionFilter
from timApp.guard.reading.page import session_page
from timApp.guard.reading.sorting import NamePosition, Position, Sort, TimePosition
from timApp.guard.rules.clocks import NEVER
from timApp.guard.vocabulary import Action, State
from timApp.pages.administer.session_list import PAGE_SIZE, SCAN_LIMIT

TITLE = "The administrators' list"
_LIMIT = 1.3
_MOMENT = datetime(2025, 10, 9, 9, 0, tzinfo=UTC)
_ACTIVE = frozenset({State.ACTIVE})

_FILTERS = {
    "all": SessionFilter(),
    "active": SessionFilter(_ACTIVE),
    "expired": SessionFilter(frozenset({State.EXPIRED})),
    "logged out (none)": SessionFilter(frozenset({State.LOGGED_OUT})),
    "of one person": SessionFilter(user_id=7),
    "active, of one person": SessionFilter(_ACTIVE, user_id=7),
    "text in the origin": SessionFilter(origin="firefox"),
    "text that is nowhere": SessionFilter(origin="nowhere"),
    "text, of one person": SessionFilter(origin="nowhere", user_id=7),
    "from a time": SessionFilter(since=_MOMENT),
    "until a time": SessionFilter(until=_MOMENT),
    "a minute, active": SessionFilter(_ACTIVE, since=_MOMENT, until=_MOMENT + timedelta(minutes=1)),
    "a minute, text that is nowhere": SessionFilter(
        since=_MOMENT, until=_MOMENT + timedelta(minutes=1), origin="nowhere"
    ),
}


def measure(run: Run, section: Section) -> None:
    """Measure on both databases."""
    sessions = run.choose(300, 50_000, 10_000_000)
    section.notes.append(f"{sessions:,} sessions. Pages have {PAGE_SIZE}.")
    for kind in KINDS:
        app = create_app(
            {
                "DATABASE_URL": run.filled(kind, sessions),
                "INSTANCE_PATH": str(run.new_folder("instance")),
            }
        )
        with app.app_context():
            _measure_on(kind, run, section)
            db.session.rollback()
            db.engine.dispose()
    run.drop_filled()  # growth came before


def _measure_on(kind: str, run: Run, section: Section) -> None:
    calls = run.choose(1, 2, 20)
    for sort in Sort:
        pages = {
            "first page": _seconds(sort, None, calls),
            "last page": _seconds(sort, _last(sort), calls),
        }
        series = interleaved(pages, run.choose(1, 3, 11))
        ratio = series["last page"].ratio_to(series["first page"])
        section.goals.append(
            at_most(f"{kind}: last page / first page, {sort.value}", ratio, _LIMIT)
        )
        section.tables.append(
            compared(f"{kind}, {sort.value}", series, "first page", "ms a page", 1e3)
        )
    rows = [
        (f"{name}, {sort.value}", *_look(_asks_for(which, sort)))
        for name, which in _FILTERS.items()
        for sort in Sort
    ]
    rows += [
        (name, *_look(count))
        for name, count in (
            ("count of active sessions", partial(count_active, db, NEVER)),
            ("count before verifying all", partial(effect_on_everybody, db, Action.VERIFY, NEVER)),
            (
                "count before invalidating all",
                partial(effect_on_everybody, db, Action.INVALIDATE, NEVER),
            ),
        )
    ]
    slowest = max(float(row[1]) for row in rows)
    # A database is not stopped at once.
    limit = PAGE_TIME_LIMIT + 0.5
    section.goals.append(at_most(f"{kind}: slowest filter or count", slowest / 1e3, limit, " s"))
    section.tables.append(Table(f"{kind}, filters", ("", "ms", ""), rows))


def _seconds(sort: Sort, after: Position | None, calls: int) -> Callable[[], float]:
    ask = _asks_for(SessionFilter(), sort, after)

    def seconds() -> float:
        begun = time.perf_counter()
        for _ in range(calls):
            ask()
            db.session.rollback()
        return (time.perf_counter() - begun) / calls

    return seconds


def _asks_for(
    which: SessionFilter, sort: Sort, after: Position | None = None
) -> Callable[[], object]:
    return lambda: session_page(db, which, sort, after, size=PAGE_SIZE, scan_limit=SCAN_LIMIT)


def _last(sort: Sort) -> Position:
    """Return where the last full page begins: just behind the one before."""
    backwards = {
        Sort.NEWEST: Sort.OLDEST,
        Sort.OLDEST: Sort.NEWEST,
        Sort.NAME: Sort.NAME_DESC,
        Sort.NAME_DESC: Sort.NAME,
    }[sort]
    end = session_page(
        db, SessionFilter(), backwards, None, size=PAGE_SIZE + 3, scan_limit=SCAN_LIMIT
    )
    before = end.sessions[-1]
    session = before.session
    if sort.is_by_name:
        return NamePosition(before.user_name)
    return TimePosition(session.logged_in_at, session.user_id, session.session_id)


def _look(ask: Callable[[], object]) -> tuple[str, str]:
    """Return the milliseconds of an answer, and what kind of one it is."""
    begun = time.perf_counter()
    try:
        with time_limit(db):
            answer = ask()
        is_partial = getattr(answer, "is_cut_short", False)
        kind = "searched in part" if is_partial else "answered"
    except TookTooLong:
        kind = "stopped"
    seconds = time.perf_counter() - begun
    db.session.rollback()
    return f"{seconds * 1e3:.1f}", kind
