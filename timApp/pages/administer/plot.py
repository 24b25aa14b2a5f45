"""Lays out a small bar chart; the template `bar_chart.html` draws it.

In units of the picture, which are pixels on a phone; static/plot.css has the font's size too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 360, 130
_MARGIN = 4
_FONT_SIZE = 12
#: How wide a digit is, at the most.
_DIGIT_WIDTH = 0.6 * _FONT_SIZE
#: Between the labels of an axis and the plot.
_GAP = 10
#: Of the plot's width and height, so much is free on each side of the bars.
_PADDING = 0.02 / 1.04
#: Of the room that a bar has, so much is its own.
_BAR_PART = 0.77


@dataclass(frozen=True)
class Bar:
    """A bar, and what it says when it is pointed at."""

    x: float
    y: float
    width: float
    height: float
    label: str
    value: int


@dataclass(frozen=True)
class AxisLabel:
    """A text at an axis, and where on it."""

    at: float
    text: str


@dataclass(frozen=True)
class BarChart:
    """The whole picture; bars and labels are placed in the plot, whose corner is `left`, `top`."""

    name: str
    left: float
    top: float
    plot_width: float
    plot_height: float
    bars: list[Bar]
    x_labels: list[AxisLabel]
    #: Each with a line across the plot, from the lowest on.
    y_labels: list[AxisLabel]
    width: int = WIDTH
    height: int = HEIGHT


def bar_chart(name: str, values: Sequence[int], labels: Sequence[str], label_step: int) -> BarChart:
    """Return a picture with a bar for each value, and every so-many-th label, the last too.

    `name` is what the picture is called for those who do not see it. There has to be a value, and
    as many labels; no value may be negative.
    """
    end = _round_up(max(values))
    label_width = max(_DIGIT_WIDTH * len(str(end)), _FONT_SIZE)
    left = _MARGIN + _GAP + label_width
    plot_width = WIDTH - _MARGIN - left
    plot_height = HEIGHT - 2 * _MARGIN - _GAP - _FONT_SIZE
    room = plot_width * (1 - 2 * _PADDING) / len(values)

    def middle(number: int) -> float:
        return round(plot_width * _PADDING + (number + 0.5) * room, 3)

    def level(value: float) -> float:
        free = plot_height * _PADDING
        return round(plot_height - free - value / end * (plot_height - 2 * free), 3)

    def label_at(number: int) -> float:
        # In the middle below its bar, but not beyond the picture's edge.
        half = _DIGIT_WIDTH * len(labels[number]) / 2
        return round(min(middle(number), plot_width + _MARGIN - half), 3)

    bar_width = room * _BAR_PART
    return BarChart(
        name=name,
        left=round(left, 3),
        top=_MARGIN,
        plot_width=round(plot_width, 3),
        plot_height=plot_height,
        bars=[
            Bar(
                x=round(middle(number) - bar_width / 2, 3),
                y=level(value),
                width=round(bar_width, 3),
                height=round(level(0) - level(value), 3),
                label=label,
                value=value,
            )
            for number, (value, label) in enumerate(zip(values, labels, strict=True))
        ],
        x_labels=[
            AxisLabel(label_at(number), labels[number])
            for number in range(len(labels) - 1, -1, -label_step)
        ],
        y_labels=[AxisLabel(level(value), str(value)) for value in (0, end // 2, end)],
    )


def _round_up(number: int) -> int:
    """Return an even round number that is not smaller, for the end of an axis; at least 2."""
    power = 1
    while number > 10 * power:
        power *= 10
    return next(digit * power for digit in (2, 4, 6, 8, 10) if digit * power >= number)
