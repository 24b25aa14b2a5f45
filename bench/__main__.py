"""`python -m bench [CASE ...] [--short]`: measure, and report."""

import logging
import signal
import sys
import traceback
import warnings
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import click

from bench.cases import CASES
from bench.machine import load_of_others
from bench.report import Section, render, render_section
from bench.run import Run, Scale

RESULTS = Path(__file__).parent / "RESULTS.md"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("cases", nargs=-1, type=click.Choice(list(CASES)), metavar="[CASE]...")
@click.option("--short", is_flag=True, help="Take a minute for all; the figures are rough.")
def main(cases: Sequence[str], short: bool) -> None:
    """Measure the cases, or all of them.

    All of them at full size are written to bench/RESULTS.md; what comes of anything less is only
    printed.
    """
    warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR is not set")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # Whoever ends this ends its servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    date = datetime.now(UTC)
    with closing(Run(Scale.SHORT if short else Scale.FULL)) as run:
        sections, failed = [], []
        for name in cases or CASES:
            begun = datetime.now(UTC)
            try:
                section = measure(CASES[name], run)
            except Exception:
                failed.append(name)
                click.echo(f"{name} failed:\n{traceback.format_exc()}", err=True)
                continue
            seconds = (datetime.now(UTC) - begun).total_seconds()
            click.echo(f"{name}: {seconds:.0f} s, load {load_of_others():.1f}", err=True)
            sections.append(section)
            click.echo("\n".join(render_section(section)) + "\n")
        if not (cases or short or failed):
            RESULTS.write_text(render(sections, date, run.scale.value, run.describe_postgresql()))
    sys.exit(1 if failed else 0)


def measure(case: ModuleType, run: Run) -> Section:
    """Return what comes of a case."""
    section = Section(case.TITLE, (case.__doc__ or "").partition("\n\n")[2].strip())
    case.measure(run, section)
    return section


if __name__ == "__main__":
    main()
