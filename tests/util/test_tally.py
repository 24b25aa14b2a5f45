"""Numbers that several processes count."""

import multiprocessing

from timApp.util.tally import Tally

SEEN, HERE = ("seen", "door"), ("here",)


def test_what_processes_count_is_added_up_and_outlives_them() -> None:
    """Whoever counts may end, and the one that takes its place goes on from there."""
    tally = Tally()
    tally.declare([SEEN, HERE])
    tally.share(2)

    def work(row: int) -> None:
        tally.take_row(row)
        for _ in range(100):
            tally.count(SEEN)
        tally.put(HERE, row + 1)

    for rows in ((0, 1), (1,)):
        processes = [
            multiprocessing.get_context("fork").Process(target=work, args=(row,)) for row in rows
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
    assert tally.totals() == {SEEN: 300, HERE: 3}


def test_a_process_alone_counts_without_further_ado() -> None:
    """What was not declared is not counted, and hurts nobody."""
    tally = Tally()
    tally.declare([SEEN])
    tally.count(SEEN, 2.5)
    tally.count(HERE)
    tally.put(HERE, 1)
    assert tally.totals() == {SEEN: 2.5}
    assert SEEN in tally
    assert HERE not in tally
