"""Looks into the database for the front, and who makes them.

Where nobody has to be waited for, and no other thread of the process works, the loop looks by
itself: to hand a question to a thread would cost more than that. If another one works, Python would
leave the loop waiting for it at each look. A server's answer it waits for beside all else, for a
moment. All else is looked up by one thread.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread

from timApp.database.failure import log_failure
from timApp.database.patience import DOCUMENT_PATIENCE, patience
from timApp.guard import Guard
from timApp.guard.cookie import Claims
from timApp.guard.verdict import Verdict
from timApp.guard.visitor import Look
from timApp.serve.http.mailbox import Mailbox
from timApp.serve.standing.watching import watch
from timApp.util.measures import DATABASE_ERRORS, STATE
from timApp.util.repeats import Repeats
from timApp.util.tally import Tally

_log = logging.getLogger(__name__)

#: Seconds that a look of the loop may take, and for how long the thread makes all of them after one
#: that took longer. SQLite waits by itself for up to 10 s, whatever it is told, while another
#: process holds what only a moment is held for; a disk may take as long.
_SHORT, _REST = 0.2, 60.0

#: Verdicts on those who were asked about, as `Guard.check_all` returns them, or None if nobody can
#: tell; and a mark of the exams that run.
Heard = Callable[[Sequence[Verdict | None] | None, str], None]


@dataclass(frozen=True)
class Bearer:
    """Who is asked about."""

    claims: Claims
    #: Whether the answer may bring a new cookie.
    renews: bool


@dataclass(frozen=True)
class _Job:
    """What the thread is to look up, or to wait for if it has begun."""

    bearers: Sequence[Bearer]
    heard: Heard
    look: Look | None = None


class Looks:
    """Looks people up; for the loop's thread."""

    def __init__(
        self, guard: Guard, mailbox: Mailbox, tally: Tally, is_quiet: Callable[[], bool]
    ) -> None:
        """`tally` counts what fails; `is_quiet` tells whether no other thread works."""
        self._guard = guard
        self._mailbox = mailbox
        self._tally = tally
        self._is_quiet = is_quiet
        self._jobs: SimpleQueue[_Job] = SimpleQueue()
        self._failures = Repeats()
        #: When the loop may look again, on the clock `time.monotonic`.
        self._rests_until = 0.0

    def start(self) -> None:
        """Start the thread."""
        Thread(target=self._look_up_forever, daemon=True, name="looks").start()

    def exams_at_once(self) -> str | None:
        """Return which exams run, if the loop may look by itself, and that is known."""
        if time.monotonic() < self._rests_until or not self._is_quiet():
            return None
        return self._guard.running_exams.known_mark

    def at_once(self, bearer: Bearer) -> Verdict | None:
        """Return the verdict on somebody, if nobody has to be waited for; see `exams_at_once`."""
        begun = time.monotonic()
        if begun < self._rests_until:
            return None
        try:
            return self._guard.check_at_once(bearer.claims, renews=bearer.renews)
        except Exception:  # the thread meets it again, and tells of it
            return None
        finally:
            ended = time.monotonic()
            if ended - begun > _SHORT:
                self._rests_until = ended + _REST

    def look_up(self, bearers: Sequence[Bearer], heard: Heard) -> None:
        """Look some up, and call `heard` once, later or at once."""
        exams = self.exams_at_once()
        look = None if exams is None else self._guard.visitors.begin_look(*_apart(bearers))
        if exams is None or look is None:
            self._jobs.put(_Job(bearers, heard))
            return

        def ended(is_over: bool) -> None:
            if not is_over:
                self._jobs.put(_Job(bearers, heard, look))
                return
            verdicts = self._verdicts_of(look)
            if verdicts is None:
                self._jobs.put(_Job(bearers, heard))
                return
            self._complete(bearers, verdicts, lambda all_verdicts: heard(all_verdicts, exams))

        watch(self._mailbox.loop, look, ended)

    def _verdicts_of(self, look: Look) -> list[Verdict | None] | None:
        """Return the verdicts of a look that is over; None if it has failed."""
        try:
            visitors = look.visitors()
        except Exception:  # the thread meets it again, and tells of it
            return None
        return None if visitors is None else [self._guard.verdict_on(one) for one in visitors]

    def _complete(
        self,
        bearers: Sequence[Bearer],
        verdicts: list[Verdict | None],
        heard: Callable[[Sequence[Verdict | None] | None], None],
    ) -> None:
        """Let the thread look at those on whom there is no verdict yet, if there are any."""
        missing = [number for number, verdict in enumerate(verdicts) if verdict is None]
        if not missing:
            heard(verdicts)
            return

        def take(found: Sequence[Verdict | None] | None, _exams: str) -> None:
            for number, verdict in zip(missing, found or (), strict=False):
                verdicts[number] = verdict
            heard(None if found is None else verdicts)

        self._jobs.put(_Job([bearers[number] for number in missing], take))

    def _look_up_forever(self) -> None:
        while True:
            self._look_up(self._jobs.get())

    def _look_up(self, job: _Job) -> None:
        verdicts: list[Verdict | None] | None = None
        exams = ""
        try:
            with patience(DOCUMENT_PATIENCE):
                exams = self._guard.running_exams.mark()
                if job.look is None:
                    verdicts = self._guard.check_all(*_apart(job.bearers))
                else:
                    verdicts = [self._guard.verdict_on(one) for one in job.look.finish()]
        except Exception as error:
            self._tell(error, len(job.bearers))
        self._mailbox.post(lambda: job.heard(verdicts, exams))

    def _tell(self, error: Exception, count: int) -> None:
        self._tally.count(DATABASE_ERRORS.key(STATE), count)
        log_failure(_log, "Sessions cannot be looked up", error, self._failures, count)


def _apart(bearers: Sequence[Bearer]) -> tuple[list[Claims], list[bool]]:
    return [one.claims for one in bearers], [one.renews for one in bearers]
