"""Starting.

`timapp --help` against `flask --help` without an application, and `timapp run` until it answers a
request, on a database that is ready, against the time until a server of the same kind answers that
has plain Flask and one look-up by the driver in it.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench.apps import PATH, environment_of
from bench.measure import interleaved
from bench.report import Section, at_most, compared
from bench.run import THREADS, Run
from bench.server import PROJECT, served, timapp_run

TITLE = "Starting"
_FLASK, _TIMAPP = "flask --help", "timapp --help"
_BARE, _RUN = "plain Flask", "timapp run"


def measure(run: Run, section: Section) -> None:
    """Measure the command line, and the server on both databases."""
    python = [sys.executable, "-m"]
    series = interleaved(
        {
            _FLASK: lambda: _seconds([*python, "flask", "--help"]),
            _TIMAPP: lambda: _seconds([*python, "timApp.cli", "--help"]),
        },
        run.choose(1, 1, 15),
    )
    ratio = series[_TIMAPP].ratio_to(series[_FLASK])
    section.goals.append(at_most(f"{_TIMAPP} / {_FLASK}", ratio, 2))
    section.tables.append(compared("The command line", series, _FLASK, "s"))
    for kind in run.kinds_served:
        with run.database(kind) as url:
            folder = run.new_folder("start")
            environment = environment_of(url, 0, folder)
            series = interleaved(
                {
                    _BARE: _until_bare_answers(kind, environment, folder),
                    _RUN: _until_timapp_answers(environment, folder),
                },
                run.choose(1, 1, 9),
            )
        section.goals.append(
            at_most(f"{kind}: timapp run until it answers", series[_RUN].median, 2, " s")
        )
        section.tables.append(compared(kind, series, _BARE, "s"))


def _seconds(command: list[str]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, cwd=PROJECT, check=True, capture_output=True)
    return time.perf_counter() - begun


def _until_bare_answers(
    kind: str, environment: dict[str, str], folder: Path
) -> Callable[[], float]:
    def measure_once() -> float:
        begun = time.perf_counter()
        with served("bench.apps.raw:create_app", environment, folder, PATH, threads=THREADS[kind]):
            return time.perf_counter() - begun

    return measure_once


def _until_timapp_answers(environment: dict[str, str], folder: Path) -> Callable[[], float]:
    def measure_once() -> float:
        begun = time.perf_counter()
        with timapp_run(environment, folder):
            return time.perf_counter() - begun

    return measure_once
