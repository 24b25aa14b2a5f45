"""Tells receivers again and again, beside what a process does."""

import logging
from collections.abc import Callable
from threading import Event, Thread

from timApp.database.failure import log_failure
from timApp.database.patience import LONG_PATIENCE, patience
from timApp.receivers.owe import forget_old, owe_all
from timApp.receivers.teller import Lease, Outcome, Teller
from timApp.util.repeats import Repeats

#: Seconds between two looks at what is due, and rounds between two looks at what is old.
_PAUSE = 1
_FORGET_EVERY = 60

_log = logging.getLogger(__name__)

Report = Callable[[Outcome], object]


def tell_due(teller: Teller) -> list[Outcome]:
    """Tell all receivers what is due; return what came of it, when all have been told.

    Several may do so at once, in whatever processes.
    """
    owe_all(teller.engine)
    forget_old(teller.engine)
    outcomes: list[Outcome] = []
    failures = _failures()
    due = teller.claim_due()
    threads = [_start(teller, one, outcomes.append, failures) for one in due]
    for thread in threads:
        thread.join()
    return outcomes


def tell_forever(teller: Teller, stop: Event, report: Report) -> None:
    """Tell receivers what is due until `stop` is set, and report what came of it.

    A slow one keeps nobody waiting. An error ends a round only, as when the database is restarted.
    """
    rounds, failures = 0, _failures()
    while not stop.is_set():
        try:
            with patience(LONG_PATIENCE):
                owe_all(teller.engine)
                if rounds % _FORGET_EVERY == 0:
                    forget_old(teller.engine)
                for lease in teller.claim_due():
                    _start(teller, lease, report, failures)
        except Exception as error:
            _tell_log(error, failures)
        rounds += 1
        stop.wait(_PAUSE)


def start_telling(teller: Teller, report: Report = bool) -> None:
    """Do `tell_forever` in a thread of its own until the process ends."""
    arguments = (teller, Event(), report)
    Thread(target=tell_forever, args=arguments, daemon=True, name="tell receivers").start()


def _start(teller: Teller, lease: Lease, report: Report, failures: Repeats) -> Thread:
    def work() -> None:
        try:
            with patience(LONG_PATIENCE):
                for outcome in teller.tell(lease):
                    report(outcome)
        except Exception as error:
            _tell_log(error, failures)

    # One that the end of the process need not wait for, unlike those of a pool.
    thread = Thread(target=work, daemon=True, name=f"tell {lease.name}")
    thread.start()
    return thread


def _failures() -> Repeats:
    return Repeats(who="rounds")


def _tell_log(error: Exception, failures: Repeats) -> None:
    log_failure(_log, "Receivers could not be told what they are owed", error, failures)
