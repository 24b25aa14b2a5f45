"""Which exams run, as pages that are open have to know it."""

import time

import sqlalchemy as sa

from timApp.database.driver.read import QuickRead
from timApp.guard.tables.exam import Exam, runs
from timApp.util.clock import now

#: Seconds after which it is looked up again.
_LOOK_EVERY = 1.0
_running = QuickRead(
    sa.select(Exam.id).where(runs(sa.bindparam("moment", type_=Exam.starts_at.type)))
)


class RunningExams:
    """Tells when an exam begins or ends, by hand or by the clock; for all threads of a process."""

    def __init__(self, engine: sa.Engine) -> None:
        self._read = _running.outside(engine)
        # Both at once, so that threads need no lock.
        self._known = (0.0, "")

    @property
    def known_mark(self) -> str | None:
        """That text; None if it would have to be looked up."""
        until, mark = self._known
        return mark if time.monotonic() < until else None

    def mark(self) -> str:
        """Return a text that is another one when another exam runs; a second old at most.

        What was decided before it was asked for may be of an older one, and what is decided
        afterwards is not.
        """
        until, mark = self._known
        moment = time.monotonic()
        if moment >= until:
            rows = self._read.all({"moment": now()})
            mark = " ".join(str(one) for one in sorted(number for (number,) in rows))
            self._known = (moment + _LOOK_EVERY, mark)
        return mark
