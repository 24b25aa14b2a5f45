"""When an exam runs, worked out from its times and written down by nobody; and what may change."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Protocol

from timApp.guard.rules.policy import AfterEnd, DeviceRule, OverLimit, Policy

#: What counts for those who sit an exam, unless it says otherwise.
EXAM_POLICY = Policy(OverLimit.BLOCK_NEW, AfterEnd.HOLD, DeviceRule.SAME)


class Phase(Enum):
    """What an exam is at a moment."""

    TO_COME = "to come"
    RUNS = "runs"
    OVER = "over"


class Part(Enum):
    """What somebody may want to change about an exam; the value is the name of the field."""

    TITLE = "title"
    START = "from"
    END = "to"
    #: That somebody sits it who did not, and that somebody does not who did.
    MORE_GROUPS = "groups"
    FEWER_GROUPS = "groups taken away"
    DOCUMENTS = "documents"
    SUPERVISORS = "supervisors"
    POLICY = "policy"
    #: Whether it asks for Safe Exam Browser, and with which settings.
    BROWSER = "browser"

    @property
    def field(self) -> str:
        """The name of the field that an error is about."""
        return Part.MORE_GROUPS.value if self is Part.FEWER_GROUPS else self.value


_CHANGEABLE: Mapping[Phase, frozenset[Part]] = {
    Phase.TO_COME: frozenset(Part),
    # What happened since it began counts from its beginning and by its policy, and nobody who sits
    # in it loses it by a change.
    Phase.RUNS: frozenset(Part) - {Part.START, Part.FEWER_GROUPS, Part.POLICY},
    Phase.OVER: frozenset({Part.TITLE}),
}


class TimedExam(Protocol):
    """What has to be known of an exam."""

    @property
    def starts_at(self) -> datetime:
        """When the clock begins it."""

    @property
    def ends_at(self) -> datetime:
        """When the clock ends it."""

    @property
    def begun_at(self) -> datetime | None:
        """When somebody began it; None if nobody did."""

    @property
    def ended_at(self) -> datetime | None:
        """When somebody ended it; None if nobody did."""


def start_of(exam: TimedExam) -> datetime:
    """Return when it begins, or began: by hand or by the clock, whichever is first."""
    return exam.starts_at if exam.begun_at is None else min(exam.starts_at, exam.begun_at)


def end_of(exam: TimedExam) -> datetime:
    """Return when it ends, or ended: by hand or by the clock, whichever is first."""
    return exam.ends_at if exam.ended_at is None else min(exam.ends_at, exam.ended_at)


def phase_of(exam: TimedExam, moment: datetime) -> Phase:
    """Return what the exam is then, which is not before what somebody has done to it.

    What somebody has done has happened, though the clock of their server is ahead.
    """
    if exam.ended_at is not None or exam.ends_at <= moment:
        return Phase.OVER
    if exam.begun_at is not None or exam.starts_at <= moment:
        return Phase.RUNS
    return Phase.TO_COME


def changeable(phase: Phase) -> frozenset[Part]:
    """Return what may change about an exam in that phase."""
    return _CHANGEABLE[phase]
