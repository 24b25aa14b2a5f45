"""Rounds of measurements that take turns, and what follows from them.

A machine is faster at one moment than at the next. So whatever is compared is measured in turns,
and a ratio is the median of the ratios within each round.
"""

import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

_Argument = TypeVar("_Argument")

#: Makes one measurement, and returns it.
Contestant = Callable[[], float]


@dataclass(frozen=True)
class Series:
    """The measurements of one contestant, a round each."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.values)

    @property
    def spread(self) -> float:
        """How far the largest and the smallest lie apart, as a part of the median."""
        return (max(self.values) - min(self.values)) / self.median if self.median else 0.0

    def ratio_to(self, other: "Series") -> float:
        """Return how many times the other one's this is: the median over the rounds."""
        return statistics.median(
            mine / theirs for mine, theirs in zip(self.values, other.values, strict=True)
        )


def interleaved(contestants: Mapping[str, Contestant], rounds: int) -> dict[str, Series]:
    """Let the contestants take turns, after a first turn that does not count.

    Who comes first changes from round to round.
    """
    names = list(contestants)
    for name in names:
        contestants[name]()
    values: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            values[name].append(contestants[name]())
    return {name: Series(tuple(measured)) for name, measured in values.items()}


def seconds_per_call(
    function: Callable[[_Argument], object], arguments: Iterable[_Argument]
) -> Contestant:
    """Return what calls the function with each argument and measures the seconds that one takes."""
    given = list(arguments)

    def measure() -> float:
        begun = time.perf_counter()
        for argument in given:
            function(argument)
        return (time.perf_counter() - begun) / len(given)

    return measure


def percentile(values: Iterable[float], part: float) -> float:
    """Return the value below which this part (0 to 1) of the values lies; 0 if there are none."""
    ordered = sorted(values)
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]
