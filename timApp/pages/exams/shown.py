"""An exam as pages show it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from timApp.document.shutout import ShutOut
from timApp.guard.rules.exam import Phase, end_of, phase_of, start_of
from timApp.guard.rules.exambrowser import BrowserRule
from timApp.guard.rules.policy import Policy
from timApp.guard.tables.exam import Exam


@dataclass(frozen=True)
class ShownExam:
    """What there is to see of an exam."""

    id: int
    title: str
    phase: Phase
    start: datetime
    end: datetime
    groups: Sequence[str]
    documents: Sequence[str]
    supervisors: Sequence[str]
    policy: Policy
    browser: BrowserRule
    #: Documents that some who sit it cannot open, for lack of the right.
    shut_out: Sequence[ShutOut]
    #: Whether somebody may begin it by hand; also when the clock has.
    may_begin: bool

    @property
    def may_end(self) -> bool:
        """Whether somebody may end it by hand."""
        return self.phase is Phase.RUNS

    @property
    def may_delete(self) -> bool:
        """Whether somebody may delete it."""
        return self.phase is Phase.TO_COME


def shown_exam(
    exam: Exam, moment: datetime, documents: Sequence[str], shut_out: Sequence[ShutOut]
) -> ShownExam:
    """Return what there is to see of an exam at a moment.

    Of one that is over it does not matter who cannot open it.
    """
    phase = phase_of(exam, moment)
    return ShownExam(
        id=exam.id,
        title=exam.title,
        phase=phase,
        start=start_of(exam),
        end=end_of(exam),
        groups=[group.name for group in exam.groups],
        documents=documents,
        supervisors=[group.name for group in exam.supervisors],
        policy=exam.policy,
        browser=exam.browser,
        shut_out=() if phase is Phase.OVER else shut_out,
        may_begin=may_begin(exam, moment),
    )


def may_begin(exam: Exam, moment: datetime) -> bool:
    """Tell whether somebody may begin the exam by hand at a moment."""
    return phase_of(exam, moment) is not Phase.OVER and exam.begun_at is None
