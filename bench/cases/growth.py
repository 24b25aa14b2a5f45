"""Growth of the guard.

The same look-ups as in the guard's own case, among a few sessions and among many, all databases in
one run and in turns. Of each, as many sessions are asked for as there are in the smallest one,
chosen at random, so that what differs is only among how many they are found: with more of them,
more of the processor's caches would be in use. The driver's own look-up shows what the databases
add by themselves.
"""

from contextlib import ExitStack

from bench.guard import guard, keys_of, raw_look_up, settle
from bench.measure import interleaved, seconds_per_call
from bench.people import SESSIONS_EACH
from bench.report import Section, at_most, compared
from bench.run import KINDS, Run

TITLE = "Growth of the guard"
_LIMIT = 1.3


def measure(run: Run, section: Section) -> None:
    """Measure on both databases."""
    smallest = run.choose([100, 200], [1_000, 50_000], [1_000, 1_000_000, 10_000_000])
    for kind in KINDS:
        _measure_on(kind, smallest, run, section)


def _measure_on(kind: str, sizes: list[int], run: Run, section: Section) -> None:
    people = sizes[0] // SESSIONS_EACH
    with ExitStack() as stack:
        ours, raw = {}, {}
        for sessions in sizes:
            url = run.filled(kind, sessions)
            keys = keys_of(
                sessions // SESSIONS_EACH, people * SESSIONS_EACH, range(1, SESSIONS_EACH + 1)
            )
            guarded = stack.enter_context(guard(url, run.new_folder("instance")))
            driver = stack.enter_context(raw_look_up(url))
            settle([guarded.has_valid_session, driver], keys)
            ours[f"{sessions:,}"] = seconds_per_call(guarded.has_valid_session, keys)
            raw[f"{sessions:,}, driver"] = seconds_per_call(driver, keys)
        series = interleaved({**ours, **raw}, run.choose(1, 3, 31))
    smallest = f"{sizes[0]:,}"
    section.goals += [
        at_most(
            f"{kind}: {name} / {smallest} sessions", series[name].ratio_to(series[smallest]), _LIMIT
        )
        for name in list(ours)[1:]
    ]
    section.tables.append(compared(kind, series, smallest, "µs a check", 1e6))
