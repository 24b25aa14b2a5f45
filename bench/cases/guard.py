"""The guard in process.

The check of a session, without a server around it, against the same look-up by the database's
driver: prepared, on a connection that is held. The sessions asked for are chosen at random.
`has_valid_session` answers one question for a visitor that is known; `load_visitor` is what each
request begins with, and also brings name, rights and when the session was seen last, so that a
request needs only this one.
"""

from bench.guard import Guard, Key, guard, keys_of, raw_look_up, settle, what_is_asked
from bench.measure import interleaved, seconds_per_call
from bench.people import SESSIONS_EACH, fill
from bench.report import Goal, Section, at_most, compared
from bench.run import KINDS, POSTGRESQL, SQLITE, Run

TITLE = "The guard in process"
_LIMITS = {SQLITE: 3, POSTGRESQL: 1.6}
_FLOOR = "driver"


def measure(run: Run, section: Section) -> None:
    """Measure on both databases."""
    people = run.choose(50, 5_000, 20_000)
    section.notes.append(f"{people:,} people with {SESSIONS_EACH} sessions each.")
    keys = keys_of(people, run.choose(5, 500, 5_000))
    for kind in KINDS:
        with run.database(kind) as url:
            fill(url, people)
            _measure_on(kind, url, keys, run, section)


def _measure_on(kind: str, url: str, keys: list[Key], run: Run, section: Section) -> None:
    with raw_look_up(url) as raw, guard(url, run.new_folder("instance")) as ours:
        look_ups = {
            _FLOOR: raw,
            "has_valid_session": ours.has_valid_session,
            "load_visitor": ours.load_visitor,
        }
        settle(list(look_ups.values()), keys)
        series = interleaved(
            {name: seconds_per_call(look_up, keys) for name, look_up in look_ups.items()},
            run.choose(1, 3, 21),
        )
        ratio = series["has_valid_session"].ratio_to(series[_FLOOR])
        section.goals += [
            at_most(f"{kind}: has_valid_session / {_FLOOR}", ratio, _LIMITS[kind]),
            *_asked(kind, ours, keys[0]),
        ]
        section.tables.append(compared(kind, series, _FLOOR, "µs a check", 1e6))


def _asked(kind: str, ours: Guard, key: Key) -> list[Goal]:
    goals = []
    for name, look_up in (
        ("has_valid_session", ours.has_valid_session),
        ("load_visitor", ours.load_visitor),
    ):
        asked = what_is_asked(ours, look_up, key)
        goals.append(at_most(f"{kind}: statements of {name}", asked.statements, 1, ""))
        if asked.round_trips is not None:
            goals.append(at_most(f"{kind}: round trips of {name}", asked.round_trips, 1, ""))
    return goals
