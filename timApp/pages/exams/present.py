"""What an exam is as a form of it is shown or read."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from timApp.auth.site import db
from timApp.document.exam import documents_of_exams
from timApp.guard.exams.plan import ExamPlan, plan_of
from timApp.guard.rules.exam import Phase, end_of, phase_of, start_of
from timApp.guard.tables.exam import Exam
from timApp.ui.language import site_zone
from timApp.util.clock import now


@dataclass(frozen=True)
class Present:
    """What an exam is as its form is shown or read."""

    id: int
    phase: Phase
    plan: ExamPlan
    documents: Sequence[str]
    #: When it begins or began, and ends or ended, by hand or by the clock.
    start: datetime
    end: datetime
    #: What the fields say when nothing is typed.
    texts: Mapping[str, str]

    @property
    def mark(self) -> str:
        """A text that is another one when somebody has changed the exam; it has a mark a field."""
        marks = (f"{name}:{self.mark_of(name, text)}" for name, text in self.texts.items())
        return " ".join(marks)

    def mark_of(self, name: str, text: str) -> str:
        """Return what the mark has for a field that says this text."""
        content = json.dumps([self.id, name, text.splitlines()])
        return hashlib.sha256(content.encode()).hexdigest()[:32]


def present_exam(exam: Exam) -> Present:
    """Return what an exam is now, for its forms."""
    documents, plan = documents_of_exams(db).get(exam.id, []), plan_of(exam)
    texts = {
        "title": plan.title,
        "from": wall_text(plan.starts_at),
        "to": wall_text(plan.ends_at),
        "groups": "\n".join(plan.groups),
        "documents": "\n".join(documents),
        "supervisors": "\n".join(plan.supervisors),
        "over_limit": plan.policy.over_limit.value,
        "after_end": plan.policy.after_end.value,
        "device": plan.policy.device.value,
        "browser": plan.browser.rule.value,
        "config_key": plan.browser.config_key,
        "browser_keys": "\n".join(plan.browser.browser_keys),
        # No field of the form: it is changed on a page of its own.
        "file": exam.seb_key or "",
    }
    phase = phase_of(exam, now())
    return Present(exam.id, phase, plan, documents, start_of(exam), end_of(exam), texts)


def wall_text(moment: datetime) -> str:
    """Return what clocks in the site's zone show, as a field of date and time has it."""
    local = moment.astimezone(site_zone()).replace(tzinfo=None)
    return local.isoformat(timespec="seconds" if local.second else "minutes")
