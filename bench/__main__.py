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
from bench.report import Section, circumstances, render_section, with_section
from bench.run import Run, Scale

RESULTS = Path(__file__).parent / "RESULTS.md"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("cases", nargs=-1, type=click.Choice(list(CASES)), metavar="[CASE]...")
@click.option("--short", is_flag=True, help="Take a minute for all; the figures are rough.")
def main(cases: Sequence[str], short: bool) -> None:
    """Measure the cases, or all of them.

    What comes of each at full size is written to bench/RESULTS.md, in the place of what stood
    there; what comes of anything less is only printed.
    """
    warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR is not set")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # Whoever ends this ends its servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    with closing(Run(Scale.SHORT if short else Scale.FULL)) as run:
        failed = []
        for name in cases or CASES:
            begun = datetime.now(UTC)
            try:
                section = measure(CASES[name], run)
            except Exception:
                failed.append(name)
                click.echo(f"{name} failed:\n{traceback.format_exc()}", err=True)
                continue
            seconds, load = (datetime.now(UTC) - begun).total_seconds(), load_of_others()
            click.echo(f"{name}: {seconds:.0f} s, load {load:.1f}", err=True)
            known = circumstances(begun, run.describe_postgresql(), load)
            lines = render_section(section, known)
            click.echo("\n".join(lines) + "\n")
            if not short:
                page = RESULTS.read_text() if RESULTS.exists() else ""
                order = [case.TITLE for case in CASES.values()]
                RESULTS.write_text(with_section(page, section.title, lines, order))
    sys.exit(1 if failed else 0)


def measure(case: ModuleType, run: Run) -> Section:
    """Return what comes of a case."""
    section = Section(case.TITLE, (case.__doc__ or "").partition("\n\n")[2].strip())
    case.measure(run, section)
    return section


if __name__ == "__main__":
    main()
