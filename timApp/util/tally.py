"""Numbers that count what happens in a server, which its processes share.

Each process writes into a row of its own, and whoever asks adds the rows up. So nobody waits for
anybody, a process that dies takes nothing with it, and the one in its place goes on counting.
"""

import mmap
from collections.abc import Iterable
from threading import Lock
from typing import TypeAlias

#: What a number is of: what is counted, and the labels that part it from its like.
Key = tuple[str, ...]

_BYTES = 8
_Row: TypeAlias = "memoryview[float]"


class Tally:
    """The numbers. For one process, unless it is shared; for any thread."""

    def __init__(self) -> None:
        self._places: dict[Key, int] = {}
        self._rows: list[_Row] = []
        self._row: _Row | None = None
        self._mutex = Lock()

    def declare(self, keys: Iterable[Key]) -> None:
        """Have numbers with these keys, each 0; before anything is counted or shared."""
        for key in keys:
            self._places.setdefault(key, len(self._places))

    def share(self, processes: int) -> None:
        """Begin at 0 with a row for each of so many processes, which are forked later."""
        self._rows = [
            memoryview(mmap.mmap(-1, max(len(self._places), 1) * _BYTES)).cast("d")
            for _ in range(processes)
        ]
        self._row = self._rows[0]

    def take_row(self, process: int) -> None:
        """Write into that row from now on, where a process was that has ended."""
        self._row = self._rows[process]

    def __contains__(self, key: Key) -> bool:
        return key in self._places

    def place(self, key: Key) -> int:
        """Return where a number is that was declared, for `add`; `KeyError` for any other."""
        return self._places[key]

    def add(self, *parts: tuple[int, float]) -> None:
        """Add to several numbers, by their places: for what happens all the time."""
        with self._mutex:
            row = self._own()
            for place, by in parts:
                row[place] += by

    def count(self, key: Key, by: float = 1.0) -> None:
        """Add to a number; nothing happens for a key that was not declared."""
        place = self._places.get(key)
        if place is not None:
            with self._mutex:
                self._own()[place] += by

    def put(self, key: Key, value: float) -> None:
        """Let this process' part of a number be that."""
        place = self._places.get(key)
        if place is not None:
            with self._mutex:
                self._own()[place] = value

    def totals(self) -> dict[Key, float]:
        """Return the numbers that are not 0, of all processes together."""
        rows = self._rows or [self._own()]
        sums = map(sum, zip(*rows, strict=True))
        return {key: number for key, number in zip(self._places, sums, strict=False) if number}

    def _own(self) -> _Row:
        if self._row is None:
            self.share(1)
        assert self._row is not None  # noqa: S101 - narrows the type for mypy
        return self._row
