"""What comes of a case, and the page that holds all of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bench.machine import commit, describe_machine, describe_packages
from bench.measure import Series

#: What ends the row of a goal.
_MET, _MISSED = " | met |", " | **not met** |"


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


def render_section(section: Section, circumstances: str | None = None) -> list[str]:
    """Return the lines of one case, in Markdown; `circumstances` say when and where it was so."""
    lines = [f"## {section.title}", "", section.text, ""]
    if circumstances is not None:
        lines += [circumstances, ""]
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


def circumstances(date: datetime, postgresql: str, load: float) -> str:
    """Return when something was measured, of which commit, and on what machine."""
    return (
        f"*{date:%Y-%m-%d}, commit {commit()}; {describe_machine()}, {postgresql};"
        f" {load:.1f} processes wanted a core.*"
    )


def with_section(page: str, title: str, lines: Sequence[str], order: Sequence[str]) -> str:
    """Return the page of all sections with these lines as the one of that title.

    Each was measured at its own time: what is not measured again stays. `order` are the titles of
    all that there may be.
    """
    known = {}
    for section in page.split("\n## ")[1:]:
        name, _, text = section.partition("\n")
        known[name] = f"## {name}\n{text.rstrip()}\n"
    known[title] = "\n".join(lines).rstrip() + "\n"
    sections = [known[name] for name in order if name in known]
    met, missed = (sum(text.count(word) for text in sections) for word in (_MET, _MISSED))
    head = [
        "# Measured",
        "",
        "Written by `make bench`. Whatever is compared ran on one machine, in turns with the rest"
        " of its table: read the ratios, for times are those of this machine. Each section says"
        " when it was measured.",
        "",
        f"- Packages, when the last was: {describe_packages()}",
        f"- Goals met: {met} of {met + missed}",
    ]
    return "\n".join([*head, "", "\n".join(sections)])


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    return [line(columns), line(["---"] * len(columns)), *(line(row) for row in rows)]
