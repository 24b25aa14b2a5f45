"""Which exams a page of administrators is about: by default those that run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from timApp.auth.site import db
from timApp.guard.exams.find import require_exam, running_exams
from timApp.guard.rules.exam import end_of, start_of
from timApp.guard.tables.exam import Exam

#: The name of the parameter: the title of an exam, or nothing for all that there is. Left out, it
#: means the exams that run.
EXAM_FIELD = "exam"


@dataclass(frozen=True)
class NamedExam:
    """An exam as it stands in the line that says what a page is about."""

    title: str
    start: datetime
    end: datetime


@dataclass(frozen=True)
class ExamChoice:
    """What was chosen, or is by default, and what else there is to choose."""

    #: Those that the page is about; none if it is about all that there is, in an exam or not.
    exams: Sequence[Exam]
    running: Sequence[Exam]

    @property
    def text(self) -> str | None:
        """What stands in the addresses of links, so that these stay with it.

        None for several exams at once, of which there is no other choice than the default one, and
        where nothing runs and nothing was chosen.
        """
        if not self.exams and self.running:
            return ""
        return self.exams[0].title if len(self.exams) == 1 else None

    @property
    def chosen(self) -> list[NamedExam]:
        """Those that the page is about, to be named."""
        return list(map(_named, self.exams))

    @property
    def others(self) -> list[NamedExam]:
        """Those that run and of which the page could be about, instead of what it is about."""
        if len(self.exams) == 1:
            return [_named(exam) for exam in self.running if exam is not self.exams[0]]
        return list(map(_named, self.running))


def read_exam_choice(parameters: Mapping[str, str], user_id: int | None = None) -> ExamChoice:
    """Return the choice that an address says; `NotFound` (field ``title``) for an unknown exam.

    On a page of one person, those count as running that this person sits.
    """
    running = running_exams(db, user_id)
    title = parameters.get(EXAM_FIELD)
    if title is None:
        return ExamChoice(running, running)
    title = title.strip()
    return ExamChoice([require_exam(db, title)] if title else [], running)


def _named(exam: Exam) -> NamedExam:
    return NamedExam(exam.title, start_of(exam), end_of(exam))
