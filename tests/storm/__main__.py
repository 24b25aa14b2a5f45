"""The campaign of kills: ``python -m tests.storm --kills 200 --write``; `make storm` runs it."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import ExitStack

from tests.storm.campaign import Outcome, Scale, kill_often
from tests.storm.kills import KILLS, POSTGRESQL_KILLS
from tests.storm.postgres import OwnPostgreSQL
from tests.storm.report import FAULTS, circumstances, row_of, table_of, with_earlier, write


def _outcomes(arguments: argparse.Namespace, postgres: OwnPostgreSQL) -> Iterator[Outcome]:
    scale = Scale(arguments.kills, patience=arguments.patience)
    stages = {"SQLite": (None, KILLS), "PostgreSQL": (postgres, KILLS | POSTGRESQL_KILLS)}
    for database, (server, kills) in stages.items():
        for kind, kill in kills.items():
            if arguments.only and arguments.only not in f"{database} {kind}":
                continue
            yield kill_often(kind, kill, database, scale, server)


def main() -> int:
    """Run the campaign and print its tables; return 1 if anything was lost or half done."""
    parser = argparse.ArgumentParser(prog="python -m tests.storm")
    parser.add_argument("--kills", type=int, default=200, help="kills of each kind")
    parser.add_argument("--patience", type=float, default=15, help="seconds until help comes")
    parser.add_argument("--only", help="kinds with these words in their name, such as 'SQLite a'")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/faults.md")
    arguments = parser.parse_args()
    outcomes: list[Outcome] = []
    with ExitStack() as stack:
        postgres = OwnPostgreSQL()
        stack.callback(postgres.stop)
        version = postgres.version()
        for outcome in _outcomes(arguments, postgres):
            outcomes.append(outcome)
            print(outcome.database, *row_of(outcome), sep=" | ", flush=True)  # noqa: T201
            for problem in [*outcome.verdict.lost, *outcome.verdict.half_done]:
                print("   ", problem, flush=True)  # noqa: T201
    for database in dict.fromkeys(outcome.database for outcome in outcomes):
        mark = f"make storm: {database}"
        of_database = [outcome for outcome in outcomes if outcome.database == database]
        heading = [circumstances(version), f"Help came after {arguments.patience:g} s.", ""]
        print("", *heading, *table_of(of_database), sep="\n")  # noqa: T201
        if arguments.write:
            rows = with_earlier(FAULTS.read_text("utf-8"), mark, of_database)
            write(mark, [*heading, *rows])
    is_good = all(one.verdict.is_good and not one.unanswered for one in outcomes)
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
