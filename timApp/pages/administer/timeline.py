"""The picture of one person's sessions over time: where each bar lies. It draws nothing.

Across, places are percentages of the picture's width, so that it fits every screen and its text
keeps its size; downwards, they are pixels.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pytz import BaseTzInfo

from timApp.guard.rules.presence import Overlap, Span, Track
from timApp.util.localtime import Tick, ticks

#: Height of what a session takes (its name, and below it its bar) and of the axis above them.
ROW_HEIGHT = 40
AXIS_HEIGHT = 24
#: What is shorter is drawn so wide all the same, in percent, or nobody would see it.
MIN_WIDTH = 0.5
#: The shortest time that the picture shows.
_SHORTEST = timedelta(minutes=5)
# Labels of ticks that are nearer to an edge, in percent, would stick out.
_EDGE = 8.0


@dataclass(frozen=True)
class Bar:
    """A stretch of time as it is drawn."""

    x: float
    width: float


@dataclass(frozen=True)
class Row:
    """One session as it is drawn; `y` is its upper edge."""

    track: Track
    y: int
    presence: Bar
    active: list[Bar]
    blocked_at: list[float]
    verified_at: list[float]


@dataclass(frozen=True)
class PlacedTick:
    """A mark of the axis, and on which side of it its label has room."""

    tick: Tick
    x: float
    anchor: str


@dataclass(frozen=True)
class Timeline:
    """The whole picture."""

    start: datetime
    end: datetime
    height: int
    rows: list[Row]
    ticks: list[PlacedTick]
    overlaps: list[Bar]


def since(tracks: Iterable[Track], start: datetime | None) -> list[Track]:
    """Return those tracks that are not over before the start (None: all)."""
    return [track for track in tracks if start is None or track.end >= start]


def lay_out(
    tracks: Sequence[Track],
    overlaps: Sequence[Overlap],
    start: datetime | None,
    zone: BaseTzInfo,
    end: datetime | None = None,
) -> Timeline | None:
    """Return the picture of the tracks, from start to end (None: their own); None without any.

    It begins and ends where there is something to see. `zone` is the reader's time zone.
    """
    if not tracks:
        return None
    first = min(track.presence.start for track in tracks)
    first = first if start is None else max(first, start)
    last = max(track.end for track in tracks)
    last = max(last if end is None else min(last, end), first + _SHORTEST)
    scale = _Scale(first, last)
    rows = [
        Row(
            track=track,
            y=AXIS_HEIGHT + number * ROW_HEIGHT,
            presence=scale.bar(track.presence.start, track.presence.end),
            active=scale.bars(track.active),
            blocked_at=scale.places(track.blocked_at),
            verified_at=scale.places(track.verified_at),
        )
        for number, track in enumerate(tracks)
    ]
    return Timeline(
        start=first,
        end=last,
        height=AXIS_HEIGHT + len(rows) * ROW_HEIGHT,
        rows=rows,
        ticks=[
            PlacedTick(tick, scale.place(tick.at), _anchor(scale.place(tick.at)))
            for tick in ticks(first, last, zone)
        ],
        overlaps=scale.bars(overlaps),
    )


class _Scale:
    """Turns moments into percentages."""

    def __init__(self, start: datetime, end: datetime) -> None:
        self._start, self._end = start, end

    def place(self, moment: datetime) -> float:
        part = (moment - self._start) / (self._end - self._start)
        return round(100 * min(max(part, 0), 1), 3)

    def bar(self, start: datetime, end: datetime) -> Bar:
        left, right = self.place(start), self.place(end)
        width = max(right - left, MIN_WIDTH)
        return Bar(round(min(left, 100 - width), 3), round(width, 3))

    def bars(self, spans: Iterable[Span | Overlap]) -> list[Bar]:
        return [self.bar(span.start, span.end) for span in spans if self._has(span)]

    def places(self, moments: Iterable[datetime]) -> list[float]:
        return [self.place(moment) for moment in moments if self._start <= moment <= self._end]

    def _has(self, span: Span | Overlap) -> bool:
        return span.end >= self._start and span.start <= self._end


def _anchor(x: float) -> str:
    if x < _EDGE:
        return "start"
    return "end" if x > 100 - _EDGE else "middle"
