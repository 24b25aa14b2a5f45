"""``python -m tests.failover --failovers 5 --write``; `make failover` runs it."""

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.failover.campaign import Failover, hall
from tests.failover.cluster import ttl
from tests.storm.report import circumstances, table, write

_COLUMNS = (
    "leader",
    "successor",
    "acts",
    "acknowledged",
    "lost",
    "half done",
    "first answer, s",
    "all answered, s",
    "gap / ttl",
    "server",
)


def row_of(one: Failover) -> Sequence[str]:
    """Return the cells of one failover."""
    return (
        one.leader,
        one.successor,
        f"{one.verdict.acts:,}",
        f"{one.verdict.acknowledged:,}",
        str(len(one.verdict.lost)),
        str(len(one.verdict.half_done)),
        f"{one.gap.first:.1f}",
        f"{one.gap.everywhere:.1f}",
        f"{one.gap.everywhere / ttl():.2f}",
        "went on" if one.is_same_server else "was started again",
    )


def main() -> int:
    """Run the campaign and print its table; return 1 if anything was lost or half done."""
    parser = argparse.ArgumentParser(prog="python -m tests.failover")
    parser.add_argument("--failovers", type=int, default=5)
    parser.add_argument("--patroni", default="patroni", help="the program")
    parser.add_argument("--write", action="store_true", help="put the table into docs/faults.md")
    arguments = parser.parse_args()
    patroni = shutil.which(arguments.patroni)
    if patroni is None:
        parser.error(f"there is no program {arguments.patroni}")
    found = []
    with hall(str(Path(patroni).absolute())) as open_hall:
        version = open_hall.cluster.version()
        for _ in range(arguments.failovers):
            found.append(open_hall.fail_over())
            print(*row_of(found[-1]), sep=" | ", flush=True)  # noqa: T201
            for problem in [*found[-1].verdict.lost, *found[-1].verdict.half_done]:
                print("   ", problem, flush=True)  # noqa: T201
    lines = [
        f"{circumstances(version)} Patroni's `ttl` is {ttl()} s.",
        "",
        *table(_COLUMNS, [row_of(one) for one in found]),
    ]
    print("", *lines, sep="\n")  # noqa: T201
    if arguments.write:
        write("make failover", lines)
    return 0 if all(one.verdict.is_good and one.is_same_server for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
