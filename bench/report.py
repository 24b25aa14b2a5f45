"""What comes of a case, and the page that holds all of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bench.machine import commit, describe_machine, describe_packages
from bench.measure import Series


@dataclass(frozen=True)
class Goal:
    """What was to be reached, and what was."""

    what: str
    goal: str
    value: str
    is_met: bool


@dataclass(frozen=True)
class Table:
    """Figures; the first column says whose."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass
class Section:
    """What came of one case."""

    title: str
    #: What is compared with what.
    text: str
    goals: list[Goal] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    #: What was left out, and what one has to know to read the figures.
    notes: list[str] = field(default_factory=list)


def at_most(what: str, value: float, limit: float, unit: str = " x") -> Goal:
    """Return the goal that the value is the limit or less."""
    return Goal(what, f"<= {limit:g}{unit}", f"{value:.3g}{unit}", value <= limit)


def at_least(what: str, value: float, limit: float, unit: str = " x") -> Goal:
    """Return the goal that the value is the limit or more."""
    return Goal(what, f">= {limit:g}{unit}", f"{value:.3g}{unit}", value >= limit)


def compared(
    title: str, series: dict[str, Series], floor: str, unit: str, factor: float = 1
) -> Table:
    """Return a table of all contestants beside the one that is the floor.

    `unit` is what a measurement times `factor` is in.
    """
    return Table(
        title,
        ("", f"median, {unit}", "spread", f"x {floor}"),
        [
            (
                name,
                f"{one.median * factor:.3g}"
                if one.median * factor < 100
                else f"{one.median * factor:,.0f}",
                f"{one.spread:.0%}",
                f"{one.ratio_to(series[floor]):.2f}",
            )
            for name, one in series.items()
        ],
    )


def render(sections: Iterable[Section], date: datetime, size: str, postgresql: str) -> str:
    """Return the page, in Markdown."""
    done = list(sections)
    met = sum(goal.is_met for section in done for goal in section.goals)
    goals = sum(len(section.goals) for section in done)
    lines = [
        "# Measured",
        "",
        "Written by `make bench`. Whatever is compared ran on one machine, in turns with the rest"
        " of its table: read the ratios, for times are those of this machine.",
        "",
        f"- Date: {date:%Y-%m-%d}",
        f"- Commit: {commit()}",
        f"- Machine: {describe_machine()}, {postgresql}",
        f"- Packages: {describe_packages()}",
        f"- Size of the run: {size}",
        f"- Goals met: {met} of {goals}",
        "",
    ]
    for section in done:
        lines += [*render_section(section), ""]
    return "\n".join(lines).rstrip() + "\n"


def render_section(section: Section) -> list[str]:
    """Return the lines of one case, in Markdown."""
    lines = [f"## {section.title}", "", section.text, ""]
    if section.goals:
        rows = [
            (goal.what, goal.goal, goal.value, "met" if goal.is_met else "**not met**")
            for goal in section.goals
        ]
        lines += [*_table(("what", "goal", "value", ""), rows), ""]
    for table in section.tables:
        lines += [f"{table.title}:", "", *_table(table.columns, table.rows), ""]
    lines += [f"- {note}" for note in section.notes]
    return lines[:-1] if lines[-1] == "" else lines


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    return [line(columns), line(["---"] * len(columns)), *(line(row) for row in rows)]
