"""The guard in process.

The check of a session, without a server around it, against the same look-up by the database's
driver: prepared, on a connection that is held. The sessions asked for are chosen at random.
`Guard.check` is given nothing but a cookie, as by a program without Flask: it checks the signature
and brings name, groups and when the session was seen last. Each of the cookies comes again and
again, as from a browser. `has_valid_session` answers one question for a visitor that is known;
`load_visitor` is what each request of timApp begins with, so that it needs only this one.
"""

from bench.guard import Guarded, Key, LookUp, guard, keys_of, raw_look_up, settle, what_is_asked
from bench.measure import interleaved, seconds_per_call
from bench.people import SESSIONS_EACH, fill
from bench.report import Goal, Section, at_most, compared
from bench.run import KINDS, POSTGRESQL, SQLITE, Run

TITLE = "The guard in process"
_LIMITS = {SQLITE: 3, POSTGRESQL: 1.6}
_FLOOR, _CHECK, _VALID, _LOAD = "driver", "Guard.check", "has_valid_session", "load_visitor"


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
        own = {_CHECK: ours.check, _VALID: ours.has_valid_session, _LOAD: ours.load_visitor}
        look_ups = {_FLOOR: raw, **own}
        settle(list(look_ups.values()), keys)
        series = interleaved(
            {name: seconds_per_call(look_up, keys) for name, look_up in look_ups.items()},
            run.choose(1, 3, 21),
        )
        section.goals += [
            at_most(
                f"{kind}: {name} / {_FLOOR}", series[name].ratio_to(series[_FLOOR]), _LIMITS[kind]
            )
            for name in (_CHECK, _VALID)
        ]
        for name, look_up in own.items():
            section.goals += _asked(kind, name, ours, look_up, keys[0])
        section.tables.append(compared(kind, series, _FLOOR, "µs a check", 1e6))


def _asked(kind: str, name: str, ours: Guarded, look_up: LookUp, key: Key) -> list[Goal]:
    asked = what_is_asked(ours, look_up, key)
    goals = [at_most(f"{kind}: statements of {name}", asked.statements, 1, "")]
    if asked.round_trips is not None:
        goals.append(at_most(f"{kind}: round trips of {name}", asked.round_trips, 1, ""))
    return goals
