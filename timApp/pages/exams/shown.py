"""An exam as pages show it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

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


def shown_exam(exam: Exam, moment: datetime, documents: Sequence[str]) -> ShownExam:
    """Return what there is to see of an exam at a moment."""
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
        may_begin=phase is not Phase.OVER and exam.begun_at is None,
    )
