"""The tables of the campaigns, and their place in docs/faults.md."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median

from bench.machine import commit, describe_machine
from tests.storm.campaign import Outcome
from timApp.util.clock import now

FAULTS = Path(__file__).parents[2] / "docs" / "faults.md"
_END = "<!-- end -->\n"
_COLUMNS = (
    "what",
    "kills",
    "acts",
    "acknowledged",
    "lost",
    "half done",
    "first answer, s: median, max",
    "all answered, s: median, max",
    "helped",
)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table in Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return ["| " + " | ".join(cells) + " |" for cells in lines]


def row_of(outcome: Outcome) -> Sequence[str]:
    """Return the cells of one kind of kills."""
    verdict = outcome.verdict
    return (
        outcome.kind,
        str(outcome.kills),
        f"{verdict.acts:,}",
        f"{verdict.acknowledged:,}",
        str(len(verdict.lost)),
        str(len(verdict.half_done)),
        spread([one.first for one in outcome.recoveries]),
        spread([one.everywhere for one in outcome.recoveries]),
        str(outcome.helped),
    )


def table_of(outcomes: Sequence[Outcome]) -> list[str]:
    """Return the table of kinds of kills."""
    return table(_COLUMNS, [row_of(outcome) for outcome in outcomes])


def with_earlier(text: str, mark: str, outcomes: Sequence[Outcome]) -> list[str]:
    """Return the table of these kinds and of those that stand in the document already."""
    made = text.partition(f"<!-- made by {mark} -->\n")[2].partition(_END)[0]
    rows = {line.split("|")[1].strip(): line for line in made.splitlines() if line[:2] == "| "}
    head, rule, *new = table_of(outcomes)
    rows |= {outcome.kind: line for outcome, line in zip(outcomes, new, strict=True)}
    kept = [line for kind, line in rows.items() if kind not in {_COLUMNS[0], "---"}]
    return [head, rule, *kept]


def spread(seconds: Sequence[float]) -> str:
    """Return median and maximum; a dash if there are none."""
    return f"{median(seconds):.1f}, {max(seconds):.1f}" if seconds else "-"


def circumstances(postgresql: str) -> str:
    """Return when and where a run was made."""
    return f"Run on {now():%Y-%m-%d}, commit {commit()}: {describe_machine()}, {postgresql}."


def written(text: str, mark: str, lines: Sequence[str]) -> str:
    """Return a document with the lines in the place of that mark."""
    begin = f"<!-- made by {mark} -->\n"
    before, found, rest = text.partition(begin)
    if not found:
        msg = f"The document has no place for what is made by {mark}."
        raise ValueError(msg)
    made = "\n".join(lines).strip() + "\n"
    return f"{before}{begin}\n{made}\n{_END}{rest.partition(_END)[2]}"


def write(mark: str, lines: Sequence[str]) -> None:
    """Put the lines into docs/faults.md."""
    FAULTS.write_text(written(FAULTS.read_text("utf-8"), mark, lines), "utf-8")
