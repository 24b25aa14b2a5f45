"""Whether an exam closes what belongs to it, and why: pure functions of values."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from timApp.guard.rules.exam import Phase, end_of, phase_of, start_of
from timApp.guard.rules.exambrowser import NO_KEYS, BrowserRule, ExamKeys, ShownKeys, state_of


class Closed(Enum):
    """Why somebody may not open a document of an exam."""

    TO_COME = "the exam has not begun"
    OVER = "the exam is over"
    HANDED_IN = "they have handed the exam in"
    NOT_SITTING = "they do not sit the exam"
    BROWSER = "they are not in Safe Exam Browser with the settings of the exam"


@dataclass(frozen=True)
class ExamOfDocument:
    """An exam to which a document belongs, and what it is to whoever asks."""

    id: int
    title: str
    starts_at: datetime
    ends_at: datetime
    begun_at: datetime | None
    ended_at: datetime | None
    sits: bool
    supervises: bool
    #: When they handed it in; None if they have not.
    handed_in_at: datetime | None
    #: Whether it asks for Safe Exam Browser, and what that has to show.
    rule: BrowserRule = BrowserRule.NO
    keys: ExamKeys = NO_KEYS

    @property
    def start(self) -> datetime:
        """When it begins or began."""
        return start_of(self)

    @property
    def end(self) -> datetime:
        """When it ends or ended."""
        return end_of(self)

    def asks(self, moment: datetime) -> bool:
        """Tell whether it asks them for the browser then."""
        is_open = self.closed_to_person(moment) is None and not self.supervises
        return is_open and self.rule is not BrowserRule.NO

    def closed(self, moment: datetime, shown: ShownKeys) -> Closed | None:
        """Return why its documents are closed to them, as they come; None if they are open."""
        why = self.closed_to_person(moment)
        is_required = self.rule is BrowserRule.REQUIRED and self.asks(moment)
        if why is None and is_required and not state_of(shown, self.keys).is_right:
            return Closed.BROWSER
        return why

    def closed_to_person(self, moment: datetime) -> Closed | None:
        """Return why its documents are closed to them then, wherever they ask from."""
        if self.supervises:
            return None
        if not self.sits:
            return Closed.NOT_SITTING
        if self.handed_in_at is not None:
            return Closed.HANDED_IN
        match phase_of(self, moment):
            case Phase.TO_COME:
                return Closed.TO_COME
            case Phase.OVER:
                return Closed.OVER
        return None


@dataclass(frozen=True)
class Closing:
    """Why a document is closed, and the exam that says so."""

    why: Closed
    exam: ExamOfDocument


def closing_of(
    exams: Iterable[ExamOfDocument], moment: datetime, shown: ShownKeys
) -> Closing | None:
    """Return why a document of these exams is closed; None if one opens it, or there are none.

    Of several exams, one that is closed for the browser alone is named first, then one that runs
    and that they have handed in, then the next one
    to come, one that they have handed in, and the one that ended last. Of those that they do not
    sit it is one that runs, if one does.
    """
    found: list[Closing] = []
    for exam in exams:
        why = exam.closed(moment, shown)
        if why is None:
            return None
        found.append(Closing(why, exam))
    of_kind = {kind: [one for one in found if one.why is kind] for kind in Closed}
    running = [one for one in found if phase_of(one.exam, moment) is Phase.RUNS]
    first = [*of_kind[Closed.BROWSER], *(one for one in running if one.why is Closed.HANDED_IN)]
    if first:
        return first[0]
    if of_kind[Closed.TO_COME]:
        return min(of_kind[Closed.TO_COME], key=lambda one: one.exam.start)
    if of_kind[Closed.HANDED_IN]:
        return of_kind[Closed.HANDED_IN][0]
    if of_kind[Closed.OVER]:
        return max(of_kind[Closed.OVER], key=lambda one: one.exam.end)
    return next(iter(running or found), None)
