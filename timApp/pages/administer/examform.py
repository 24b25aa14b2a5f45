"""The form in which an administrator plans an exam."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from timApp.auth.site import db
from timApp.guard.exams.plan import ExamPlan, named_groups
from timApp.guard.rules.exam import EXAM_POLICY
from timApp.guard.rules.policy import AfterEnd, DeviceRule, OverLimit, Policy
from timApp.pages.administer.filterform import read_choice
from timApp.ui.language import site_zone
from timApp.util.errors import TimError
from timApp.util.localtime import moment_of

#: The names of the fields.
EXAM_FIELDS = frozenset(
    {
        *("title", "from", "to", "groups", "documents", "supervisors"),
        *("over_limit", "after_end", "device"),
    }
)
#: Where the form says what operations say of an input.
_FIELDS_OF_INPUTS = {"document": "documents"}


@dataclass
class ExamForm:
    """What was filled in, what it means, and what is wrong with it."""

    #: What was filled in, by field.
    texts: dict[str, str] = field(default_factory=dict)
    policy: Policy = EXAM_POLICY
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    #: What cannot be carried out, by field.
    errors: dict[str, TimError] = field(default_factory=dict)

    def lines(self, name: str) -> list[str]:
        """Return the names in a field, of which each line has one."""
        lines = (line.strip() for line in self.texts.get(name, "").splitlines())
        return [line for line in lines if line]

    def plan(self) -> ExamPlan | None:
        """Return the exam that is to be; None if a field is at fault."""
        if self.errors or self.starts_at is None or self.ends_at is None:
            return None
        return ExamPlan(
            self.texts.get("title", ""),
            self.starts_at,
            self.ends_at,
            self.lines("groups"),
            self.lines("supervisors"),
            self.policy,
        )

    def blame(self, error: TimError) -> None:
        """Keep an error of the operations beside its field; raise one that is of no field."""
        name = _FIELDS_OF_INPUTS.get(error.field or "", error.field)
        if name not in EXAM_FIELDS:
            raise error
        self.errors[name] = error


def read_exam(fields: Mapping[str, str]) -> ExamForm:
    """Return the form with these fields; times without an offset are meant in the site's zone.

    Errors of the fields that somebody types into are kept in the form. `BadInput` for a policy that
    does not exist.
    """
    form = ExamForm({name: fields[name].strip() for name in EXAM_FIELDS if name in fields})
    form.policy = Policy(
        read_choice(OverLimit, form.texts, "over_limit", EXAM_POLICY.over_limit),
        read_choice(AfterEnd, form.texts, "after_end", EXAM_POLICY.after_end),
        read_choice(DeviceRule, form.texts, "device", EXAM_POLICY.device),
    )
    form.starts_at, form.ends_at = _read_time(form, "from"), _read_time(form, "to")
    for name in ("groups", "supervisors"):
        try:
            named_groups(db, form.lines(name))
        except TimError as error:
            form.errors[name] = error
    return form


def _read_time(form: ExamForm, name: str) -> datetime | None:
    try:
        return moment_of(form.texts.get(name, ""), site_zone(), name)
    except TimError as error:
        form.errors[name] = error
        return None
